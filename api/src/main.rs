//! `spaceport-api`: the control plane's program.

use std::io::IsTerminal;

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
            tracing_subscriber::fmt()
                .with_env_filter(
                    tracing_subscriber::EnvFilter::try_from_env("SPACEPORT_LOG")
                        .unwrap_or_else(|_| format!("info,{}", spaceport_api::store::LOG).into()),
                )
                .with_ansi(std::io::stderr().is_terminal())
                .with_writer(std::io::stderr)
                .init();
            let settings = spaceport_api::settings::Settings::load()?;
            tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?
                .block_on(spaceport_api::serve::serve(settings))
        }
    }
}
