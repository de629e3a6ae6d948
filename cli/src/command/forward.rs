//! `spaceport forward`.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use futures_util::future;
use serde::Serialize;
use tokio::{
    io::copy_bidirectional_with_sizes,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::sleep,
};

use crate::{
    edge::Place,
    failure::{Failure, Kind},
    forward::{
        link::{Link, SharedLink},
        ports::Forwarded,
    },
    place::SpaceRef,
    session::Session,
};

/// Buffer of one direction of a connection.
const BUFFER_BYTES: usize = 256 << 10;
/// Connections at once, over all ports; behind them newcomers wait in the kernel.
const CONNECTIONS_MAX: usize = 1000;
/// How long a connection of this machine waits for the way to the space to come back.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between attempts, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(3));

/// Makes ports of a space ports of this machine, until Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "spaceport forward lab 8080\n\
        spaceport forward lab 8080:80 0:5432\n\
        spaceport forward lab 0.0.0.0:8080:80")]
pub struct Forward {
    /// The space.
    space: SpaceRef,
    /// Ports: `[ADDRESS:]LOCAL[:REMOTE]`. Local port 0 is any free one, which is printed.
    #[arg(required = true)]
    ports: Vec<Forwarded>,
}

#[derive(Serialize)]
struct Listening {
    address: SocketAddr,
    port: u16,
}

/// Does it.
pub async fn run(session: &Session, forward: &Forward) -> Result<(), Failure> {
    let mut listeners = Vec::new();
    for wanted in &forward.ports {
        let bind = wanted.bind.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let listener = TcpListener::bind((bind, wanted.local)).await;
        let listener = listener
            .map_err(|error| Failure::io(format!("port {} of {bind}", wanted.local), &error))?;
        listeners.push((listener, wanted.remote));
    }
    // What is wrong from the beginning is told at once, rather than with the first connection.
    let link = SharedLink::new(Link::default());
    for (_, remote) in &listeners {
        let place = Place::new(session, &forward.space, remote.to_string());
        match link.open(&place).await {
            Ok(_) => {}
            Err(failure) if failure.code() == "NOTHING_LISTENS" => {
                session.output.note(&format!("note: {failure} yet"));
            }
            Err(failure) => return Err(failure),
        }
    }
    for (listener, port) in &listeners {
        let address = listener.local_addr();
        let address = address.map_err(|error| Failure::io("a port", &error))?;
        let listening = Listening {
            address,
            port: *port,
        };
        let sentence = format!("{address} leads to port {port} of {}", forward.space);
        session.output.result(&listening, &sentence)?;
    }
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let serving = listeners.into_iter().map(|(listener, remote)| {
        let port = Port {
            session: session.clone(),
            space: forward.space.clone(),
            remote,
            link: Arc::clone(&link),
        };
        serve(listener, Arc::new(port), Arc::clone(&room))
    });
    future::join_all(serving).await;
    Ok(())
}

/// A port of a space.
struct Port {
    session: Session,
    space: SpaceRef,
    remote: u16,
    link: SharedLink,
}

async fn serve(listener: TcpListener, port: Arc<Port>, room: Arc<Semaphore>) {
    loop {
        let Ok(seat) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let port = Arc::clone(&port);
                tokio::spawn(async move {
                    port.carry(stream).await;
                    drop(seat);
                });
            }
            // Most likely this machine has too many files open, for a while.
            Err(error) => {
                port.session
                    .output
                    .note(&format!("a connection was not taken: {error}"));
                sleep(RETRY.0).await;
            }
        }
    }
}

impl Port {
    async fn carry(&self, mut stream: TcpStream) {
        let mut tunnel = match self.open().await {
            Ok(tunnel) => tunnel,
            Err(failure) => {
                let port = self.remote;
                self.session.output.note(&format!("port {port}: {failure}"));
                return;
            }
        };
        let carried = async {
            stream.set_nodelay(true)?;
            let (one, other) = (BUFFER_BYTES, BUFFER_BYTES);
            copy_bidirectional_with_sizes(&mut stream, &mut tunnel, one, other).await
        };
        // How a connection ends is between those who speak on it.
        let _: io::Result<_> = carried.await;
    }

    /// A connection into the space, once the way there is whole.
    async fn open(&self) -> Result<hyper_util::rt::TokioIo<hyper::upgrade::Upgraded>, Failure> {
        let place = Place::new(&self.session, &self.space, self.remote.to_string());
        let began = Instant::now();
        let (mut wait, longest) = RETRY;
        loop {
            match self.link.open(&place).await {
                Err(failure) if is_passing(&failure) && began.elapsed() < PATIENCE => {
                    sleep(wait).await;
                    wait = (wait * 2).min(longest);
                }
                opened => return opened,
            }
        }
    }
}

fn is_passing(failure: &Failure) -> bool {
    let is_known = matches!(
        failure.code(),
        "NOTHING_LISTENS" | "SPACE_NOT_RUNNING" | "TLS_UNTRUSTED"
    );
    failure.kind() == Kind::Unreachable && !is_known
}
