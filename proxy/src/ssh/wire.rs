//! A client's TCP connection as russh sees it: it can be cut at any moment, and isn't read while too
//! much waits ([`super::intake`]).

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::FutureExt;
use tokio::{
    io::{AsyncRead, AsyncWrite, BufReader, Interest, ReadBuf, Ready},
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

/// Whether the other side has ended or broken the connection, as far as the kernel knows, whatever
/// is still to be read.
fn has_gone(stream: &TcpStream) -> bool {
    let ready = stream.ready(Interest::READABLE).now_or_never();
    ready.is_some_and(|it| it.is_ok_and(Ready::is_read_closed))
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.intake.poll_room(cx).is_pending() {
            // What it sent before isn't for anybody any more.
            if has_gone(self.stream.get_ref()) {
                return Poll::Ready(Err(cut()));
            }
            return Poll::Pending;
        }
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

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::{
        super::{budget::Budget, intake::Input},
        *,
    };

    #[tokio::test]
    async fn a_client_that_leaves_is_noticed_while_nothing_is_read_from_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut client = TcpStream::connect(address).await.expect("connected");
        let (stream, _) = listener.accept().await.expect("a client");
        let intake = Intake::new(100, Budget::new(usize::MAX));
        let (inbox, _inputs) = intake.channel();
        inbox.put(Input::Data(vec![0; 100].into()));
        let mut wire = Wire::new(stream, intake);
        client.write_all(b"unread").await.expect("written");
        assert!(wire.read_u8().now_or_never().is_none());
        drop(client);
        let error = loop {
            if let Some(read) = wire.read_u8().now_or_never() {
                break read.expect_err("the end");
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }
}
