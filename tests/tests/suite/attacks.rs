//! What a hostile client can try, and how little it gets: refused, and cheaply.
//!
//! Cost is counted by the kernel in the real process, and compared with what as many trivial
//! queries cost in the same process; never with a time.

mod connections;
mod documents;
mod requests;

use std::net::SocketAddr;

use spaceport_tests::in_time;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A connection on which bytes are sent as they are.
struct Wire(TcpStream);

impl Wire {
    async fn open(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.expect("the API listens"))
    }

    /// Sends what the other side may have stopped to take.
    async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let sent = in_time("bytes are sent", self.0.write_all(bytes.as_ref()));
        sent.await.is_ok()
    }

    /// Everything until the other side closes.
    async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        // A reset is an end, too.
        let _ = in_time("the end", self.0.read_to_end(&mut bytes)).await;
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A request by POST that is the last on its connection.
fn post(headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {length}\r\n{headers}\r\n{body}"
    )
}

/// The status of an answer.
fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or(answer)
}
