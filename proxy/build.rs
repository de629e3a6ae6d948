//! Puts the edge's own pages into the program.

fn main() -> std::io::Result<()> {
    spaceport_embedded_pages::embed(&["desktop", "files", "terminal"])
}
