//! Streams of HTTP/2 whose visitor doesn't read.
//!
//! The kernel gives up on a connection that isn't read ([`crate::sockets`]). Within an HTTP/2
//! connection that is read, one stream may stand still for as long as its visitor grants it no
//! window (RFC 9113 §5.2), and hold a connection into a space; only that stream is reset then, the
//! others go on.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use hyper::rt::Executor;
use tokio::time;

tokio::task_local! {
    static STALL: Arc<Stall>;
}

/// Whether a response waits for its visitor.
#[derive(Debug, Default)]
pub struct Stall {
    /// Pieces of the body that were given away.
    pieces: AtomicU32,
    /// Whether the last one hasn't been followed by the wish for another.
    unread: AtomicBool,
}

impl Stall {
    /// That of the stream whose task this is; `None` outside of HTTP/2.
    pub fn of_this_stream() -> Option<Arc<Self>> {
        STALL.try_with(Arc::clone).ok()
    }

    /// Notes that the visitor could take more, and whether there was something to take.
    pub fn polled(&self, gave: bool) {
        if gave {
            self.pieces.fetch_add(1, Ordering::Relaxed);
        }
        self.unread.store(gave, Ordering::Relaxed);
    }

    /// Returns once the visitor has taken nothing of what there is for `limit`, and at the latest
    /// after twice that.
    async fn lasts(&self, limit: Duration) {
        let mut before = self.pieces.load(Ordering::Relaxed);
        loop {
            time::sleep(limit).await;
            let now = self.pieces.load(Ordering::Relaxed);
            if now == before && self.unread.load(Ordering::Relaxed) {
                return;
            }
            before = now;
        }
    }
}

/// Runs the streams of one connection, each for as long as it is read.
#[derive(Clone, Copy, Debug)]
pub struct Streams {
    limit: Duration,
}

impl Streams {
    /// A stream is reset when its visitor leaves unread for `limit` what there is.
    pub const fn new(limit: Duration) -> Self {
        Self { limit }
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let limit = self.limit;
        let stall = Arc::new(Stall::default());
        tokio::spawn(STALL.scope(Arc::clone(&stall), async move {
            let mut stream = pin!(stream);
            tokio::select! {
                biased;
                () = &mut stream => {}
                // Dropping the stream resets it.
                () = stall.lasts(limit) => tracing::debug!("a stream was not read and is reset"),
            }
        }));
    }
}
