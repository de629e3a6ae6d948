//! Connections that were accepted and wait to be fetched.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    net::SocketAddr,
};

use spaceport_domain::agent::Accepted;
use tokio::net::{TcpStream, UnixStream};

/// As many may wait.
const WAITING_MAX: usize = 128;

/// A connection from inside the space.
#[derive(Debug)]
pub enum Connection {
    /// With where it comes from.
    Tcp(TcpStream, SocketAddr),
    /// To the socket for keys.
    Unix(UnixStream),
}

/// Those that wait.
#[derive(Debug, Default)]
pub struct AcceptedConnections {
    waiting: RefCell<HashMap<u64, Connection>>,
    last: Cell<u64>,
}

impl AcceptedConnections {
    /// Lets one wait. Returns what the edge is told; `None` when too many wait already.
    pub fn keep(&self, connection: Connection) -> Option<Accepted> {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() >= WAITING_MAX {
            return None;
        }
        let number = self.last.get() + 1;
        self.last.set(number);
        let (address, port) = match &connection {
            Connection::Tcp(_, from) => (from.ip().to_canonical().to_string(), from.port()),
            Connection::Unix(_) => (String::new(), 0),
        };
        waiting.insert(number, connection);
        Some(Accepted {
            connection: number,
            address,
            port,
        })
    }

    /// Takes one that waits.
    pub fn take(&self, number: u64) -> Option<Connection> {
        self.waiting.borrow_mut().remove(&number)
    }
}
