//! One visitor: an encrypted connection that speaks HTTP/1.1 with as little of its own as can be.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use rustls::ClientConfig;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    site::{HOST, Site},
    upstream::LARGE_BYTES,
};

/// How much of a body is read at a time.
const READ_BYTES: usize = 64 << 10;
/// How much of a body is written at a time.
const WRITE_BYTES: usize = 64 << 10;

/// A connection that has shaken hands.
#[derive(Debug)]
pub struct Visitor {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

/// Connects and shakes hands, anew every time.
pub async fn connect(
    site: &Site,
    config: &std::sync::Arc<ClientConfig>,
    address: SocketAddr,
) -> anyhow::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let connector = TlsConnector::from(std::sync::Arc::clone(config));
    Ok(connector.connect(site.name.clone(), stream).await?)
}

impl Visitor {
    /// A connection for HTTP/1.1.
    pub async fn connect(site: &Site, address: SocketAddr) -> anyhow::Result<Self> {
        let stream = connect(site, &site.http1, address).await?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    /// Asks for `path` and reads the answer to its end.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<()> {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\naccept: */*\r\n\r\n");
        self.stream.write_all(head.as_bytes()).await?;
        // What TLS holds back when the socket doesn't take it at once is sent by nothing else.
        self.stream.flush().await?;
        self.read_answer().await
    }

    /// Sends a large body and reads the answer to its end.
    pub async fn upload(&mut self) -> anyhow::Result<()> {
        let head = format!(
            "POST /upload HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: {LARGE_BYTES}\r\n\r\n"
        );
        self.stream.write_all(head.as_bytes()).await?;
        let chunk = vec![b'x'; WRITE_BYTES];
        let mut left = LARGE_BYTES;
        while left > 0 {
            let length = left.min(WRITE_BYTES);
            self.stream.write_all(&chunk[..length]).await?;
            left -= length;
        }
        self.stream.flush().await?;
        self.read_answer().await
    }

    /// Gives up what was kept for reading: the connection is idle.
    pub fn rest(&mut self) {
        self.buffer = Vec::new();
    }

    /// Says goodbye.
    pub async fn close(mut self) -> anyhow::Result<()> {
        Ok(self.stream.shutdown().await?)
    }

    async fn read_answer(&mut self) -> anyhow::Result<()> {
        self.buffer.resize(READ_BYTES, 0);
        let mut filled = 0;
        let end = loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            ensure!(read > 0, "the answer broke off");
            filled += read;
            let head = &self.buffer[..filled];
            if let Some(at) = head.windows(4).position(|it| it == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = std::str::from_utf8(&self.buffer[..end])?;
        ensure!(head.starts_with("HTTP/1.1 200"), "not an answer: {head}");
        let length: usize = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, length)| length.trim().parse().ok())
            .context("no length")?;
        let mut left = length
            .checked_sub(filled - end)
            .context("more than the answer came")?;
        while left > 0 {
            let read = self.stream.read(&mut self.buffer).await?;
            ensure!(read > 0, "the body broke off");
            left = left.checked_sub(read).context("more than the body came")?;
        }
        Ok(())
    }
}
