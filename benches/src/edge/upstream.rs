//! The server behind both: small answers, large bodies both ways, and WebSockets that echo.
//!
//! It has a thread of its own and does as little as it can, so that it isn't what is measured.

use std::{io, net::SocketAddr, thread};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};

/// The length of a small answer's body.
pub const SMALL_BYTES: usize = 1 << 10;
/// The length of a large body, either way.
pub const LARGE_BYTES: usize = 100 << 20;
/// How much is read and written at a time.
const CHUNK_BYTES: usize = 128 << 10;

/// Listens on a free port; the thread ends with the program.
pub fn start() -> io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    thread::Builder::new()
        .name("upstream".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener)?;
                loop {
                    let (stream, _) = listener.accept().await?;
                    stream.set_nodelay(true)?;
                    // An error is the end of one connection.
                    tokio::spawn(async { serve(stream).await.ok() });
                }
                #[expect(unreachable_code, reason = "it says the type of `?`")]
                io::Result::Ok(())
            })
        })?;
    Ok(address)
}

async fn serve(mut stream: TcpStream) -> anyhow::Result<()> {
    let small = response(SMALL_BYTES, &[b'x'; SMALL_BYTES]);
    let chunk = vec![b'x'; CHUNK_BYTES];
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut filled = 0;
    loop {
        let end = loop {
            if let Some(at) = buffer[..filled].windows(4).position(|it| it == b"\r\n\r\n") {
                break at + 4;
            }
            match stream.read(&mut buffer[filled..]).await? {
                0 => return Ok(()),
                read => filled += read,
            }
        };
        match buffer.split(|it| *it == b' ').nth(1) {
            Some(b"/download") => {
                stream.write_all(&response(LARGE_BYTES, &[])).await?;
                let mut left = LARGE_BYTES;
                while left > 0 {
                    let length = left.min(CHUNK_BYTES);
                    stream.write_all(&chunk[..length]).await?;
                    left -= length;
                }
            }
            Some(b"/upload") => {
                let mut left = LARGE_BYTES.saturating_sub(filled - end);
                while left > 0 {
                    let read = stream.read(&mut buffer).await?;
                    anyhow::ensure!(read > 0, "the body broke off");
                    left = left.saturating_sub(read);
                }
                stream.write_all(&small).await?;
                filled = end;
            }
            Some(b"/socket") => {
                let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
                return echo(stream, &head).await;
            }
            _ => stream.write_all(&small).await?,
        }
        buffer.copy_within(end..filled, 0);
        filled -= end;
    }
}

fn response(length: usize, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

async fn echo(mut stream: TcpStream, head: &str) -> anyhow::Result<()> {
    let key = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
        .map(|(_, key)| derive_accept_key(key.as_bytes()));
    let Some(key) = key else {
        anyhow::bail!("no key");
    };
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-accept: {key}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_close() {
            break;
        }
        socket.send(message).await?;
    }
    Ok(())
}
