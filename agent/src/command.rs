//! The space's command: what its template says it runs.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    process::ExitCode,
};

use rustix::{process::Signal, stdio};
use spaceport_domain::agent::{
    COMMAND_FAILED, EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND, Refusal, RefusalCode,
};

use crate::{
    children::Child,
    launch::{Becomes, Descriptors, Directory, Launch},
    server::Agent,
    signal::{arrival::Signals, exit_code},
    wire::refusal,
};

/// The signals that are meant for the command when the agent gets them. A container engine sends
/// the one that the image names to stop it.
pub const PASSED_ON: [Signal; 7] = [
    Signal::TERM,
    Signal::INT,
    Signal::HUP,
    Signal::QUIT,
    Signal::USR1,
    Signal::USR2,
    Signal::WINCH,
];

/// Starts the command; `None` where the space has none.
pub async fn start(agent: &Agent) -> Result<Option<Child>, Refusal> {
    if agent.config.command.is_empty() {
        return Ok(None);
    }
    let account = agent.account()?;
    let directory = match agent.config.working_dir.as_str() {
        "" => "/",
        directory => directory,
    };
    let command = agent.config.command.iter().map(|it| it.as_str().into());
    let becomes = Becomes::Program {
        arguments: command.collect(),
        called: None,
    };
    let mut launch = Launch::new(&account, becomes, Directory::Must(directory.into()));
    launch.environment = agent.environment(&account).into_variables();
    let descriptors = own_descriptors()
        .map_err(|error| refusal(RefusalCode::Failed, format!("no standard output: {error}")))?;
    launch.start(&agent.children, descriptors).await.map(Some)
}

/// The command writes where the agent does: into the space's log.
fn own_descriptors() -> io::Result<Descriptors> {
    let copy = |fd: std::os::fd::BorrowedFd<'_>| -> io::Result<OwnedFd> { fd.try_clone_to_owned() };
    Ok(Descriptors {
        input: copy(stdio::stdin().as_fd())?,
        output: copy(stdio::stdout().as_fd())?,
        error: copy(stdio::stderr().as_fd())?,
    })
}

/// Says why the command can't be started. The control plane reads it in the space's log.
pub fn failed(refusal: &Refusal) -> ExitCode {
    eprintln!("{COMMAND_FAILED}{refusal}");
    ExitCode::from(match refusal.code {
        RefusalCode::NotFound => EXIT_NOT_FOUND,
        _ => EXIT_NOT_EXECUTABLE,
    })
}

/// Waits until the command has ended, and passes on what is sent to the agent. Without a command
/// the first signal that asks for an end is the end.
pub async fn run(command: Option<Child>, signals: Signals) -> ExitCode {
    let Some(command) = command else {
        signals.first_that_ends().await;
        return ExitCode::SUCCESS;
    };
    let passed_on = signals.each(|signal| command.signal(signal));
    tokio::select! {
        status = command.ended() => ExitCode::from(exit_code(status)),
        () = passed_on => ExitCode::FAILURE,
    }
}
