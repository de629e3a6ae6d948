//! Puts the dashboard into the program.

fn main() -> std::io::Result<()> {
    spaceport_pages::embed(&["dashboard"])
}
