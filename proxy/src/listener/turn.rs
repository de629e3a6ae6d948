//! What an HTTP/2 connection sends in one turn leaves together.
//!
//! hyper flushes after every frame with a body, so that each would be a TLS record and a system
//! call of its own. Here small frames wait until the connection has done all it can do for now.

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// So much waits at most: the content of one TLS record (RFC 8446 §5.1). What is as large by itself
/// doesn't wait.
const WAITING_BYTES_MAX: usize = 16 << 10;

/// A stream whose flushes take effect at the end of a turn; clones are the same one.
#[derive(Debug)]
pub struct Bundled<S>(Arc<Mutex<Bundle<S>>>);

#[derive(Debug)]
struct Bundle<S> {
    stream: S,
    waiting: Vec<u8>,
    /// How much of that the stream has.
    taken: usize,
    /// Why a turn's end could not send what waited.
    failed: Option<io::Error>,
}

impl<S> Clone for Bundled<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: AsyncWrite + Unpin> Bundled<S> {
    /// Bundles what is written to `stream` in the turns of [`Self::take_turns`].
    pub fn new(stream: S) -> Self {
        Self(Arc::new(Mutex::new(Bundle {
            stream,
            waiting: Vec::new(),
            taken: 0,
            failed: None,
        })))
    }

    /// Runs `connection`, which writes to this stream, and sends what each of its turns has left.
    pub async fn take_turns<C: Future>(&self, mut connection: Pin<&mut C>) -> C::Output {
        poll_fn(|cx| {
            let polled = connection.as_mut().poll(cx);
            self.lock().end_turn(cx);
            polled
        })
        .await
    }
}

impl<S> Bundled<S> {
    fn lock(&self) -> MutexGuard<'_, Bundle<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncWrite + Unpin> Bundle<S> {
    /// Sends what waits, as far as the other side takes it; the rest goes with a later turn, which
    /// the stream wakes for.
    fn end_turn(&mut self, cx: &mut Context<'_>) {
        let flushed = match self.poll_pass_on(cx) {
            Poll::Ready(Ok(())) => Pin::new(&mut self.stream).poll_flush(cx),
            other => other,
        };
        if let Poll::Ready(Err(error)) = flushed {
            self.failed = Some(error);
            // The connection hears of it when it flushes the next time.
            cx.waker().wake_by_ref();
        }
    }

    /// Ready once the stream has all that waited.
    fn poll_pass_on(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.taken < self.waiting.len() {
            let rest = &self.waiting[self.taken..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.taken += written,
            }
        }
        // An idle connection keeps no memory for it.
        self.waiting = Vec::new();
        self.taken = 0;
        Poll::Ready(Ok(()))
    }

    /// Ready with whether `bytes` more can wait. If they can't, nothing waits any more.
    fn poll_room(&mut self, cx: &mut Context<'_>, bytes: usize) -> Poll<io::Result<bool>> {
        if self.waiting.len() + bytes > WAITING_BYTES_MAX {
            ready!(self.poll_pass_on(cx))?;
        }
        let has_room = bytes < WAITING_BYTES_MAX;
        if has_room && self.waiting.capacity() == 0 {
            self.waiting.reserve_exact(WAITING_BYTES_MAX);
        }
        Poll::Ready(Ok(has_room))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bundled<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.lock().stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bundled<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut bundle = self.lock();
        let length = slices.iter().map(|it| it.len()).sum();
        if !ready!(bundle.poll_room(cx, length))? {
            return Pin::new(&mut bundle.stream).poll_write_vectored(cx, slices);
        }
        for slice in slices {
            bundle.waiting.extend_from_slice(slice);
        }
        Poll::Ready(Ok(length))
    }

    fn is_write_vectored(&self) -> bool {
        self.lock().stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.lock().failed.take().map_or(Ok(()), Err))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bundle = self.lock();
        ready!(bundle.poll_pass_on(cx))?;
        Pin::new(&mut bundle.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn frames_of_one_turn_leave_together_and_in_order() {
        let (ours, mut theirs) = duplex(1 << 20);
        let bundled = Bundled::new(ours);
        let mut stream = bundled.clone();
        let large = vec![b'l'; WAITING_BYTES_MAX];
        let writes = async {
            for piece in [&b"a"[..], b"b", &large, b"c"] {
                stream.write_all(piece).await?;
                stream.flush().await?;
            }
            // Nothing of the last one is there before the turn ends.
            assert_eq!(bundled.lock().waiting, b"c");
            tokio::task::yield_now().await;
            assert_eq!(bundled.lock().waiting, b"");
            stream.write_all(b"d").await?;
            stream.shutdown().await
        };
        bundled.take_turns(pin!(writes)).await.expect("taken");
        let mut read = Vec::new();
        theirs.read_to_end(&mut read).await.expect("read");
        let expected = [&b"ab"[..], &large, b"cd"].concat();
        assert_eq!(read, expected);
    }

    #[tokio::test]
    async fn a_reader_that_takes_little_at_a_time_gets_everything() {
        let (ours, mut theirs) = duplex(7);
        let bundled = Bundled::new(ours);
        let mut stream = bundled.clone();
        let sent: Vec<u8> = (0..=255).cycle().take(5 * WAITING_BYTES_MAX).collect();
        let writes = async {
            for piece in sent.chunks(1000) {
                stream.write_all(piece).await?;
                stream.flush().await?;
            }
            stream.shutdown().await
        };
        let (mut writes, mut read) = (pin!(writes), Vec::new());
        let (written, received) = tokio::join!(
            bundled.take_turns(writes.as_mut()),
            theirs.read_to_end(&mut read)
        );
        written.expect("taken");
        received.expect("read");
        assert!(read == sent);
    }

    #[tokio::test]
    async fn a_connection_hears_that_nobody_takes_what_it_sends() {
        let (ours, theirs) = duplex(1 << 10);
        drop(theirs);
        let bundled = Bundled::new(ours);
        let mut stream = bundled.clone();
        let writes = async {
            stream.write_all(b"a").await?;
            tokio::task::yield_now().await;
            stream.flush().await
        };
        bundled
            .take_turns(pin!(writes))
            .await
            .expect_err("nobody is there");
    }
}
