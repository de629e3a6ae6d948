//! Connects to services of the space.

mod names;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    time::Duration,
};

use spaceport_domain::agent::{Answer, Refusal, RefusalCode, Reply};
use tokio::{net::TcpStream, time};

use crate::{
    activity::Counted,
    relay,
    server::{Agent, reply},
    wire::{refusal, write_message},
};

/// How long one address may take to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// As many addresses of a name are tried.
const ADDRESSES_MAX: usize = 4;

/// Connects to a host's port, and carries what goes between it and the edge.
pub async fn serve(
    agent: &Rc<Agent>,
    mut edge: TcpStream,
    host: &str,
    port: u16,
) -> io::Result<()> {
    let service = match connect(host, port).await {
        Ok(service) => service,
        Err(refusal) => return reply(edge, Reply::Refused(refusal)).await,
    };
    let _count = agent.activity.count(Counted::Connection);
    write_message(&mut edge, &Reply::Done(Answer::Begun)).await?;
    relay::carry(edge, service, || agent.activity.note()).await
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, Refusal> {
    let mut last = refusal(RefusalCode::NotFound, format!("{host} has no address"));
    let addresses = names::addresses(host).await?;
    for address in addresses.into_iter().take(ADDRESSES_MAX) {
        match connect_to(host, address, port).await {
            Ok(stream) => return Ok(stream),
            Err(refusal) => last = refusal,
        }
    }
    Err(last)
}

async fn connect_to(host: &str, address: IpAddr, port: u16) -> Result<TcpStream, Refusal> {
    let connecting = TcpStream::connect(SocketAddr::new(address, port));
    match time::timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(Ok(stream)) => {
            // Without it small pieces only come later.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Ok(Err(error)) => Err(refused(&format!("{host}:{port}"), &error)),
        Err(_) => {
            let reason = format!("{host}:{port} doesn't answer");
            Err(refusal(RefusalCode::Timeout, reason))
        }
    }
}

/// Why there is no connection.
pub fn refused(to: &str, error: &io::Error) -> Refusal {
    let code = match error.kind() {
        io::ErrorKind::ConnectionRefused => RefusalCode::Refused,
        io::ErrorKind::NotFound => RefusalCode::NotFound,
        io::ErrorKind::PermissionDenied => RefusalCode::Forbidden,
        io::ErrorKind::TimedOut => RefusalCode::Timeout,
        _ => RefusalCode::Failed,
    };
    refusal(code, format!("{to}: {error}"))
}
