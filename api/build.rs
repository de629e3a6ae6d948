//! Puts the dashboard and GraphiQL into the program.

fn main() -> std::io::Result<()> {
    spaceport_embedded_pages::embed(&["dashboard", "graphiql"])
}
