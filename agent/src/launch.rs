//! How a program is started with the rights of the space's user.
//!
//! ```text
//! agent ── starts itself in this role ─────────────▶ role
//! agent ── a Launch, and the program's descriptors ▶ role   over its standard input, a socket
//!                                                    role   becomes the user, then the program
//! agent ◀─ nothing, or why not, then the end ─────── role
//! ```
//!
//! Whatever is said goes over a socket that nobody else has: arguments and environment of the role
//! tell nothing, and nobody in the space can put something there.

pub mod role;

use std::{
    io,
    io::IoSlice,
    mem::MaybeUninit,
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::{Command, Stdio},
    rc::Rc,
};

use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    sendmsg, socketpair,
};
use serde::{Deserialize, Serialize};
use spaceport_domain::agent::{ByteText, Refusal, RefusalCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use crate::{
    account::Account,
    children::{Child, Children},
    user_service::UserService,
    wire::{encode_message, refusal},
};

/// The argument by which the program knows its role.
pub const ROLE: &str = "launch";
/// The agent's own program, whatever is in its space.
const PROGRAM: &str = "/proc/self/exe";
/// The longest [`Launch`]: an environment may be as long as a message of the edge beside that of the
/// image.
const MESSAGE_MAX_BYTES: usize = 4 << 20;
/// As much of the reason why something can't be started is read.
const REASON_MAX_BYTES: u64 = 64 << 10;

/// What the role is told.
#[derive(Debug, Serialize, Deserialize)]
pub struct Launch {
    /// What it becomes.
    pub becomes: Becomes,
    /// All of the program's environment.
    pub environment: Vec<(ByteText, ByteText)>,
    /// Where it starts.
    pub directory: Directory,
    /// Whether its descriptors are a terminal, which is to be that of its session.
    pub terminal: bool,
    /// The user's number.
    pub uid: u32,
    /// The number of the user's first group.
    pub gid: u32,
    /// The numbers of all others.
    pub groups: Vec<u32>,
}

/// What the role becomes, once it is the user.
#[derive(Debug, Serialize, Deserialize)]
pub enum Becomes {
    /// A program.
    Program {
        /// The program and its arguments.
        arguments: Vec<ByteText>,
        /// What it is called instead, as login shells are.
        called: Option<ByteText>,
    },
    /// One of the agent's own services with the user's rights, on a connection of the edge, which is
    /// its standard input. So the kernel judges what the user may do, and the bytes don't pass the
    /// agent.
    Service(UserService),
}

/// Where a program starts.
#[derive(Debug, Serialize, Deserialize)]
pub enum Directory {
    /// There, or it doesn't start.
    Must(ByteText),
    /// There, or in the root directory.
    Rather(ByteText),
}

/// A program's standard input, output and error.
#[derive(Debug)]
pub struct Descriptors {
    /// What it reads.
    pub input: OwnedFd,
    /// What it writes to.
    pub output: OwnedFd,
    /// What it complains to.
    pub error: OwnedFd,
}

impl Descriptors {
    /// One descriptor for all three: a terminal, or a connection.
    pub fn one(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            input: fd.try_clone()?,
            output: fd.try_clone()?,
            error: fd,
        })
    }
}

impl Launch {
    /// A start with an account's rights.
    pub fn new(account: &Account, becomes: Becomes, directory: Directory) -> Self {
        Self {
            becomes,
            environment: Vec::new(),
            directory,
            terminal: false,
            uid: account.uid,
            gid: account.gid,
            groups: account.groups.clone(),
        }
    }

    /// Starts the program. It runs when this returns.
    pub async fn start(
        self,
        children: &Rc<Children>,
        descriptors: Descriptors,
    ) -> Result<Child, Refusal> {
        self.try_start(children, descriptors)
            .await
            .unwrap_or_else(|error| {
                let reason = format!("the program can't be started: {error}");
                Err(refusal(RefusalCode::Failed, reason))
            })
    }

    async fn try_start(
        self,
        children: &Rc<Children>,
        descriptors: Descriptors,
    ) -> io::Result<Result<Child, Refusal>> {
        let (ours, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        let message = encode_message(&self, MESSAGE_MAX_BYTES)?;
        let sent = send_first(&ours, &message, &descriptors)?;
        drop(descriptors);
        let mut command = Command::new(PROGRAM);
        command
            .arg0(env!("CARGO_PKG_NAME"))
            .arg(ROLE)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = children.spawn(&mut command)?;
        drop(command);
        let ours = std::os::unix::net::UnixStream::from(ours);
        ours.set_nonblocking(true)?;
        let mut ours = UnixStream::from_std(ours)?;
        // A role that ended early has said why, or is found ended.
        let _ = ours.write_all(&message[sent..]).await;
        let mut reason = Vec::new();
        let _ = ours.take(REASON_MAX_BYTES).read_to_end(&mut reason).await;
        Ok(if reason.is_empty() {
            Ok(child)
        } else {
            Err(serde_json::from_slice(&reason)?)
        })
    }
}

/// Sends as much of a message as there is room for, and the descriptors with it. The socket is new:
/// there is room.
fn send_first(socket: &OwnedFd, message: &[u8], descriptors: &Descriptors) -> io::Result<usize> {
    let Descriptors {
        input,
        output,
        error,
    } = descriptors;
    let descriptors = [input.as_fd(), output.as_fd(), error.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    Ok(sendmsg(
        socket,
        &[IoSlice::new(message)],
        &mut ancillary,
        flags,
    )?)
}
