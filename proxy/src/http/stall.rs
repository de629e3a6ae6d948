//! Streams of HTTP/2 whose visitor doesn't read.
//!
//! The kernel gives up on a connection that isn't read ([`crate::sockets`]). Within an HTTP/2
//! connection that is read, one stream may stand still for as long as its visitor grants it no
//! window (RFC 9113 §5.2), and hold a connection into a space; only that stream is reset then, the
//! others go on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Buf, Bytes};
use hyper::rt::Executor;
use tokio::time;

use super::carrier;

tokio::task_local! {
    static STALL: Arc<Stall>;
}

/// Whether a response waits for its visitor.
#[derive(Debug, Default)]
pub struct Stall {
    /// Bytes of the body that HTTP/2 was given.
    given: AtomicU64,
    /// Those of them that went out: the visitor had granted a window for them.
    taken: AtomicU64,
}

impl Stall {
    /// That of the stream whose task this is; `None` outside of HTTP/2.
    pub fn of_this_stream() -> Option<Arc<Self>> {
        STALL.try_with(Arc::clone).ok()
    }

    /// Returns once the visitor has taken nothing of what there is for `limit`, and at the latest
    /// after twice that. Who takes a byte in that time is slow, which is no fault.
    async fn lasts(&self, limit: Duration) {
        let mut before = self.far();
        loop {
            time::sleep(limit).await;
            let (given, taken) = self.far();
            if (given, taken) == before && taken < given {
                return;
            }
            before = (given, taken);
        }
    }

    fn far(&self) -> (u64, u64) {
        let [given, taken] = [&self.given, &self.taken].map(|it| it.load(Ordering::Relaxed));
        (given, taken)
    }
}

/// A part of a response's body, which tells its stream how much of it has gone out.
#[derive(Debug)]
pub struct Piece {
    bytes: Bytes,
    stall: Option<Arc<Stall>>,
}

impl Piece {
    /// `bytes` for the visitor whose stream is `stall`'s.
    pub fn new(bytes: Bytes, stall: Option<&Arc<Stall>>) -> Self {
        if let Some(stall) = stall {
            stall.given.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        Self {
            bytes,
            stall: stall.cloned(),
        }
    }

    fn gone(&self, bytes: usize) {
        if let Some(stall) = &self.stall {
            stall.taken.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, bytes: usize) {
        self.bytes.advance(bytes);
        self.gone(bytes);
    }

    fn copy_to_bytes(&mut self, bytes: usize) -> Bytes {
        self.gone(bytes);
        self.bytes.copy_to_bytes(bytes)
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
            // Dropping the stream resets it.
            tokio::select! {
                biased;
                _ = carrier::carry(stream) => {}
                () = stall.lasts(limit) => tracing::debug!("a stream was not read and is reset"),
            }
        }));
    }
}
