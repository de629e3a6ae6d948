//! The event log as it grows.
//!
//! One task reads what is committed, once, and keeps the newest events in memory. A subscriber
//! holds nothing but its cursor: it waits until the log has grown past it and takes what follows,
//! from memory where it can and from the database where it must. So a slow subscriber costs no
//! memory and slows nobody, and none misses an event or sees one twice.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock},
};

use futures_util::{Stream, StreamExt as _, stream};
use spaceport_domain::event::{Cursor, Event};
use tokio::sync::watch;

use crate::store::{Store, StoreError};

/// How many of the newest events are kept in memory.
const RECENT_MAX: usize = 4096;
/// How many events are read from the database at once.
const BATCH: u64 = 256;
/// How long to wait when the database can't be read.
const RETRY: std::time::Duration = std::time::Duration::from_millis(500);

/// The event log as it grows. Cheap to clone.
#[derive(Clone, Debug)]
pub struct EventLog {
    store: Store,
    recent: Arc<RwLock<VecDeque<Arc<Event>>>>,
    tail: Arc<watch::Sender<Cursor>>,
}

impl EventLog {
    /// The log of `store`, from what is committed now on.
    pub async fn open(store: Store) -> Result<Self, StoreError> {
        let tail = store.current_head().await?;
        Ok(Self {
            store,
            recent: Arc::default(),
            tail: Arc::new(watch::Sender::new(tail)),
        })
    }

    /// Reads what is committed, for ever.
    pub async fn run(&self) {
        let mut head = self.store.head();
        loop {
            head.mark_unchanged();
            let tail = *self.tail.borrow();
            let read = self.store.events_after(tail, BATCH).await;
            match read {
                Ok(events) if events.is_empty() => {
                    if head.changed().await.is_err() {
                        return;
                    }
                }
                Ok(events) => self.append(events),
                Err(error) => {
                    tracing::warn!(%error, "can't read the event log");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    fn append(&self, events: Vec<Event>) {
        let Some(last) = events.last().map(|event| event.cursor) else {
            return;
        };
        {
            let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
            recent.extend(events.into_iter().map(Arc::new));
            let surplus = recent.len().saturating_sub(RECENT_MAX);
            recent.drain(..surplus);
        }
        self.tail.send_replace(last);
    }

    /// The position that includes every event this log has read.
    pub fn tail(&self) -> Cursor {
        *self.tail.borrow()
    }

    /// Every event behind `after`, in order, for ever. Ends with an error when the database fails.
    pub fn follow(
        &self,
        after: Cursor,
    ) -> impl Stream<Item = Result<Arc<Event>, StoreError>> + Send + use<> {
        let state = (self.clone(), self.tail.subscribe(), after, VecDeque::new());
        stream::try_unfold(state, |(log, mut tail, mut after, mut ready)| async move {
            loop {
                if let Some(event) = ready.pop_front() {
                    let event: Arc<Event> = event;
                    after = event.cursor;
                    return Ok(Some((event, (log, tail, after, ready))));
                }
                if tail.wait_for(|tail| *tail > after).await.is_err() {
                    return Ok(None);
                }
                ready = match log.recent_after(after) {
                    Some(events) => events,
                    None => log
                        .store
                        .events_after(after, BATCH)
                        .await?
                        .into_iter()
                        .map(Arc::new)
                        .collect(),
                };
            }
        })
    }

    /// The same, which goes on where it was when the database answers again.
    pub fn keep_following(&self, after: Cursor) -> impl Stream<Item = Arc<Event>> + Send + use<> {
        let state = (self.clone(), after, Box::pin(self.follow(after)));
        stream::unfold(state, |(log, mut after, mut events)| async move {
            loop {
                match events.next().await {
                    Some(Ok(event)) => {
                        after = event.cursor;
                        return Some((event, (log, after, events)));
                    }
                    Some(Err(_)) => {
                        tokio::time::sleep(RETRY).await;
                        events.set(log.follow(after));
                    }
                    None => return None,
                }
            }
        })
    }

    /// Some of what follows `after` from memory; `None` when its beginning is no longer there.
    fn recent_after(&self, after: Cursor) -> Option<VecDeque<Arc<Event>>> {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        let first = recent.front()?.cursor.seq();
        // Numbers have no gaps, so an event's place follows from its number.
        let skip = usize::try_from(after.seq() + 1 - first).ok()?;
        let take = usize::try_from(BATCH).unwrap_or(usize::MAX);
        Some(recent.iter().skip(skip).take(take).cloned().collect())
    }
}

#[cfg(test)]
mod tests;
