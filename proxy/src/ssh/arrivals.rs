//! Connections that arrive inside a space and are carried to the client: of ports it listens on
//! there (RFC 4254 §7.2), and of programs that ask for its keys.

use std::sync::Arc;

use russh::{
    Channel,
    server::{Handle, Msg},
};
use spaceport_domain::agent::{Accepted, Service, frame::Kind};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{
    carriage,
    connection::{Connection, Outlet},
};
use crate::upstream::agent::{Conversation, Frames};

/// Connections of one listener for which the client is being asked to take them. Others wait.
const PENDING_MAX: usize = 64;

/// What the client is told of a connection.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// It came to a port, which the client asked for in these words.
    Port {
        /// The address.
        address: String,
        /// The port.
        port: u32,
    },
    /// It asks for the client's keys.
    Agent,
}

/// Carries what arrives at a listener until that ends, or `over` is cancelled. What has arrived by
/// then goes on.
pub(super) async fn follow(
    connection: Arc<Connection>,
    handle: Handle,
    listening: Conversation,
    origin: Origin,
    over: CancellationToken,
) {
    let mut frames = Frames::new(listening.stream);
    let pending = Arc::new(Semaphore::new(PENDING_MAX));
    let following = async {
        while let Ok(Some((kind, payload))) = frames.next().await {
            if kind != Kind::Accepted {
                continue;
            }
            let Ok(accepted) = serde_json::from_slice::<Accepted>(&payload) else {
                continue;
            };
            let Ok(permit) = Arc::clone(&pending).acquire_owned().await else {
                return;
            };
            let (connection, handle) = (Arc::clone(&connection), handle.clone());
            let origin = origin.clone();
            tokio::spawn(async move {
                let opened = open(&handle, &accepted, origin).await;
                drop(permit);
                take(connection, handle, &accepted, opened).await;
            });
        }
    };
    let _ = over.run_until_cancelled(following).await;
}

async fn open(
    handle: &Handle,
    accepted: &Accepted,
    origin: Origin,
) -> Result<Channel<Msg>, russh::Error> {
    match origin {
        Origin::Port { address, port } => {
            let from = (accepted.address.clone(), u32::from(accepted.port));
            handle
                .channel_open_forwarded_tcpip(address, port, from.0, from.1)
                .await
        }
        Origin::Agent => handle.channel_open_agent().await,
    }
}

/// Carries a connection, or closes it when the client didn't take it.
async fn take(
    connection: Arc<Connection>,
    handle: Handle,
    accepted: &Accepted,
    opened: Result<Channel<Msg>, russh::Error>,
) {
    let fetched = Service::Accept {
        connection: accepted.connection,
    };
    let fetched = connection.ask(fetched).await;
    let Ok(channel) = opened else {
        return;
    };
    // What the client sends comes by another way; this one only would fill up.
    let (_, channel) = channel.split();
    let inner = connection.channels.arrived(channel.id());
    let outlet = Outlet {
        connection,
        channel,
        handle,
    };
    match (fetched, inner) {
        (Ok(fetched), Some(inner)) => {
            carriage::serve(outlet, inner, fetched.into()).await;
        }
        _ => outlet.close().await,
    }
}
