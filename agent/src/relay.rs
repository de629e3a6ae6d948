//! Carries bytes between two connections.

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is read at once.
const BUFFER_BYTES: usize = 256 << 10;

thread_local! {
    /// What is being carried. Everything happens in one thread, and a turn leaves nothing here: so
    /// connections on which nothing goes on have no buffer.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_BYTES]);
}

/// One direction.
#[derive(Default)]
struct Direction {
    /// What was read and couldn't be written yet.
    left: Vec<u8>,
    written: usize,
    read_all: bool,
    done: bool,
}

/// Carries bytes both ways until both have ended; either may end before the other. `note` is told
/// of each turn in which bytes went through.
pub async fn both_ways<A, B>(mut a: A, mut b: B, note: impl Fn()) -> io::Result<()>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let (mut there, mut back) = (Direction::default(), Direction::default());
    poll_fn(|context| {
        let one = there.poll(context, &mut a, &mut b, &note)?;
        let other = back.poll(context, &mut b, &mut a, &note)?;
        match (one, other) {
            (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    })
    .await
}

impl Direction {
    fn poll<R, W>(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        note: &impl Fn(),
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        while !self.done {
            if self.written < self.left.len() {
                let rest = &self.left[self.written..];
                match ready!(Pin::new(&mut *writer).poll_write(context, rest))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    written => self.written += written,
                }
                note();
            } else if self.read_all {
                ready!(Pin::new(&mut *writer).poll_shutdown(context))?;
                self.done = true;
            } else {
                self.left = Vec::new();
                self.written = 0;
                ready!(BUFFER.with_borrow_mut(|buffer| {
                    self.poll_through(context, reader, writer, buffer)
                }))?;
                note();
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads into the common buffer, and keeps what can't be written at once.
    fn poll_through<R, W>(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        buffer: &mut [u8],
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut read = ReadBuf::new(buffer);
        ready!(Pin::new(reader).poll_read(context, &mut read))?;
        let read = read.filled();
        if read.is_empty() {
            self.read_all = true;
            return Poll::Ready(Ok(()));
        }
        let written = match Pin::new(writer).poll_write(context, read)? {
            Poll::Ready(written) => written,
            Poll::Pending => 0,
        };
        self.left = read[written..].to_vec();
        Poll::Ready(Ok(()))
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
                let (carried, received) = tokio::join!(carried, ends);
                carried.expect("carried");
                received
            });
            prop_assert_eq!(received_there, there);
            prop_assert_eq!(received_back, back);
        }
    }
}
