//! Puts the edge's own pages into the program.

fn main() -> std::io::Result<()> {
    spaceport_pages::embed(&["desktop", "files", "terminal"])
}
