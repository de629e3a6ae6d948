//! Ports, sockets and keys, forwarded both ways.

use std::{net::SocketAddr, process::Stdio};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    process::Child,
};

use super::town::Town;
use crate::{eventually, soon, space::closed_port};

/// A server that says something, then echoes until the client ends, then says goodbye.
pub(super) async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let _ = stream.write_all(b"hello\n").await;
                let (mut reader, mut writer) = stream.split();
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
                let _ = writer.write_all(b"bye\n").await;
            });
        }
    });
    address
}

/// What comes of `said`, when the client ends first.
pub(super) async fn converse(
    mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin,
    said: &[u8],
) -> Vec<u8> {
    let mut got = Vec::new();
    soon(async {
        stream.write_all(said).await.unwrap();
        stream.shutdown().await.unwrap();
        stream.read_to_end(&mut got).await.unwrap();
    })
    .await;
    got
}

fn expected(said: &[u8]) -> Vec<u8> {
    [b"hello\n", said, b"bye\n"].concat()
}

/// Waits until somebody listens there.
async fn connected(port: u16) -> TcpStream {
    let mut stream = None;
    eventually(async || {
        stream = TcpStream::connect(("127.0.0.1", port)).await.ok();
        stream.is_some()
    })
    .await;
    stream.unwrap()
}

/// Waits until nobody listens there any more.
async fn refused(port: u16) {
    eventually(async || TcpStream::connect(("127.0.0.1", port)).await.is_err()).await;
}

/// A connection by a proxy at `proxy` to a port of the space, by SOCKS 5 (RFC 1928).
pub(super) async fn by_proxy(proxy: u16, port: u16) -> TcpStream {
    let mut stream = connected(proxy).await;
    stream.write_all(&[5, 1, 0]).await.unwrap();
    let mut answer = [0; 2];
    soon(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer, [5, 0]);
    let asked = [&[5, 1, 0, 3, 9][..], b"localhost", &port.to_be_bytes()].concat();
    stream.write_all(&asked).await.unwrap();
    let mut answer = [0; 10];
    soon(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer[..2], [5, 0]);
    stream
}

/// A client that does nothing but forward.
fn forward(town: &Town, arguments: &[&str]) -> Child {
    let options = ["-N", "-o", "ExitOnForwardFailure=yes"];
    let mut ssh = town.program("ssh");
    ssh.args(options).args(arguments).arg("lab");
    ssh.stderr(Stdio::inherit()).spawn().unwrap()
}

#[tokio::test]
async fn a_local_port_leads_to_a_port_of_the_space_and_each_side_ends_for_itself() {
    let (town, echo) = (Town::open().await, echo().await);
    let port = closed_port();
    let _ssh = forward(&town, &["-L", &format!("{port}:localhost:{}", echo.port())]);
    let said = vec![b'x'; 3 << 20];
    assert!(converse(connected(port).await, &said).await == expected(&said));
    let many = (0..50).map(async |_| converse(connected(port).await, b"hi\n").await);
    for got in futures_util::future::join_all(many).await {
        assert_eq!(got, expected(b"hi\n"));
    }
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_refused_and_nothing_else_ends() {
    let (town, echo) = (Town::open().await, echo().await);
    let [open, shut] = [closed_port(), closed_port()];
    let nothing = closed_port();
    let _ssh = forward(
        &town,
        &[
            "-L",
            &format!("{open}:127.0.0.1:{}", echo.port()),
            "-L",
            &format!("{shut}:127.0.0.1:{nothing}"),
        ],
    );
    assert_eq!(converse(connected(open).await, b"").await, expected(b""));
    assert_eq!(converse(connected(shut).await, b"").await, b"");
    assert_eq!(converse(connected(open).await, b"").await, expected(b""));
}

#[tokio::test]
async fn a_local_port_leads_to_a_socket_of_the_space() {
    let town = Town::open().await;
    let path = town.path("socket");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let port = closed_port();
    let _ssh = forward(&town, &["-L", &format!("{port}:{}", path.display())]);
    let (mut here, accepted) =
        soon(async { tokio::join!(connected(port), listener.accept()) }).await;
    let (mut there, _) = accepted.unwrap();
    there.write_all(b"from there").await.unwrap();
    drop(there);
    let mut got = String::new();
    soon(here.read_to_string(&mut got)).await.unwrap();
    assert_eq!(got, "from there");
}

#[tokio::test]
async fn a_proxy_leads_wherever_the_client_asks() {
    let (town, echo) = (Town::open().await, echo().await);
    let port = closed_port();
    let _ssh = forward(&town, &["-D", &port.to_string()]);
    let stream = by_proxy(port, echo.port()).await;
    assert_eq!(converse(stream, b"hi\n").await, expected(b"hi\n"));
}

#[tokio::test]
async fn a_port_of_the_space_leads_to_the_client_until_it_is_cancelled() {
    let (town, echo) = (Town::open().await, echo().await);
    let port = closed_port();
    let control = town.path("control").display().to_string();
    let mut ssh = forward(
        &town,
        &[
            "-M",
            "-S",
            &control,
            "-R",
            &format!("{port}:127.0.0.1:{}", echo.port()),
        ],
    );
    let said = vec![b'x'; 3 << 20];
    assert!(converse(connected(port).await, &said).await == expected(&said));
    let many = (0..50).map(async |_| converse(connected(port).await, b"hi\n").await);
    for got in futures_util::future::join_all(many).await {
        assert_eq!(got, expected(b"hi\n"));
    }
    let mut kept = connected(port).await;
    // It has come through.
    soon(kept.read_exact(&mut [0; 6])).await.unwrap();
    let forwarded = format!("{port}:127.0.0.1:{}", echo.port());
    let cancel = ["-S", &control, "-O", "cancel", "-R", &forwarded, "lab"];
    town.ssh(&cancel).await.well();
    refused(port).await;
    // What was open goes on.
    assert_eq!(converse(kept, b"hi\n").await, b"hi\nbye\n");
    // Any free port will do, and the client is told which.
    let any = format!("0:127.0.0.1:{}", echo.port());
    let forward = ["-S", &control, "-O", "forward", "-R", &any, "lab"];
    let told: u16 = town.ssh(&forward).await.well().trim().parse().unwrap();
    assert_eq!(
        converse(connected(told).await, b"hi\n").await,
        expected(b"hi\n")
    );
    // It ends with the client.
    ssh.kill().await.unwrap();
    refused(told).await;
}

#[tokio::test]
async fn programs_of_the_space_use_the_clients_keys() {
    let town = Town::open().await;
    let socket = town.path("agent");
    let mut agent = tokio::process::Command::new("ssh-agent");
    agent.arg("-D").arg("-a").arg(&socket);
    let agent = agent.stdout(Stdio::null()).kill_on_drop(true).spawn();
    let _agent = agent.unwrap();
    eventually(async || UnixStream::connect(&socket).await.is_ok()).await;
    let list = async |arguments: &[&str]| {
        let mut ssh = town.program("ssh");
        ssh.args(arguments).env("SSH_AUTH_SOCK", &socket);
        town.run(ssh.args(["lab", "ssh-add -l; ssh-add -l"])).await
    };
    let mut add = tokio::process::Command::new("ssh-add");
    add.arg("-q").arg(town.path("ada"));
    let added = add.env("SSH_AUTH_SOCK", &socket).status().await.unwrap();
    assert!(added.success());
    let fingerprint = town.fingerprint("ada").await;
    let listed = list(&["-A"]).await.well();
    assert_eq!(listed.matches(&fingerprint).count(), 2, "{listed}");
    let unasked = list(&["-a"]).await;
    assert!(!unasked.stdout.contains(&fingerprint), "{unasked:?}");
}
