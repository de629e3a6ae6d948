//! `spaceport-api`: the control plane's program.

use clap::{Parser, Subcommand};

/// The control plane of Spaceport: the GraphQL API and the reconciler.
#[derive(Parser)]
#[command(version)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the API (the default). Settings come from the environment and spaceport.toml.
    Serve,
    /// Prints the GraphQL schema.
    Schema,
}

fn main() -> anyhow::Result<()> {
    match Options::parse().command.unwrap_or(Command::Serve) {
        Command::Schema => {
            print!("{}", spaceport_api::graphql::sdl());
            Ok(())
        }
        Command::Serve => {
            let settings = spaceport_api::settings::Settings::load()?;
            spaceport_api::log::start(&settings.log);
            tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?
                .block_on(spaceport_api::serve::serve(settings))
        }
    }
}
