//! What a client has sent and its space hasn't taken.
//!
//! russh asks a client for more as soon as it has read something, whether anybody took it or not,
//! and hands data on by waiting until there is room: one program that doesn't read would hold up
//! everything else on the connection, its own output included. So here everything is taken at once,
//! and counted; what bounds it is that nothing more is read from the client once there is too much.
//!
//! One thing must come through even then: what a client says of its own windows, for it stands
//! behind the data that waits, and a program may wait with its input for its output to go on. While
//! any output waits, reading goes on, up to [`STARVING_FACTOR`] times the bound.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use spaceport_domain::agent::Size;
use tokio::sync::mpsc;

/// See the module's text. A client sends what it has of one channel, a window, and what is in the
/// buffers of two kernels before it hears that it should wait.
const STARVING_FACTOR: usize = 4;
/// What keeping one thing costs beside its bytes.
const ITEM_BYTES: usize = 128;

/// Counts what waits of one connection.
#[derive(Debug)]
pub(super) struct Intake {
    max_bytes: usize,
    held_bytes: AtomicUsize,
    /// How many channels have output that waits for the client.
    starving: AtomicUsize,
    is_cut: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

/// What a client sent on a channel.
#[derive(Debug)]
pub(super) enum Input {
    /// Bytes.
    Data(Bytes),
    /// There are no more bytes.
    End,
    /// The window's size.
    Size(Size),
    /// A signal for the program, named without `SIG`.
    Signal(String),
}

/// The end of a channel into which the client's words are put.
#[derive(Debug)]
pub(super) struct Inbox {
    intake: Arc<Intake>,
    sender: mpsc::UnboundedSender<(Input, Held)>,
}

/// The other end. What is taken out is counted until its [`Held`] is dropped.
pub(super) type Inputs = mpsc::UnboundedReceiver<(Input, Held)>;

/// Counts something that waits, until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    intake: Arc<Intake>,
    bytes: usize,
}

/// Output waits for as long as this is kept.
#[derive(Debug)]
pub(super) struct Starving<'a>(&'a Intake);

impl Intake {
    /// Nothing waits, and no more than `max_bytes` may before the client has to.
    pub(super) fn new(max_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            max_bytes,
            held_bytes: AtomicUsize::new(0),
            starving: AtomicUsize::new(0),
            is_cut: AtomicBool::new(false),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
        })
    }

    /// A new channel's two ends.
    pub(super) fn channel(self: &Arc<Self>) -> (Inbox, Inputs) {
        let (sender, inputs) = mpsc::unbounded_channel();
        let inbox = Inbox {
            intake: Arc::clone(self),
            sender,
        };
        (inbox, inputs)
    }

    /// Ready while more may be read from the client.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_room() {
            return Poll::Ready(());
        }
        self.reader.register(cx.waker());
        // Some may have been taken before the waker was there.
        if self.has_room() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn has_room(&self) -> bool {
        let factor = match self.starving.load(Ordering::Acquire) {
            0 => 1,
            _ => STARVING_FACTOR,
        };
        self.is_cut() || self.held_bytes.load(Ordering::Acquire) < self.max_bytes * factor
    }

    /// Notes that output waits for the client.
    pub(super) fn starve(&self) -> Starving<'_> {
        self.starving.fetch_add(1, Ordering::AcqRel);
        self.reader.wake();
        Starving(self)
    }

    /// Ends the connection: nothing is read or written any more.
    pub(super) fn cut(&self) {
        self.is_cut.store(true, Ordering::Release);
        self.reader.wake();
        self.writer.wake();
    }

    /// Whether the connection was ended.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Acquire)
    }

    /// Whether the connection was ended; if it is, whoever writes is woken.
    pub(super) fn is_cut_for_writer(&self, cx: &mut Context<'_>) -> bool {
        self.writer.register(cx.waker());
        self.is_cut()
    }

    /// The same for whoever reads.
    pub(super) fn is_cut_for_reader(&self, cx: &mut Context<'_>) -> bool {
        self.reader.register(cx.waker());
        self.is_cut()
    }

    /// Returns once there is room; for tests.
    #[cfg(test)]
    async fn room(&self) {
        std::future::poll_fn(|cx| self.poll_room(cx)).await;
    }
}

impl Inbox {
    /// Keeps `input` until it is taken. One for a channel that has ended is dropped.
    pub(super) fn put(&self, input: Input) {
        let bytes = ITEM_BYTES
            + match &input {
                Input::Data(data) => data.len(),
                Input::Signal(name) => name.len(),
                Input::End | Input::Size(_) => 0,
            };
        self.intake.held_bytes.fetch_add(bytes, Ordering::AcqRel);
        let held = Held {
            intake: Arc::clone(&self.intake),
            bytes,
        };
        let _ = self.sender.send((input, held));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let held = &self.intake.held_bytes;
        held.fetch_sub(self.bytes, Ordering::AcqRel);
        self.intake.reader.wake();
    }
}

impl Drop for Starving<'_> {
    fn drop(&mut self) {
        self.0.starving.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn reading_stops_at_the_bound_and_goes_on_when_something_is_taken() {
        let intake = Intake::new(1000);
        let (inbox, mut inputs) = intake.channel();
        let is_open = || intake.room().now_or_never().is_some();
        inbox.put(Input::Data(Bytes::from_static(&[0; 500])));
        assert!(is_open());
        inbox.put(Input::Data(Bytes::from_static(&[0; 500])));
        assert!(!is_open());
        let taken = inputs.try_recv().expect("data");
        assert!(!is_open(), "what is being written still waits");
        drop(taken);
        assert!(is_open());
        inbox.put(Input::Data(Bytes::from_static(&[0; 500])));
        assert!(!is_open());
        drop(inputs);
        assert!(is_open(), "a channel that ends gives back what waited");
        inbox.put(Input::Data(Bytes::from_static(&[0; 5000])));
        assert!(is_open(), "and what comes later isn't kept");
    }

    #[test]
    fn reading_goes_on_for_a_while_when_output_waits() {
        let intake = Intake::new(1000);
        let (inbox, _inputs) = intake.channel();
        let is_open = || intake.room().now_or_never().is_some();
        inbox.put(Input::Data(Bytes::from_static(&[0; 1000])));
        assert!(!is_open());
        let starving = intake.starve();
        assert!(is_open());
        inbox.put(Input::Data(Bytes::from_static(&[0; 4000])));
        assert!(!is_open());
        drop(starving);
        assert!(!is_open());
        intake.cut();
        assert!(is_open(), "so that whoever reads sees the end");
    }
}
