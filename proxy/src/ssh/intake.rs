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
//!
//! Nothing that the client says is heard while there is no room, not even that it closes what takes
//! no input. So a connection that has stood full for a time loses the channel that holds most
//! ([`Intake::stalled`]).

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use spaceport_domain::agent::Size;
use tokio::{
    sync::{Notify, mpsc},
    time::{self, Instant},
};

use super::budget::{Budget, Purse, SHARE_BYTES};

/// See the module's text. A client sends what it has of one channel, a window, and what is in the
/// buffers of two kernels before it hears that it should wait.
const STARVING_FACTOR: usize = 4;
/// What keeping one thing costs beside its bytes.
const ITEM_BYTES: usize = 128;
/// How often a full connection is looked at: whether others have made room, and whether the client
/// is still there.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Counts what waits of one connection.
#[derive(Debug)]
pub(super) struct Intake {
    max_bytes: usize,
    held_bytes: AtomicUsize,
    budget: Arc<Budget>,
    /// Counts for the person, once they are known.
    purse: OnceLock<Arc<Purse>>,
    /// Something was taken since this was last looked at.
    has_moved: AtomicBool,
    /// Told when there is no room.
    full: Notify,
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
    held_bytes: Arc<AtomicUsize>,
    sender: mpsc::UnboundedSender<(Input, Held)>,
}

/// The other end. What is taken out is counted until its [`Held`] is dropped.
pub(super) type Inputs = mpsc::UnboundedReceiver<(Input, Held)>;

/// Counts something that waits, until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    intake: Arc<Intake>,
    /// Those of its channel.
    channel_bytes: Arc<AtomicUsize>,
    bytes: usize,
    /// Whether the person's purse counts it.
    is_in_purse: bool,
}

/// Output waits for as long as this is kept.
#[derive(Debug)]
pub(super) struct Starving<'a>(&'a Intake);

impl Intake {
    /// Nothing waits, and no more than `max_bytes`, and `budget` for all connections, may before the
    /// client has to.
    pub(super) fn new(max_bytes: usize, budget: Arc<Budget>) -> Arc<Self> {
        Arc::new(Self {
            max_bytes,
            held_bytes: AtomicUsize::new(0),
            budget,
            purse: OnceLock::new(),
            has_moved: AtomicBool::new(false),
            full: Notify::new(),
            starving: AtomicUsize::new(0),
            is_cut: AtomicBool::new(false),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
        })
    }

    /// From now on, what waits counts for whoever has `purse`, too.
    pub(super) fn belong_to(&self, purse: Arc<Purse>) {
        let _ = self.purse.set(purse);
    }

    /// A new channel's two ends.
    pub(super) fn channel(self: &Arc<Self>) -> (Inbox, Inputs) {
        let (sender, inputs) = mpsc::unbounded_channel();
        let inbox = Inbox {
            intake: Arc::clone(self),
            held_bytes: Arc::default(),
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
            self.full.notify_one();
            Poll::Pending
        }
    }

    /// Returns once there has been no room for `limit`, and nothing was taken all that time.
    pub(super) async fn stalled(&self, limit: Duration) {
        loop {
            self.full.notified().await;
            let mut still_since = Instant::now();
            while !self.has_room() {
                time::sleep(LOOK_INTERVAL.min(limit)).await;
                // Whoever reads looks whether others have made room, and whether the client has gone.
                self.reader.wake();
                if self.has_moved.swap(false, Ordering::AcqRel) {
                    still_since = Instant::now();
                } else if still_since.elapsed() >= limit && !self.has_room() {
                    self.full.notify_one();
                    return;
                }
            }
        }
    }

    fn has_room(&self) -> bool {
        let factor = match self.starving.load(Ordering::Acquire) {
            0 => 1,
            _ => STARVING_FACTOR,
        };
        let held = self.held_bytes.load(Ordering::Acquire);
        let is_within = held < self.max_bytes.saturating_mul(factor)
            && (held < SHARE_BYTES || self.budget.has_room(self.purse()));
        is_within || self.is_cut()
    }

    fn purse(&self) -> Option<&Purse> {
        self.purse.get().map(Arc::as_ref)
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
        let intake = &self.intake;
        let purse = intake.purse();
        self.held_bytes.fetch_add(bytes, Ordering::AcqRel);
        intake.held_bytes.fetch_add(bytes, Ordering::AcqRel);
        intake.budget.hold(purse, bytes);
        let held = Held {
            intake: Arc::clone(intake),
            channel_bytes: Arc::clone(&self.held_bytes),
            bytes,
            is_in_purse: purse.is_some(),
        };
        let _ = self.sender.send((input, held));
    }

    /// How much of this channel waits.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes.load(Ordering::Acquire)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let intake = &self.intake;
        self.channel_bytes.fetch_sub(self.bytes, Ordering::AcqRel);
        intake.held_bytes.fetch_sub(self.bytes, Ordering::AcqRel);
        let purse = self.is_in_purse.then(|| intake.purse()).flatten();
        intake.budget.release(purse, self.bytes);
        intake.has_moved.store(true, Ordering::Release);
        intake.reader.wake();
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
    use spaceport_domain::id::UserId;

    use super::*;

    #[test]
    fn reading_stops_at_the_bound_and_goes_on_when_something_is_taken() {
        let intake = Intake::new(1000, Budget::new(usize::MAX));
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
        let intake = Intake::new(1000, Budget::new(usize::MAX));
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

    fn data(bytes: usize) -> Input {
        Input::Data(vec![0; bytes].into())
    }

    fn person(number: u128) -> UserId {
        UserId::new(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn all_connections_together_are_bounded_and_each_goes_on_with_a_little() {
        let budget = Budget::new(1 << 20);
        let intakes: Vec<_> = (1..=5)
            .map(|number| {
                let intake = Intake::new(1 << 30, Arc::clone(&budget));
                intake.belong_to(budget.purse(person(number)));
                intake
            })
            .collect();
        let is_open = |at: usize| intakes[at].room().now_or_never().is_some();
        let mut kept = Vec::new();
        for (at, intake) in intakes.iter().enumerate().take(4) {
            assert!(is_open(at));
            let (inbox, inputs) = intake.channel();
            inbox.put(data(256 << 10));
            kept.push((inbox, inputs));
        }
        assert_eq!([0, 1, 2, 3].map(is_open), [false; 4]);
        assert!(is_open(4), "it holds nothing yet");
        let (inbox, _inputs) = intakes[4].channel();
        inbox.put(data(SHARE_BYTES));
        assert!(!is_open(4), "it has its share");
        kept.clear();
        assert!(is_open(4), "others have made room");
    }

    #[test]
    fn one_person_leaves_room_for_others() {
        let budget = Budget::new(1 << 20);
        let [one, other, stranger] = [1, 1, 2].map(|number| {
            let intake = Intake::new(1 << 30, Arc::clone(&budget));
            intake.belong_to(budget.purse(person(number)));
            intake
        });
        let is_open = |intake: &Intake| intake.room().now_or_never().is_some();
        let channels = [&one, &other, &stranger].map(|intake| {
            let (inbox, inputs) = intake.channel();
            inbox.put(data(SHARE_BYTES));
            (inbox, inputs)
        });
        channels[0].0.put(data(256 << 10));
        assert!(!is_open(&one) && !is_open(&other));
        assert!(is_open(&stranger));
        drop(channels);
        assert!(is_open(&one) && is_open(&other));
    }

    #[tokio::test]
    async fn a_full_connection_stalls_where_nothing_is_taken() {
        let limit = Duration::from_millis(10);
        let intake = Intake::new(1000, Budget::new(usize::MAX));
        let (inbox, mut inputs) = intake.channel();
        inbox.put(data(1000));
        assert!(intake.stalled(limit).now_or_never().is_none());
        assert!(intake.room().now_or_never().is_none());
        // Each time anew, until something is taken.
        intake.stalled(limit).await;
        intake.stalled(limit).await;
        assert_eq!(inbox.held_bytes(), 1000 + ITEM_BYTES);
        drop(inputs.try_recv().expect("data"));
        assert_eq!(inbox.held_bytes(), 0);
        let stalled = time::timeout(limit * 10, intake.stalled(limit));
        assert!(stalled.await.is_err(), "there is room");
    }
}
