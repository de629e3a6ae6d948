//! `spaceport forward` beside `ssh -L`: bytes out of a port of the space.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::ensure;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    compare,
    lab::{self, Lab, wait_for},
};
use crate::installation::free_address;

const PORT: u16 = 9000;
/// In 64 MiB.
const BULK: u8 = 8;
const PEER: &str = "ssh -L";

/// Sends 64 MiB of zeros as often as the first byte it is sent says, and ends.
const SERVER: &str = "import socket, threading
server = socket.create_server(('127.0.0.1', 9000))
piece = memoryview(bytes(1 << 20))
def serve(client):
    with client:
        for _ in range(64 * client.recv(1)[0]):
            client.sendall(piece)
while True:
    client, _ = server.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=serve, args=(client,), daemon=True).start()
";

/// Connections that begin, and bytes out of one.
pub async fn measure(lab: &Lab) -> anyhow::Result<Vec<[String; 7]>> {
    let script = format!(
        "cat >/tmp/server.py <<'END'\n{SERVER}END\nexec setsid python3 /tmp/server.py >/dev/null 2>&1 &"
    );
    lab.inside(&script).await?;
    let [ours, theirs] = [free_address()?, free_address()?];
    let [ours, theirs] = [ours.parse::<SocketAddr>()?, theirs.parse::<SocketAddr>()?];
    let mapping = format!("{}:{PORT}", ours.port());
    let mut forward = lab.spaceport(&["forward", lab::NAME, &mapping])?;
    let mut forward = forward.kill_on_drop(true).spawn()?;
    let mapping = format!("{}:127.0.0.1:{PORT}", theirs.port());
    let mut peer = lab.ssh_by_sshd(&["-N", "-L", &mapping], &[]);
    let mut peer = peer.kill_on_drop(true).spawn()?;
    for address in [ours, theirs] {
        wait_for(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port())).await?;
    }
    let begin = compare(
        async || connections(ours).await,
        async || connections(theirs).await,
    );
    let begin = begin.await?;
    let bulk = compare(async || bulk(ours).await, async || bulk(theirs).await).await?;
    forward.kill().await?;
    peer.kill().await?;
    Ok(vec![
        begin.row("forward: 50 connections one after the other", "ms", PEER),
        bulk.row("forward: 512 MiB out of the space", "ms", PEER),
    ])
}

async fn connections(address: SocketAddr) -> anyhow::Result<Duration> {
    let began = Instant::now();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&[0]).await?;
        ensure!(stream.read(&mut [0]).await? == 0, "nothing was asked for");
    }
    Ok(began.elapsed())
}

async fn bulk(address: SocketAddr) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&[BULK]).await?;
    let mut buffer = vec![0; 256 << 10];
    let mut got = 0;
    loop {
        match stream.read(&mut buffer).await? {
            0 => break,
            read => got += read,
        }
    }
    let all = usize::from(BULK) * (64 << 20);
    ensure!(got == all, "{got} bytes came of {all}");
    Ok(began.elapsed())
}
