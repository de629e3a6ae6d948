//! How the edge speaks with the agent inside a space.
//!
//! The agent is a small program that the control plane puts into every space, where it is process 1.
//! It listens on one port, and every connection to it is one thing that is asked for:
//!
//! ```text
//! edge ── Hello: a message ─────────▶ agent      who asks, and for which service
//! edge ◀─ Reply: a message ────────── agent      what it is, or why not
//! edge ◀═ the service's own bytes ═══▶ agent      until one of them ends the connection
//! ```
//!
//! A message is its length in bytes (`u32`, big-endian, at most [`MESSAGE_MAX_BYTES`]) and JSON.
//! Services that carry several things send frames ([`frame`]); the others carry bytes as they are.
//! Nothing is multiplexed: the kernel's own flow control keeps services apart.
//!
//! A space outlives upgrades of the control plane and the edge, and its agent with it. So what is
//! written here only ever grows: fields and services are added, never changed, and what an agent
//! doesn't know it answers with [`RefusalCode::Unsupported`].

pub mod frame;
mod secret;
mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use secret::{Secret, SecretError};
pub use text::ByteText;

/// Where an agent listens inside its space. It is below the ports that a kernel gives to outgoing
/// connections, so that the first process of a space always finds it free.
pub const PORT: u16 = 17_433;
/// The version of the protocol that this text describes.
pub const PROTOCOL: u32 = 1;
/// The longest message. Environments and commands are in it.
pub const MESSAGE_MAX_BYTES: usize = 256 << 10;
/// Where the agent is inside a space: a file that nobody there can change.
pub const PROGRAM_PATH: &str = "/.spaceport/spaceport-agent";
/// The environment variable from which an agent reads its [`Config`]. No other process of the space
/// gets it.
pub const CONFIG_VARIABLE: &str = "SPACEPORT_AGENT";
/// What an agent writes to standard error before the reason, when the space's command can't be
/// started. It then exits with [`EXIT_NOT_FOUND`] or [`EXIT_NOT_EXECUTABLE`].
pub const COMMAND_FAILED: &str = "spaceport: the command can't be started: ";
/// The exit status when the space's command doesn't exist, as shells have it.
pub const EXIT_NOT_FOUND: u8 = 127;
/// The exit status when the space's command can't be executed, as shells have it.
pub const EXIT_NOT_EXECUTABLE: u8 = 126;

/// What an agent is told when its space starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Config {
    /// The SHA-256 of the space's [`Secret`] in hexadecimal: whoever reads it can't use it.
    pub secret_sha256: String,
    /// Where to listen; 0 stands for [`PORT`].
    pub port: u16,
    /// The space's program and its arguments. Without one the space runs as long as it isn't stopped.
    pub command: Vec<String>,
    /// Who runs everything in the space, as images name it: a name or a number, and after a colon
    /// perhaps a group. Empty stands for root.
    pub user: String,
    /// Where the command starts; empty stands for the root directory.
    pub working_dir: String,
    /// The apps to run beside the command: for each its program is `/usr/lib/spaceport/apps/<name>`
    /// in the image.
    pub apps: Vec<String>,
}

/// The first message on a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the protocol that whoever asks speaks: [`PROTOCOL`].
    pub protocol: u32,
    /// The space's secret.
    pub secret: Secret,
    /// What is asked for.
    #[serde(flatten)]
    pub service: Service,
}

/// What an agent does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "service", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Service {
    /// Says how the space is. The reply is all.
    Status,
    /// Connects to a port as seen from inside the space, by name or address. Behind the reply come
    /// the bytes of that connection.
    Dial {
        /// A host name or an address.
        host: String,
        /// A port.
        port: u16,
    },
    /// The same for a Unix socket, with the rights of the space's user.
    DialUnix {
        /// Its path.
        path: ByteText,
    },
    /// Runs a program with the rights of the space's user, for as long as the connection lasts.
    /// Behind the reply come frames.
    Exec(Exec),
    /// Attaches to a terminal, or makes one, which lasts until its program ends. Behind the reply
    /// come frames.
    Terminal(Attach),
    /// Lists the terminals. The reply is all.
    Terminals,
    /// Hangs a terminal up. The reply is all.
    CloseTerminal {
        /// Which.
        id: TerminalId,
    },
    /// Listens inside the space for as long as the connection lasts. Behind the reply come
    /// [`frame::Kind::Accepted`] frames, one for each connection; each is fetched by
    /// [`Service::Accept`] within [`ACCEPT_SECONDS`], or closed.
    Listen(Listen),
    /// Fetches a connection that was accepted. Behind the reply come its bytes.
    Accept {
        /// Its number.
        connection: u64,
    },
    /// Reads and writes files with the rights of the space's user. Behind the reply comes HTTP/1.1.
    Files,
    /// The same by SFTP, version 3.
    Sftp,
}

impl Service {
    /// The names of all services as they are spelled in a [`Hello`].
    const NAMES: [&str; 11] = [
        "STATUS",
        "DIAL",
        "DIAL_UNIX",
        "EXEC",
        "TERMINAL",
        "TERMINALS",
        "CLOSE_TERMINAL",
        "LISTEN",
        "ACCEPT",
        "FILES",
        "SFTP",
    ];

    /// Whether there is a service of this name. A [`Hello`] that isn't understood asks for one that
    /// is younger, or makes no sense.
    pub fn is_known(name: &str) -> bool {
        Self::NAMES.contains(&name)
    }
}

/// How long a connection that was accepted waits to be fetched.
pub const ACCEPT_SECONDS: u64 = 10;

/// Which program is run, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Exec {
    /// The program.
    pub program: Program,
    /// Environment variables beside those of the space, or instead of them.
    pub env: Vec<(String, ByteText)>,
    /// Where it starts; the user's home directory if nothing is said.
    pub working_dir: Option<ByteText>,
    /// Its terminal, if it is to have one.
    pub pty: Option<Pty>,
}

/// A program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Program {
    /// The user's shell as a login shell; if they have none, the first there is of bash, zsh, fish
    /// and sh.
    #[default]
    Shell,
    /// What the user's shell makes of this line.
    Line(ByteText),
    /// A program and its arguments.
    Arguments(Vec<ByteText>),
}

/// A terminal as a program sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pty {
    /// The kind of terminal: the program's `TERM`.
    pub term: String,
    /// Its size.
    pub size: Size,
    /// Modes, as pairs of an opcode and a value of RFC 4254 §8.
    #[serde(default)]
    pub modes: Vec<(u8, u32)>,
}

/// The size of a terminal. The sizes in pixels may be 0: unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// Characters in a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
    /// Width in pixels.
    #[serde(default)]
    pub width_px: u16,
    /// Height in pixels.
    #[serde(default)]
    pub height_px: u16,
}

/// The number of a terminal in its space.
pub type TerminalId = u32;

/// Attaches to a terminal.
///
/// What comes first is either everything behind `seen`, or a [`frame::Kind::Reset`] and what draws
/// the terminal anew. Each [`frame::Kind::Data`] frame to the edge adds its length to the position
/// that `seen` speaks of. A terminal has the size of the smallest of those attached to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Attach {
    /// Which; a new one if nothing is said.
    pub id: Option<TerminalId>,
    /// The size of the window it is shown in.
    pub size: Size,
    /// How far its output is known already, if it was attached to before.
    pub seen: Option<u64>,
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Listen {
    /// At an address and a port; port 0 is any free one.
    Tcp {
        /// An address, `localhost`, or empty for all addresses.
        host: String,
        /// A port.
        port: u16,
    },
    /// At a Unix socket of the agent's choice that only the space's user reaches, for the keys of
    /// who signed in by SSH.
    SshAgent,
}

/// An agent's answer to a [`Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reply {
    /// It does what was asked for.
    Done(Answer),
    /// It doesn't.
    Refused(Refusal),
}

/// What an agent tells when it does what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Answer {
    /// Nothing more.
    Begun,
    /// To [`Service::Status`].
    Status(Status),
    /// To [`Service::Terminal`].
    Terminal(Terminal),
    /// To [`Service::Terminals`].
    Terminals {
        /// All of them, oldest first.
        terminals: Vec<Terminal>,
    },
    /// To [`Service::Listen`].
    Listening {
        /// The port; 0 for a Unix socket.
        port: u16,
        /// The path of a Unix socket.
        path: Option<ByteText>,
    },
}

/// Why an agent doesn't do what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The reason.
    pub code: RefusalCode,
    /// The same for a person.
    pub message: String,
}

/// The reasons of agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefusalCode {
    /// The secret is wrong.
    Unauthenticated,
    /// This agent doesn't know the service.
    Unsupported,
    /// What was asked for makes no sense.
    Invalid,
    /// There is no such terminal, connection, program, socket or host.
    NotFound,
    /// The program can't be executed, or the user may not.
    Forbidden,
    /// Nothing listens there, or somebody listens there already.
    Refused,
    /// The other side didn't answer in time.
    Timeout,
    /// There is too much of it already.
    Busy,
    /// Anything else.
    Failed,
    /// A reason that is younger than this program.
    #[serde(other)]
    Other,
}

/// How a space is, as its agent sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    /// The agent's version.
    pub version: String,
    /// The version of the protocol it speaks.
    pub protocol: u32,
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Its terminals.
    pub terminals: u32,
    /// Terminals in which something other than the shell runs in the foreground.
    pub busy_terminals: u32,
    /// Programs that were started by [`Service::Exec`] and run.
    pub executions: u32,
    /// Connections to services of the space that go through it.
    pub connections: u32,
    /// Seconds since somebody last typed, or bytes last went through it.
    pub idle_seconds: u64,
    /// The apps it runs, by name.
    pub apps: BTreeMap<String, App>,
}

/// An app that an agent runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct App {
    /// How it is.
    pub state: AppState,
    /// How often it was started again after it had ended.
    pub restarts: u32,
    /// Why it isn't running, or its last words.
    pub reason: Option<String>,
}

/// How an app is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AppState {
    /// The image has no program for it.
    Absent,
    /// It runs.
    Running,
    /// It has ended and is started again after a while.
    Waiting,
    /// A state that is younger than this program.
    #[serde(other)]
    Other,
}

/// A terminal of a space.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Terminal {
    /// Its number.
    pub id: TerminalId,
    /// What programs called it last.
    pub title: String,
    /// Its size.
    pub size: Size,
    /// How many are attached to it.
    pub viewers: u32,
    /// Seconds since it was made.
    pub age_seconds: u64,
    /// Whether something other than the shell runs in its foreground.
    pub busy: bool,
    /// The position of its output at which what comes behind the reply begins; see [`Attach`].
    pub position: u64,
    /// The position that its output had reached when this was said. What comes from before it is of
    /// the past: whoever draws it must not answer what programs asked then. 0 in agents that don't
    /// tell.
    pub end: u64,
}

/// How a program ended: the payload of a [`frame::Kind::Exit`] frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Exit {
    /// With a status.
    Status(u8),
    /// By a signal, named without `SIG`.
    Signal {
        /// Its name.
        name: String,
        /// Whether it left its memory.
        core_dumped: bool,
    },
}

/// A connection that was accepted: the payload of a [`frame::Kind::Accepted`] frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Its number, for [`Service::Accept`].
    pub connection: u64,
    /// Where it comes from; empty for a Unix socket.
    pub address: String,
    /// Its port there; 0 for a Unix socket.
    pub port: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(it: &impl Serialize) -> String {
        serde_json::to_string(it).expect("JSON")
    }

    /// What agents in running spaces understand. A change here breaks them.
    #[test]
    fn version_1_is_spelled_as_it_always_was() {
        let hello = |service| Hello {
            protocol: 1,
            secret: Secret::new([0xab; 32]),
            service,
        };
        let secret = "ab".repeat(32);
        for (service, spelled) in [
            (Service::Status, r#""service":"STATUS""#.to_owned()),
            (
                Service::Dial {
                    host: "localhost".to_owned(),
                    port: 80,
                },
                r#""service":"DIAL","host":"localhost","port":80"#.to_owned(),
            ),
            (
                Service::Exec(Exec {
                    program: Program::Line("id".into()),
                    env: vec![("A".to_owned(), "b".into())],
                    working_dir: None,
                    pty: None,
                }),
                r#""service":"EXEC","program":{"LINE":"id"},"env":[["A","b"]],"workingDir":null,"pty":null"#
                    .to_owned(),
            ),
            (
                Service::Terminal(Attach {
                    id: Some(2),
                    size: Size {
                        columns: 80,
                        rows: 24,
                        ..Size::default()
                    },
                    seen: Some(7),
                }),
                r#""service":"TERMINAL","id":2,"size":{"columns":80,"rows":24,"widthPx":0,"heightPx":0},"seen":7"#
                    .to_owned(),
            ),
        ] {
            let spelled = format!(r#"{{"protocol":1,"secret":"{secret}",{spelled}}}"#);
            assert_eq!(json(&hello(service.clone())), spelled);
            let read: Hello = serde_json::from_str(&spelled).expect("read");
            assert_eq!(read, hello(service));
        }
        assert_eq!(
            json(&Reply::Done(Answer::Begun)),
            r#"{"DONE":{"of":"BEGUN"}}"#
        );
    }

    #[test]
    fn what_is_younger_than_this_program_is_read_as_well_as_it_can_be() {
        let refusal = r#"{"REFUSED":{"code":"A_NEW_ONE","message":"why"}}"#;
        let Reply::Refused(refusal) = serde_json::from_str(refusal).expect("read") else {
            panic!("it is a refusal");
        };
        assert_eq!(refusal.code, RefusalCode::Other);
        let status: Status = serde_json::from_str(r#"{"version":"9","new":1}"#).expect("read");
        assert_eq!(status.version, "9");
        let config: Config = serde_json::from_str(r#"{"new":true}"#).expect("read");
        assert_eq!(config, Config::default());
    }

    #[test]
    fn every_service_is_read_as_it_was_written() {
        let services = [
            Service::DialUnix {
                path: vec![b'/', 0xff].into(),
            },
            Service::Exec(Exec {
                program: Program::Arguments(vec!["a".into(), vec![0xfe].into()]),
                pty: Some(Pty {
                    term: "xterm".to_owned(),
                    size: Size::default(),
                    modes: vec![(53, 1)],
                }),
                ..Exec::default()
            }),
            Service::Terminals,
            Service::CloseTerminal { id: 3 },
            Service::Listen(Listen::SshAgent),
            Service::Listen(Listen::Tcp {
                host: String::new(),
                port: 0,
            }),
            Service::Accept {
                connection: u64::MAX,
            },
            Service::Files,
            Service::Sftp,
        ];
        for service in services {
            let hello = Hello {
                protocol: PROTOCOL,
                secret: Secret::new([1; 32]),
                service,
            };
            let read: Hello = serde_json::from_str(&json(&hello)).expect("read");
            assert_eq!(read, hello);
            let spelled: serde_json::Value = serde_json::to_value(&hello).expect("JSON");
            assert!(Service::is_known(
                spelled["service"].as_str().expect("a name")
            ));
        }
    }
}
