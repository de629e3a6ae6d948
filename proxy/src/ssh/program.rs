//! Session channels: a shell, a command or a subsystem of a space (RFC 4254 §6).

use std::sync::Arc;

use bytes::Bytes;
use russh::Sig;
use spaceport_domain::agent::{
    ByteText, Exec, Exit, Program, Pty, Refusal, RefusalCode, Service,
    frame::{Kind, encode_size},
};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::{
    agent_forwarding::AgentForwarding,
    carriage,
    connection::{Inner, Outlet, Unserved},
    intake::{Input, Inputs},
};
use crate::upstream::agent::{AgentError, Frames, NoAgent, write_frames};

/// The status when there is no program to run, as the `ssh` client has it for errors of its own.
const EXIT_FAILED: u32 = 255;
/// The status when the space doesn't run.
const EXIT_NOT_RUNNING: u32 = 1;

/// What is to be run.
#[derive(Debug)]
pub(super) enum Wanted {
    /// A program.
    Program {
        /// Itself.
        program: Program,
        /// What it is to find in its environment.
        env: Vec<(String, ByteText)>,
        /// Its terminal.
        pty: Option<Pty>,
        /// Whether it may use the client's keys.
        agent: Option<Arc<AgentForwarding>>,
    },
    /// The server of SFTP.
    Sftp,
}

/// How it ended.
#[derive(Debug)]
enum Ended {
    With(Exit),
    Failed(u32),
    /// The client has gone; there is nobody to tell.
    Gone,
}

/// Runs what is wanted until it ends or the channel is closed, and tells the client how it ended.
pub(super) async fn serve(outlet: Outlet, inner: Inner, wanted: Wanted) {
    let Inner { mut inputs, closed } = inner;
    let session = async {
        let ended = run(&outlet, &mut inputs, wanted).await;
        tell(&outlet, ended).await;
    };
    let _ = closed.run_until_cancelled(session).await;
    outlet.close().await;
}

async fn run(outlet: &Outlet, inputs: &mut Inputs, wanted: Wanted) -> Ended {
    let is_sftp = matches!(wanted, Wanted::Sftp);
    let service = match wanted {
        Wanted::Sftp => Service::Sftp,
        Wanted::Program {
            program,
            mut env,
            pty,
            agent,
        } => {
            if let Some(agent) = agent {
                match agent.path(&outlet.connection, &outlet.handle).await {
                    Ok(path) => env.push(("SSH_AUTH_SOCK".to_owned(), path)),
                    Err(error) => tracing::debug!(%error, "an SSH agent isn't forwarded"),
                }
            }
            Service::Exec(Exec {
                program,
                env,
                working_dir: None,
                pty,
            })
        }
    };
    let conversation = match outlet.connection.ask(service).await {
        Ok(conversation) => conversation,
        Err(error) => {
            let line = format!("spaceport: {}\r\n", reason(outlet, &error));
            let _ = outlet.stderr(Bytes::from(line)).await;
            return Ended::Failed(status_of(&error));
        }
    };
    if is_sftp {
        carriage::carry(outlet, inputs, conversation.into()).await;
        return Ended::With(Exit::Status(0));
    }
    let _slot = conversation.slot;
    let (reader, writer) = conversation.stream.into_split();
    let feeding = async {
        feed(inputs, writer).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = listen(outlet, Frames::new(reader)) => ended,
        () = feeding => Ended::Gone,
    }
}

/// Hands on what the client sends. When the agent has gone, it is still taken, so that nothing on
/// the connection waits for it.
async fn feed(inputs: &mut Inputs, mut writer: OwnedWriteHalf) {
    while let Some((input, _held)) = inputs.recv().await {
        let writer = &mut writer;
        // An error is that the agent has gone, which whoever listens to it hears.
        let _ = match input {
            Input::Data(data) => write_frames(writer, Kind::Data, &data).await,
            Input::End => write_frames(writer, Kind::End, &[]).await,
            Input::Size(size) => write_frames(writer, Kind::Size, &encode_size(size)).await,
            Input::Signal(name) => write_frames(writer, Kind::Signal, name.as_bytes()).await,
        };
    }
}

/// Hands on what the program says, until its last word.
async fn listen(outlet: &Outlet, mut frames: Frames<OwnedReadHalf>) -> Ended {
    loop {
        let sent = match frames.next().await {
            Ok(Some((Kind::Data, data))) => outlet.data(data).await,
            Ok(Some((Kind::Stderr, data))) => outlet.stderr(data).await,
            Ok(Some((Kind::Exit, exit))) => {
                let exit = serde_json::from_slice(&exit);
                return exit.map_or(Ended::Failed(EXIT_FAILED), Ended::With);
            }
            Ok(Some(_)) => Ok(()),
            Ok(None) | Err(_) => {
                let line = Bytes::from_static(b"spaceport: the connection to the space broke\r\n");
                let _ = outlet.stderr(line).await;
                return Ended::Failed(EXIT_FAILED);
            }
        };
        if sent.is_err() {
            return Ended::Gone;
        }
    }
}

/// How it ended, and that there is nothing more to come.
async fn tell(outlet: &Outlet, ended: Ended) {
    let channel = &outlet.channel;
    let status = match ended {
        Ended::With(Exit::Status(status)) => u32::from(status),
        Ended::Failed(status) => status,
        Ended::With(Exit::Signal { name, core_dumped }) => {
            let signal = Sig::Custom(name);
            let _ = outlet
                .handle
                .exit_signal_request(
                    channel.id(),
                    signal,
                    core_dumped,
                    String::new(),
                    String::new(),
                )
                .await;
            let _ = channel.eof().await;
            return;
        }
        Ended::Gone => return,
    };
    let _ = channel.exit_status(status).await;
    let _ = channel.eof().await;
}

/// Why nothing runs, for a person.
fn reason(outlet: &Outlet, error: &Unserved) -> String {
    let table = outlet.connection.worker.site.routes.glance();
    let pass = outlet.connection.pass.get();
    let space = pass.and_then(|pass| table.space(pass.space));
    let name = space.map_or("the space", |it| it.space_name.as_str());
    match error {
        Unserved::NoAgent(NoAgent::NotRunning(status)) => {
            let status = status.as_str().to_ascii_lowercase();
            format!("{name} is {status}; to start it: spaceport space start {name}")
        }
        Unserved::NoAgent(NoAgent::Absent) => {
            format!("{name} has no agent yet; to give it one: spaceport space restart {name}")
        }
        Unserved::Agent(error) => format!("{name}: {error}"),
        Unserved::Nonsense => format!("{name}: {error}"),
    }
}

fn status_of(error: &Unserved) -> u32 {
    match error {
        Unserved::NoAgent(_) => EXIT_NOT_RUNNING,
        // As shells have it.
        Unserved::Agent(AgentError::Refused(Refusal { code, .. })) => match code {
            RefusalCode::NotFound => 127,
            RefusalCode::Forbidden => 126,
            _ => EXIT_FAILED,
        },
        Unserved::Agent(_) | Unserved::Nonsense => EXIT_FAILED,
    }
}
