//! What the agent serves with the rights of the space's user, in a process of its own: so the kernel
//! judges every access, and the bytes don't pass process 1.

use std::{
    io::Write,
    net::TcpStream,
    os::unix::{ffi::OsStrExt, net::UnixStream},
    path::Path,
    rc::Rc,
};

use serde::{Deserialize, Serialize};
use spaceport_domain::agent::{Answer, ByteText, MESSAGE_MAX_BYTES, Refusal, RefusalCode, Reply};
use tokio::runtime;

use crate::{
    activity::Counted,
    dial::refused,
    files,
    launch::{Becomes, Descriptors, Directory, Launch},
    relay,
    server::{Agent, reply},
    sftp,
    wire::{encode_message, refusal},
};

/// A service, with what it must know.
#[derive(Debug, Serialize, Deserialize)]
pub enum UserService {
    /// Carries bytes to a Unix socket.
    DialUnix {
        /// Its path.
        path: ByteText,
    },
    /// Files over HTTP.
    Files {
        /// The user's home directory.
        home: ByteText,
    },
    /// Files over SFTP. Names that aren't absolute are below where it starts.
    Sftp,
}

/// Hands a connection over to a process that serves it.
pub async fn hand_over(
    agent: &Rc<Agent>,
    edge: tokio::net::TcpStream,
    service: impl FnOnce(ByteText) -> UserService,
) -> std::io::Result<()> {
    let _count = agent.activity.count(Counted::Connection);
    let edge = edge.into_std()?;
    let started = start(agent, &edge, service).await;
    match started {
        Ok(child) => {
            drop(edge);
            child.ended().await;
            Ok(())
        }
        Err(refusal) => {
            let edge = tokio::net::TcpStream::from_std(edge)?;
            reply(edge, Reply::Refused(refusal)).await
        }
    }
}

async fn start(
    agent: &Agent,
    edge: &TcpStream,
    service: impl FnOnce(ByteText) -> UserService,
) -> Result<crate::children::Child, Refusal> {
    let account = agent.account()?;
    let home: ByteText = agent.environment(&account).home().into();
    let failed = |error| refusal(RefusalCode::Failed, format!("no descriptors: {error}"));
    let descriptors = edge.try_clone().map_err(failed)?;
    let descriptors = Descriptors::one(descriptors.into()).map_err(failed)?;
    let service = Becomes::Service(service(home.clone()));
    let launch = Launch::new(&account, service, Directory::Rather(home));
    launch.start(&agent.children, descriptors).await
}

impl UserService {
    /// Serves a connection to its end. `ready` is called when nothing can be refused any more.
    pub fn serve(self, edge: TcpStream, ready: impl FnOnce()) -> Result<(), Refusal> {
        let failed =
            |error: std::io::Error| refusal(RefusalCode::Failed, format!("not served: {error}"));
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let begin = |edge: &TcpStream| {
            let begun = encode_message(&Reply::Done(Answer::Begun), MESSAGE_MAX_BYTES)?;
            edge.set_nonblocking(false)?;
            let mut writer = edge;
            writer.write_all(&begun)?;
            ready();
            std::io::Result::Ok(())
        };
        match self {
            Self::DialUnix { path } => {
                let service = connect(&path)?;
                begin(&edge).map_err(failed)?;
                // A connection that breaks concerns who it belonged to, and they know.
                let _ = runtime.block_on(carry(edge, service));
            }
            Self::Files { home } => {
                begin(&edge).map_err(failed)?;
                let _ = runtime.block_on(files::serve(edge, home.as_bytes()));
            }
            Self::Sftp => {
                begin(&edge).map_err(failed)?;
                let _ = sftp::serve(edge);
            }
        }
        Ok(())
    }
}

fn connect(path: &ByteText) -> Result<UnixStream, Refusal> {
    let shown = String::from_utf8_lossy(path.as_bytes());
    let path = Path::new(std::ffi::OsStr::from_bytes(path.as_bytes()));
    UnixStream::connect(path).map_err(|error| refused(&shown, &error))
}

async fn carry(edge: TcpStream, service: UnixStream) -> std::io::Result<()> {
    edge.set_nonblocking(true)?;
    service.set_nonblocking(true)?;
    let edge = tokio::net::TcpStream::from_std(edge)?;
    let service = tokio::net::UnixStream::from_std(service)?;
    relay::carry(edge, service, || ()).await
}
