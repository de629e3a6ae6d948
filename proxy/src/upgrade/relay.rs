//! Carries bytes between two streams, both ways, until both have ended.
//!
//! Bytes are read into one buffer a thread has for all of its streams and written on at once; only
//! what the other side doesn't take yet is kept with the stream. An idle pair holds no buffer,
//! and a busy one moves up to [`SCRATCH_BYTES`] at a time.

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time,
};

/// The size of a thread's buffer.
const SCRATCH_BYTES: usize = 128 << 10;
/// As long as there is room for so much, more is read before anything is written: the content of a TLS
/// record (RFC 8446 §5.1), and that of a frame of HTTP/2 if nothing else is agreed.
const PIECE_BYTES: usize = 16 << 10;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH_BYTES]);
}

/// How much was carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Carried {
    /// From the visitor to the space.
    pub(super) to_space_bytes: u64,
    /// From the space to the visitor.
    pub(super) to_visitor_bytes: u64,
}

/// Carries bytes until both directions have ended, nothing can be read from one side any more, one
/// direction has lasted for `half_open` after the other's end, or `cut` is ready. An end is passed on
/// as an end. A side that takes no more ends its direction alone: it may have said something before,
/// as a service that refuses what is being uploaded.
pub(super) async fn both_ways<V, S>(
    visitor: &mut V,
    space: &mut S,
    cut: impl Future<Output = ()>,
    half_open: Duration,
) -> Carried
where
    V: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut up, mut down) = (Direction::default(), Direction::default());
    let mut cut = pin!(cut);
    let first = poll_fn(|cx| {
        if cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let up = up.poll(cx, visitor, space);
        let down = down.poll(cx, space, visitor);
        match (up, down) {
            (Poll::Pending, Poll::Pending) => Poll::Pending,
            (Poll::Ready(Err(error)), _) | (_, Poll::Ready(Err(error))) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(())),
        }
    })
    .await;
    if first.is_ok() {
        let rest = poll_fn(|cx| {
            if cut.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            ready!(up.poll(cx, visitor, space))?;
            down.poll(cx, space, visitor)
        });
        // Whatever ends it, it has ended.
        let _ = time::timeout(half_open, rest).await;
    }
    Carried {
        to_space_bytes: up.bytes,
        to_visitor_bytes: down.bytes,
    }
}

/// What ends a direction before its end.
enum Broken {
    /// Nothing more can be read.
    Reader(io::Error),
    /// Nothing more is taken.
    Writer,
}

impl Broken {
    fn writer(_: io::Error) -> Self {
        Self::Writer
    }
}

/// One way of a relay.
#[derive(Default)]
struct Direction {
    /// Read and not yet written.
    pending: Vec<u8>,
    /// How much of `pending` was written.
    written: usize,
    bytes: u64,
    unflushed: bool,
    read_all: bool,
    /// Why no more can be read.
    failed: Option<io::Error>,
    done: bool,
}

impl Direction {
    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        match ready!(self.poll_through(cx, reader, writer)) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(Broken::Reader(error)) => Poll::Ready(Err(error)),
            Err(Broken::Writer) => {
                self.pending = Vec::new();
                self.done = true;
                Poll::Ready(Ok(()))
            }
        }
    }

    fn poll_through<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<Result<(), Broken>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        while !self.done {
            ready!(self.poll_pending(cx, writer)).map_err(Broken::writer)?;
            if let Some(error) = self.failed.take() {
                return Poll::Ready(Err(Broken::Reader(error)));
            }
            if self.read_all {
                ready!(Pin::new(&mut *writer).poll_shutdown(cx)).map_err(Broken::writer)?;
                self.done = true;
                break;
            }
            let carried = SCRATCH.with_borrow_mut(|scratch| {
                self.poll_carry(cx, &mut ReadBuf::new(scratch), reader, writer)
            })?;
            if carried.is_pending() {
                if self.unflushed {
                    ready!(Pin::new(&mut *writer).poll_flush(cx)).map_err(Broken::writer)?;
                    self.unflushed = false;
                }
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what an earlier write left over, and gives its memory back.
    fn poll_pending<W>(&mut self, cx: &mut Context<'_>, writer: &mut W) -> Poll<io::Result<()>>
    where
        W: AsyncWrite + Unpin,
    {
        while self.written < self.pending.len() {
            let rest = &self.pending[self.written..];
            self.written += some(ready!(Pin::new(&mut *writer).poll_write(cx, rest))?)?;
        }
        self.pending = Vec::new();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Reads what is there and writes what can be written of it. Pending: there is nothing to read.
    fn poll_carry<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut ReadBuf<'_>,
        reader: &mut R,
        writer: &mut W,
    ) -> Result<Poll<()>, Broken>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        // Encrypted streams and those of HTTP/2 give a record or a frame at a time.
        while scratch.remaining() >= PIECE_BYTES && !self.read_all {
            let before = scratch.filled().len();
            match Pin::new(&mut *reader).poll_read(cx, scratch) {
                Poll::Pending if before == 0 => return Ok(Poll::Pending),
                Poll::Pending => break,
                Poll::Ready(Ok(())) => self.read_all = scratch.filled().len() == before,
                Poll::Ready(Err(error)) if before == 0 => return Err(Broken::Reader(error)),
                // What came before it is passed on first.
                Poll::Ready(Err(error)) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        let mut filled = scratch.filled();
        self.bytes += filled.len() as u64;
        self.unflushed |= !filled.is_empty();
        while !filled.is_empty() {
            match Pin::new(&mut *writer).poll_write(cx, filled) {
                Poll::Ready(written) => {
                    let written = written.and_then(some).map_err(Broken::writer)?;
                    filled = &filled[written..];
                }
                Poll::Pending => {
                    filled.clone_into(&mut self.pending);
                    break;
                }
            }
        }
        Ok(Poll::Ready(()))
    }
}

fn some(written: usize) -> io::Result<usize> {
    if written == 0 {
        return Err(io::ErrorKind::WriteZero.into());
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime")
    }

    #[test]
    fn everything_arrives_through_pipes_narrower_than_what_is_sent() {
        runtime().block_on(async {
            let (mut visitor, mut near) = duplex(7);
            let (mut far, mut space) = duplex(1000);
            let sent: Vec<u8> = (0..100_000_u32).map(|it| it.to_le_bytes()[0]).collect();
            let relay = both_ways(&mut near, &mut far, pending(), Duration::from_mins(1));
            let talk = async {
                let (mut read, mut write) = tokio::io::split(&mut visitor);
                let up = async {
                    write.write_all(&sent).await.expect("written");
                    write.shutdown().await.expect("ended");
                };
                let echo = async {
                    let mut got = Vec::new();
                    space.read_to_end(&mut got).await.expect("read");
                    space.write_all(&got).await.expect("written");
                    space.shutdown().await.expect("ended");
                };
                let mut back = Vec::new();
                let down = read.read_to_end(&mut back);
                let ((), (), down) = tokio::join!(up, echo, down);
                down.expect("read");
                back
            };
            let (carried, back) = tokio::join!(relay, talk);
            assert_eq!(back, sent);
            assert_eq!(carried.to_space_bytes, 100_000);
            assert_eq!(carried.to_visitor_bytes, 100_000);
        });
    }

    #[test]
    fn what_one_side_said_before_it_took_no_more_arrives() {
        runtime().block_on(async {
            let (mut visitor, mut near) = duplex(4);
            let (mut far, mut space) = duplex(1000);
            visitor.write_all(&[0; 4]).await.expect("written");
            space.write_all(b"too large").await.expect("written");
            // It can still be read from, and no more written to.
            drop(space);
            let mut got = Vec::new();
            let relay = async {
                both_ways(&mut near, &mut far, pending(), Duration::from_mins(1)).await;
                drop(near);
            };
            let ((), read) = tokio::join!(relay, visitor.read_to_end(&mut got));
            read.expect("read");
            assert_eq!(got, b"too large");
        });
    }

    /// Gives a piece, and then breaks off.
    struct Breaks(Option<&'static [u8]>);

    impl AsyncRead for Breaks {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Ready(match self.0.take() {
                Some(piece) => {
                    buffer.put_slice(piece);
                    Ok(())
                }
                None => Err(io::ErrorKind::ConnectionReset.into()),
            })
        }
    }

    #[test]
    fn what_came_before_a_connection_broke_is_passed_on_and_no_end_is_made_up() {
        runtime().block_on(async {
            let (mut visitor, mut near) = duplex(100);
            let (mut space, mut down) = (Breaks(Some(b"last words")), Direction::default());
            let broken = poll_fn(|cx| down.poll(cx, &mut space, &mut near));
            let error = broken.await.expect_err("it breaks off");
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            drop(near);
            let mut got = Vec::new();
            visitor.read_to_end(&mut got).await.expect("read");
            assert_eq!(got, b"last words");
        });
    }

    #[test]
    fn a_direction_that_never_ends_is_cut_after_the_other_has_ended() {
        runtime().block_on(async {
            let (visitor, mut near) = duplex(10);
            let (mut far, _space) = duplex(10);
            drop(visitor);
            let half_open = Duration::from_millis(50);
            let began = time::Instant::now();
            both_ways(&mut near, &mut far, pending(), half_open).await;
            assert!(began.elapsed() >= half_open);
        });
    }

    #[test]
    fn what_is_cut_ends_while_one_side_is_open() {
        runtime().block_on(async {
            let (visitor, mut near) = duplex(10);
            let (mut far, mut space) = duplex(10);
            drop(visitor);
            let cut = async {
                // The visitor's end has been passed on.
                assert_eq!(space.read(&mut [0]).await.expect("read"), 0);
            };
            let forever = Duration::from_hours(1);
            let relay = both_ways(&mut near, &mut far, cut, forever);
            let carried = time::timeout(Duration::from_mins(1), relay).await;
            assert_eq!(carried.expect("an end"), Carried::default());
        });
    }

    #[test]
    fn what_is_cut_ends_while_both_sides_are_open() {
        runtime().block_on(async {
            let (_visitor, mut near) = duplex(10);
            let (mut far, _space) = duplex(10);
            let carried = both_ways(&mut near, &mut far, ready(()), Duration::from_mins(1)).await;
            assert_eq!(carried, Carried::default());
        });
    }
}
