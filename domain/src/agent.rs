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
mod program;
pub mod said;
mod secret;
mod status;
mod terminal;
mod text;
mod vscode;

use serde::{Deserialize, Serialize};

pub use program::{Exec, Exit, Program, Pty};
pub use secret::{Secret, SecretError};
pub use status::{App, AppState, Status};
pub use terminal::{Attach, Size, Terminal, TerminalId};
pub use text::ByteText;
pub use vscode::VscodeTunnel;

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
mod tests;
