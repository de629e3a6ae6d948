//! Connects to services of the space.

use std::{io, rc::Rc, time::Duration};

use spaceport_domain::agent::{Answer, Refusal, RefusalCode, Reply};
use tokio::{
    net::{TcpStream, lookup_host},
    time,
};

use crate::{
    activity::Counted,
    relay,
    server::{Agent, reply},
    wire::{refusal, write_message},
};

/// How long one address may take to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

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
    relay::both_ways(edge, service, || agent.activity.note()).await
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, Refusal> {
    let addresses = lookup_host((host, port)).await.map_err(|error| {
        let reason = format!("{host}: {error}");
        refusal(RefusalCode::NotFound, reason)
    })?;
    let mut last = refusal(RefusalCode::NotFound, format!("{host} has no address"));
    for address in addresses {
        match time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Who is slow to send is not our concern.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last = refused(&format!("{host}:{port}"), &error),
            Err(_) => {
                let reason = format!("{host}:{port} doesn't answer");
                last = refusal(RefusalCode::Timeout, reason);
            }
        }
    }
    Err(last)
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
