//! A client's TCP connection as russh sees it: it can be cut at any moment, and isn't read while too
//! much waits ([`super::intake`]).

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, BufReader, ReadBuf},
    net::TcpStream,
};

use super::intake::Intake;

/// What is read at once. russh reads each packet in two pieces, and asks for neither twice.
const READ_BYTES: usize = 64 << 10;

/// A connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: BufReader<TcpStream>,
    intake: Arc<Intake>,
}

impl Wire {
    /// `stream`, bounded and cut by `intake`.
    pub(super) fn new(stream: TcpStream, intake: Arc<Intake>) -> Self {
        Self {
            stream: BufReader::with_capacity(READ_BYTES, stream),
            intake,
        }
    }
}

fn cut() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.intake.poll_room(cx));
        if self.intake.is_cut_for_reader(cx) {
            return Poll::Ready(Err(cut()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.intake.is_cut_for_writer(cx) {
            return Poll::Ready(Err(cut()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
