//! The client's keys for programs in the space: a socket there, and a channel to the client's SSH
//! agent for each connection to it.

use std::sync::Arc;

use russh::server::Handle;
use spaceport_domain::agent::{Answer, ByteText, Listen, Service};
use tokio::sync::OnceCell;

use super::{
    arrivals::{self, Origin},
    connection::{Connection, Unserved},
};

/// One connection's socket, which is made when a program first may use it.
#[derive(Debug, Default)]
pub(super) struct AgentForwarding {
    path: OnceCell<ByteText>,
}

impl AgentForwarding {
    /// Where the socket is in the space.
    pub(super) async fn path(
        &self,
        connection: &Arc<Connection>,
        handle: &Handle,
    ) -> Result<ByteText, Unserved> {
        let path = self.path.get_or_try_init(|| listen(connection, handle));
        path.await.cloned()
    }
}

async fn listen(connection: &Arc<Connection>, handle: &Handle) -> Result<ByteText, Unserved> {
    let listening = connection.ask(Service::Listen(Listen::SshAgent)).await?;
    let Answer::Listening {
        path: Some(path), ..
    } = &listening.answer
    else {
        return Err(Unserved::Nonsense);
    };
    let path = path.clone();
    tokio::spawn(arrivals::follow(
        Arc::clone(connection),
        handle.clone(),
        listening,
        Origin::Agent,
        connection.over.clone(),
    ));
    Ok(path)
}
