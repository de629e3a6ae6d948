//! A control plane that knows one route, told to every edge that asks.

use std::net::SocketAddr;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time,
};

use super::site::HOST;

/// How often a silent feed shows that it is there; the edge gives up on one after 30 s.
const PING_INTERVAL: time::Duration = time::Duration::from_secs(5);

/// Listens on a free port, for as long as the program runs.
pub async fn start(upstream: SocketAddr) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move { tell(stream, upstream).await.ok() });
        }
    });
    Ok(address)
}

/// The whole table at once, as server-sent events, and then nothing new.
async fn tell(mut stream: TcpStream, upstream: SocketAddr) -> anyhow::Result<()> {
    let mut question = [0; 4096];
    anyhow::ensure!(stream.read(&mut question).await? > 0, "nothing is asked");
    let id = "1".repeat(32);
    let change = json!({"data": {"routesChanged": {
        "cursor": "1", "change": "SNAPSHOT", "spaces": [{
            "spaceId": format!("space_{id}"), "spaceName": "bench", "ownerId": format!("user_{id}"),
            "status": "RUNNING", "address": upstream.ip(),
            "tunnels": [{"id": format!("tunnel_{id}"), "host": HOST, "port": upstream.port()}],
        }],
    }}});
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
         event: next\ndata: {change}\n\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    loop {
        time::sleep(PING_INTERVAL).await;
        stream.write_all(b":\n\n").await?;
    }
}
