//! Messages and frames on a connection. [`spaceport_domain::agent`] says what they are.

use std::{io, io::IoSlice, time::Duration};

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use spaceport_domain::agent::{
    MESSAGE_MAX_BYTES, Refusal, RefusalCode,
    frame::{self, HEADER_BYTES, Kind, PAYLOAD_MAX_BYTES},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest},
    net::tcp::OwnedReadHalf,
    time,
};

/// How long whoever asked may take to end a connection on which everything was said.
const LINGER: Duration = Duration::from_secs(5);
/// How much of what they still send is read at once.
const LINGER_BUFFER_BYTES: usize = 16 << 10;

/// What is in front of a message.
const LENGTH_BYTES: usize = 4;

/// Reads a message.
pub async fn read_message<R: AsyncRead + Unpin>(reader: &mut R) -> io::Result<Vec<u8>> {
    let length = reader.read_u32().await?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > MESSAGE_MAX_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // The buffer grows with what comes: a length alone costs nothing.
    let mut message = Vec::new();
    let take = u64::try_from(length).unwrap_or(u64::MAX);
    reader.take(take).read_to_end(&mut message).await?;
    if message.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(message)
}

/// Writes a message.
pub async fn write_message<W: AsyncWrite + Unpin>(
    writer: &mut W,
    message: &impl Serialize,
) -> io::Result<()> {
    let message = encode_message(message, MESSAGE_MAX_BYTES)?;
    writer.write_all(&message).await
}

/// A message of at most `max_bytes` as it goes over a connection.
pub fn encode_message(message: &impl Serialize, max_bytes: usize) -> io::Result<Vec<u8>> {
    let mut encoded = vec![0; LENGTH_BYTES];
    serde_json::to_writer(&mut encoded, message)?;
    let length = encoded.len() - LENGTH_BYTES;
    let length = u32::try_from(length).ok().filter(|_| length <= max_bytes);
    let length = length.ok_or(io::ErrorKind::ArgumentListTooLong)?;
    encoded[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
    Ok(encoded)
}

/// A refusal.
pub fn refusal(code: RefusalCode, message: impl Into<String>) -> Refusal {
    Refusal {
        code,
        message: message.into(),
    }
}

/// Frames as they come.
#[derive(Debug)]
pub struct Frames<R> {
    reader: R,
    received: BytesMut,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    /// The frames that `reader` brings.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            received: BytesMut::new(),
        }
    }

    /// What brings them.
    pub fn into_reader(self) -> R {
        self.reader
    }

    /// The next one; `None` at the end. Nothing is lost if it is dropped before it is there.
    pub async fn next(&mut self) -> io::Result<Option<(Kind, Bytes)>> {
        loop {
            let frame = frame::take(&mut self.received);
            let frame = frame.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            if frame.is_some() {
                return Ok(frame);
            }
            self.received.reserve(PAYLOAD_MAX_BYTES);
            if self.reader.read_buf(&mut self.received).await? == 0 {
                return if self.received.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }
}

impl Frames<OwnedReadHalf> {
    /// The next one if it is wanted; else only the edge's end, which is an error then.
    pub async fn next_if(&mut self, wanted: bool) -> io::Result<Option<(Kind, Bytes)>> {
        if wanted {
            return self.next().await;
        }
        // This readiness is that of an end, whatever still lies in front of it.
        let ended = Interest::PRIORITY | Interest::ERROR;
        self.reader.ready(ended).await?;
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

/// Writes one frame; `payload` must be no longer than a frame may be.
pub async fn write_frame<W>(writer: &mut W, kind: Kind, payload: &[u8]) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
{
    let head = frame::header(kind, payload.len());
    let pieces = [IoSlice::new(&head), IoSlice::new(payload)];
    let written = writer.write_vectored(&pieces).await?;
    if let Some(rest) = head.get(written..).filter(|rest| !rest.is_empty()) {
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        writer.write_all(rest).await?;
    }
    let rest = written.saturating_sub(HEADER_BYTES);
    writer.write_all(&payload[rest..]).await
}

/// Ends a connection on which everything was said. What the other side still sends is read until it
/// ends the connection, too: to close it earlier would take from it what it hasn't read yet.
pub async fn finish<R, W>(reader: &mut R, writer: &mut W)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let ended = async {
        writer.shutdown().await?;
        let mut buffer = vec![0; LINGER_BUFFER_BYTES];
        while reader.read(&mut buffer).await? > 0 {}
        io::Result::Ok(())
    };
    // However it ends, it has ended.
    let _ = time::timeout(LINGER, ended).await;
}
