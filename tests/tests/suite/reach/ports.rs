//! Ports, also of services that listen at loopback alone; and programs.

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use spaceport_tests::{Database, Installation, eventually, in_time, on_both_databases};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;

use super::Reach;

on_both_databases!(a_service_at_loopback_is_reached_by_tunnel_by_app_and_by_its_port);

/// One service at loopback alone, by HTTP; and one at all addresses that gives back what it gets.
const SERVE: &str = r#"cd /tmp && echo "a page" >page && python3 -c '
import socket, threading
def serve(client):
    with client:
        while piece := client.recv(65536):
            client.sendall(piece)
server = socket.create_server(("", 9000))
while True:
    threading.Thread(target=serve, args=server.accept()[:1], daemon=True).start()
' & exec python3 -m http.server --bind 127.0.0.1 --directory /tmp 8000"#;

impl Reach {
    /// A connection to a port; the status of the answer if it doesn't become one.
    async fn connect(&self, port: u16, cookie: &str) -> Result<TlsStream<TcpStream>, u16> {
        let host = self.host(&port.to_string());
        let mut stream = self.visitor.connect(&host, "http/1.1").await.unwrap();
        let request = format!(
            "GET / HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\
             Connection: upgrade\r\nUpgrade: spaceport-tcp\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        let answered = async {
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
        };
        in_time("an answer", answered).await;
        let head = String::from_utf8(head).unwrap();
        match head.split(' ').nth(1).unwrap().parse().unwrap() {
            101 => Ok(stream),
            status => Err(status),
        }
    }

    /// Waits until something takes connections to a port.
    async fn listens(&self, port: u16) -> String {
        let cookie = self.enter(&port.to_string()).await;
        let listens = async || self.connect(port, &cookie).await.is_ok();
        eventually("something listens", listens).await;
        cookie
    }
}

async fn a_service_at_loopback_is_reached_by_tunnel_by_app_and_by_its_port(database: Database) {
    let reach = Reach::open(database, "loopback", SERVE).await;
    let cookie = reach.listens(8000).await;
    let url = reach.url("8000", "/page");
    let page = reach.visitor.get_with(&url, &[("cookie", &cookie)]).await;
    assert_eq!((page.status, page.body.as_str()), (200, "a page\n"));
    let tunnel = reach.owner.create_tunnel(&reach.space, 8000).await;
    let url = format!(
        "{}/page",
        tunnel["url"].as_str().unwrap().trim_end_matches('/')
    );
    let page = reach
        .visitor
        .get_until(&url, "the page", |it| it.status == 200)
        .await;
    assert_eq!(page.body, "a page\n");
    let mut stream = reach.connect(8000, &cookie).await.expect("a connection");
    stream
        .write_all(b"GET /page HTTP/1.0\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    in_time("an answer", stream.read_to_string(&mut answer))
        .await
        .unwrap();
    assert!(answer.ends_with("\r\n\r\na page\n"), "{answer}");
    // It is the loopback interface of the space, and of nothing else.
    let address = reach.inside("hostname -i");
    assert!(TcpStream::connect(format!("{address}:8000")).await.is_err());
    let cookie = reach.enter("8001").await;
    assert_eq!(reach.connect(8001, &cookie).await.err(), Some(502));
}

#[tokio::test]
async fn a_connection_a_program_and_a_file_go_on_without_the_api_and_end_with_the_space() {
    let home = Installation::start(Database::Sqlite).await;
    let reach = Reach::open_in(home, "onward", SERVE).await;
    let cookie = reach.listens(9000).await;
    let (term, files) = (reach.enter("term").await, reach.enter("files").await);
    let mut stream = reach.connect(9000, &cookie).await.expect("a connection");
    reach.home.api.kill();

    // What is open goes on, and what is new begins.
    stream.write_all(b"still here").await.unwrap();
    let mut echo = [0; 10];
    in_time("an echo", stream.read_exact(&mut echo))
        .await
        .unwrap();
    assert_eq!(&echo, b"still here");
    assert!(reach.connect(9000, &cookie).await.is_ok());
    let url = reach.url("files", "/fs/tmp/page");
    let file = reach.visitor.get_with(&url, &[("cookie", &files)]).await;
    assert_eq!((file.status, file.body.as_str()), (200, "a page\n"));
    let url = reach.url("term", "/api/exec");
    let mut socket = reach
        .visitor
        .websocket_with(&url, &[("cookie", &term)])
        .await
        .expect("a WebSocket");
    let exec = json!({"program": {"LINE": "id -un; exec cat"}}).to_string();
    socket.send(Message::text(exec)).await.unwrap();
    let mut next = async || in_time("a message", socket.next()).await.unwrap().unwrap();
    let reply = next().await.into_text().unwrap();
    assert_eq!(reply.as_str(), r#"{"DONE":{"of":"BEGUN"}}"#);
    assert_eq!(next().await, Message::binary(&b"\0dev\n"[..]));

    reach.home.start_api().await;
    reach.owner.stop_space(&reach.space).await;
    let rest = in_time("the connection's end", stream.read(&mut echo)).await;
    assert!(!matches!(rest, Ok(1..)));
    let ended = async { while let Some(Ok(_)) = socket.next().await {} };
    in_time("the program's end", ended).await;
}

#[tokio::test]
async fn a_connection_and_a_program_end_with_the_sign_in() {
    let reach = Reach::open(Database::Sqlite, "severed", SERVE).await;
    let port = reach.listens(9000).await;
    let term = reach.enter("term").await;
    let mut stream = reach.connect(9000, &port).await.expect("a connection");
    let url = reach.url("term", "/api/exec");
    let mut socket = reach
        .visitor
        .websocket_with(&url, &[("cookie", &term)])
        .await
        .expect("a WebSocket");
    let exec = json!({"program": {"LINE": "echo $$; exec sleep 1000"}}).to_string();
    socket.send(Message::text(exec)).await.unwrap();
    let mut pid = String::new();
    while !pid.starts_with('\0') {
        let message = in_time("a message", socket.next()).await.unwrap().unwrap();
        pid = String::from_utf8(message.into_data().to_vec()).unwrap();
    }
    let is_running = format!("test -d /proc/{}", pid[1..].trim());
    assert!(reach.home.docker.inside(&reach.space, &is_running).0);

    reach.owner.sign_out().await;
    let rest = in_time("the connection's end", stream.read(&mut [0])).await;
    assert!(!matches!(rest, Ok(1..)));
    let mut last = None;
    while let Some(Ok(message)) = in_time("the program's end", socket.next()).await {
        last = Some(message);
    }
    assert!(matches!(last, Some(Message::Close(Some(close))) if u16::from(close.code) == 1008));
    let has_ended = async || !reach.home.docker.inside(&reach.space, &is_running).0;
    eventually("the program ends", has_ended).await;
    drop(reach.admin);
}
