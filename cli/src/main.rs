//! `spaceport`: the command line of Spaceport.
//!
//! It asks the API in GraphQL, by operations that are checked against the schema when this is
//! compiled ([`api::operations`]), and the edge for everything that goes into a space.

mod api;
mod arguments;
mod browser;
mod command;
mod config;
mod copy;
mod dial;
mod edge;
mod failure;
mod forward;
mod http;
mod output;
mod place;
mod private_file;
mod session;
mod ssh;
mod terminal;
mod tickets;

use std::process::ExitCode;

use clap::Parser;

use self::{
    arguments::{Arguments, Command},
    command::{
        completion, cp, exec, forward as forwarding, keys, login, open, quota, share, space,
        ssh as shell, ssh_config, template, tunnel, whoami,
    },
    failure::Failure,
};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let is_json = arguments.global.output().is_json();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => {
            let done = runtime.block_on(run(arguments));
            // Nothing waits for a thread that reads a terminal.
            runtime.shutdown_background();
            done
        }
        Err(error) => Err(Failure::io("threads", &error)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(is_json),
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (wanted, output) = (arguments.global.wanted(), arguments.global.output());
    let session = || wanted.session(output);
    match &arguments.command {
        Command::Login(it) => login::login(&wanted, output, it).await,
        Command::Logout(it) => login::logout(&wanted, output, it).await,
        Command::Whoami => whoami::run(&session()?).await,
        Command::Template(it) => template::run(&session()?, it).await,
        Command::Space(it) => space::run(&session()?, it).await,
        Command::Open(it) => open::run(&session()?, it).await,
        Command::Ssh(it) => shell::run(&session()?, it).await,
        Command::SshConfig(it) => ssh_config::run(&session()?, it).await,
        Command::Forward(it) => forwarding::run(&session()?, it).await,
        Command::Cp(it) => cp::run(&session()?, it).await,
        Command::Exec(it) => exec::run(&session()?, it).await,
        Command::Keys(it) => keys::run(&session()?, it).await,
        Command::Tunnel(it) => tunnel::run(&session()?, it).await,
        Command::Share(it) => share::run(&session()?, it).await,
        Command::Quota => quota::run(&session()?).await,
        Command::Completion(it) => completion::run(it),
    }
}
