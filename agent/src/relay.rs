//! Carries bytes between two connections.

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    os::fd::AsFd,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::{descriptor::Descriptor, wire::finish};

/// How much is read at once.
const BUFFER_BYTES: usize = 256 << 10;

thread_local! {
    /// What is being carried. Everything happens in one thread, and a turn leaves nothing here: so
    /// connections on which nothing goes on have no buffer.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_BYTES]);
}

/// Whether more can be read.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Source {
    #[default]
    Open,
    Ended,
    /// Nothing can be written there either.
    Broken,
}

/// One direction.
#[derive(Default)]
struct Direction {
    /// What was read and couldn't be written yet.
    left: Vec<u8>,
    written: usize,
    source: Source,
    done: bool,
    /// Nothing can be written any more: what still comes is thrown away.
    lost: bool,
}

/// Carries bytes between the edge and a service, as [`both_ways`] does, until the edge has gone:
/// also where it had ended its half before, and nothing is said to it that would show it.
pub async fn carry<S>(edge: TcpStream, service: S, note: impl Fn()) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let watched = Descriptor::watched(edge.as_fd().try_clone_to_owned()?)?;
    tokio::select! {
        () = both_ways(edge, service, note) => Ok(()),
        failed = watched.failed() => failed,
    }
}

/// Carries bytes both ways until both have ended; either may end before the other, and where one
/// takes nothing any more, what it has said still arrives. `note` is told of each turn in which bytes
/// went through.
async fn both_ways<A, B>(mut a: A, mut b: B, note: impl Fn())
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let (mut there, mut back) = (Direction::default(), Direction::default());
    poll_fn(|context| {
        let one = there.poll(context, &mut a, &mut b, &note);
        back.lost |= there.source == Source::Broken;
        let other = back.poll(context, &mut b, &mut a, &note);
        there.lost |= back.source == Source::Broken;
        match (one, other) {
            (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(()),
            (_, Poll::Ready(())) if there.lost => Poll::Ready(()),
            (Poll::Ready(()), _) if back.lost => Poll::Ready(()),
            _ => Poll::Pending,
        }
    })
    .await;
    // To close what is still being sent to would take from the sender what it hasn't read yet.
    if there.lost && !there.done {
        let (mut reader, mut writer) = tokio::io::split(a);
        finish(&mut reader, &mut writer).await;
    } else if back.lost && !back.done {
        let (mut reader, mut writer) = tokio::io::split(b);
        finish(&mut reader, &mut writer).await;
    }
}

impl Direction {
    fn poll<R, W>(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        note: &impl Fn(),
    ) -> Poll<()>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        while !self.done {
            if self.written < self.left.len() {
                let rest = &self.left[self.written..];
                match ready!(Pin::new(&mut *writer).poll_write(context, rest)) {
                    Ok(0) | Err(_) => self.lose(),
                    Ok(written) => self.written += written,
                }
                note();
            } else if self.source != Source::Open {
                // Who can't be told has ended.
                let _ = ready!(Pin::new(&mut *writer).poll_shutdown(context));
                self.done = true;
            } else {
                self.left = Vec::new();
                self.written = 0;
                ready!(BUFFER.with_borrow_mut(|buffer| {
                    self.poll_through(context, reader, writer, buffer)
                }));
                note();
            }
        }
        Poll::Ready(())
    }

    fn lose(&mut self) {
        self.lost = true;
        self.left = Vec::new();
        self.written = 0;
    }

    /// Reads into the common buffer, and keeps what can't be written at once.
    fn poll_through<R, W>(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        buffer: &mut [u8],
    ) -> Poll<()>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut read = ReadBuf::new(buffer);
        if ready!(Pin::new(reader).poll_read(context, &mut read)).is_err() {
            self.source = Source::Broken;
            return Poll::Ready(());
        }
        let read = read.filled();
        if read.is_empty() {
            self.source = Source::Ended;
        } else if !self.lost {
            match Pin::new(writer).poll_write(context, read) {
                Poll::Ready(Ok(written)) => self.left = read[written..].to_vec(),
                Poll::Ready(Err(_)) => self.lose(),
                Poll::Pending => self.left = read.to_vec(),
            }
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        runtime,
    };

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn both_directions_arrive_whole_and_end_apart(
            there in proptest::collection::vec(any::<u8>(), 0..4096),
            back in proptest::collection::vec(any::<u8>(), 0..4096),
            room in 1..512_usize,
        ) {
            let runtime = runtime::Builder::new_current_thread().build().expect("runtime");
            let (received_there, received_back) = runtime.block_on(async {
                let (mut a, a_relay) = duplex(room);
                let (mut b, b_relay) = duplex(room);
                let carried = both_ways(a_relay, b_relay, || ());
                let ends = async {
                    let (mut there_received, mut back_received) = (Vec::new(), Vec::new());
                    // `b` answers only when `a` has ended: half of the connection stays open.
                    let (first, second) = tokio::join!(
                        async {
                            a.write_all(&there).await?;
                            a.shutdown().await
                        },
                        b.read_to_end(&mut there_received),
                    );
                    first.and(second.map(|_| ())).expect("there");
                    let (first, second) = tokio::join!(
                        async {
                            b.write_all(&back).await?;
                            b.shutdown().await
                        },
                        a.read_to_end(&mut back_received),
                    );
                    first.and(second.map(|_| ())).expect("back");
                    (there_received, back_received)
                };
                let ((), received) = tokio::join!(carried, ends);
                received
            });
            prop_assert_eq!(received_there, there);
            prop_assert_eq!(received_back, back);
        }
    }

    #[test]
    fn an_answer_arrives_whole_though_nothing_more_is_taken() {
        let runtime = runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("runtime");
        runtime.block_on(async {
            let (mut a, a_relay) = duplex(4);
            // It has answered and takes nothing, as a service that refuses an upload.
            let service = tokio::io::join(&b"refused: too large"[..], Closed);
            let client = async {
                a.write_all(b"a large body").await.expect("taken");
                let mut answer = Vec::new();
                a.read_to_end(&mut answer).await.expect("received");
                drop(a);
                answer
            };
            let ((), answer) = tokio::join!(both_ways(a_relay, service, || ()), client);
            assert_eq!(answer, b"refused: too large");
        });
    }

    /// Takes nothing.
    struct Closed;

    impl AsyncWrite for Closed {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
}
