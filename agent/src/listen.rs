//! Listens inside the space for the edge, for as long as its connection lasts.

mod accepted;
mod socket;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    rc::Rc,
    time::Duration,
};

use spaceport_domain::agent::{
    ACCEPT_SECONDS, Answer, Listen, Refusal, RefusalCode, Reply, frame::Kind,
};
use tokio::{
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf},
    time,
};

use self::{accepted::Connection, socket::KeysSocket};
use crate::{
    activity::Counted,
    dial::refused,
    relay,
    server::{Agent, reply},
    wire::{Frames, refusal, write_frame, write_message},
};

pub use accepted::AcceptedConnections;

/// How long nothing is accepted after that has failed, as when there are no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is listened at.
enum Listener {
    Tcp(TcpListener),
    Keys(KeysSocket),
}

/// Listens, and tells of each connection that is accepted.
pub async fn serve(agent: &Rc<Agent>, mut edge: TcpStream, listen: Listen) -> io::Result<()> {
    let (listener, answer) = match open(agent, &listen).await {
        Ok(opened) => opened,
        Err(refusal) => return reply(edge, Reply::Refused(refusal)).await,
    };
    write_message(&mut edge, &Reply::Done(answer)).await?;
    let (reader, mut writer) = edge.into_split();
    let accept = async {
        loop {
            let Ok(connection) = listener.accept().await else {
                time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            // One that is too many is closed by its drop.
            if let Some(told) = agent.accepted.keep(connection) {
                write_frame(&mut writer, Kind::Accepted, &serde_json::to_vec(&told)?).await?;
                let_go_later(agent, told.connection);
            }
        }
    };
    tokio::select! {
        accepted = accept => accepted,
        gone = until_gone(reader) => gone,
    }
}

/// Waits until the edge has ended the connection.
async fn until_gone(reader: OwnedReadHalf) -> io::Result<()> {
    let mut frames = Frames::new(reader);
    while frames.next().await?.is_some() {}
    Ok(())
}

fn let_go_later(agent: &Rc<Agent>, number: u64) {
    let agent = Rc::clone(agent);
    tokio::task::spawn_local(async move {
        time::sleep(Duration::from_secs(ACCEPT_SECONDS)).await;
        agent.accepted.take(number);
    });
}

/// Fetches a connection that was accepted, and carries what goes between it and the edge.
pub async fn fetch(agent: &Rc<Agent>, mut edge: TcpStream, number: u64) -> io::Result<()> {
    let Some(connection) = agent.accepted.take(number) else {
        let reason = format!("there is no connection {number} that waits");
        let refusal = refusal(RefusalCode::NotFound, reason);
        return reply(edge, Reply::Refused(refusal)).await;
    };
    let _count = agent.activity.count(Counted::Connection);
    write_message(&mut edge, &Reply::Done(Answer::Begun)).await?;
    let note = || agent.activity.note();
    match connection {
        Connection::Tcp(stream, _) => relay::carry(edge, stream, note).await,
        Connection::Unix(stream) => relay::carry(edge, stream, note).await,
    }
}

async fn open(agent: &Agent, listen: &Listen) -> Result<(Listener, Answer), Refusal> {
    match listen {
        Listen::Tcp { host, port } => {
            let listener = listen_tcp(host, *port).await?;
            let port = listener
                .local_addr()
                .map_or(*port, |address| address.port());
            let answer = Answer::Listening { port, path: None };
            Ok((Listener::Tcp(listener), answer))
        }
        Listen::SshAgent => {
            let socket = KeysSocket::open(&agent.account()?).map_err(|error| {
                let reason = format!("no socket for keys: {error}");
                refusal(RefusalCode::Failed, reason)
            })?;
            let path = Some(socket.path().into());
            Ok((Listener::Keys(socket), Answer::Listening { port: 0, path }))
        }
    }
}

async fn listen_tcp(host: &str, port: u16) -> Result<TcpListener, Refusal> {
    let ips = match host {
        "" | "*" => vec![
            IpAddr::from(Ipv6Addr::UNSPECIFIED),
            IpAddr::from(Ipv4Addr::UNSPECIFIED),
        ],
        "localhost" => vec![IpAddr::from(Ipv4Addr::LOCALHOST)],
        host => vec![host.parse().map_err(|_| {
            let reason = format!("{host} is no address to listen at");
            refusal(RefusalCode::Invalid, reason)
        })?],
    };
    let addresses: Vec<SocketAddr> = ips.into_iter().map(|ip| (ip, port).into()).collect();
    // The first that can be: a kernel without IPv6 has the older addresses alone.
    let listener = TcpListener::bind(addresses.as_slice()).await;
    listener.map_err(|error| {
        let mut refusal = refused(&format!("{host}:{port}"), &error);
        if error.kind() == io::ErrorKind::AddrInUse {
            refusal.code = RefusalCode::Refused;
        }
        refusal
    })
}

impl Listener {
    async fn accept(&self) -> io::Result<Connection> {
        match self {
            Self::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Connection::Tcp(stream, from))
            }
            Self::Keys(socket) => socket.accept().await.map(Connection::Unix),
        }
    }
}
