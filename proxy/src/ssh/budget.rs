//! What all clients together have sent and no space has taken.
//!
//! Each connection's own bound ([`super::intake`]) is for one program's sake; a thousand connections
//! of somebody who means harm may not fill the edge's memory. Beyond the bounds here a connection may
//! still hold [`SHARE_BYTES`], so that everybody's input goes on as long as it is taken.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use spaceport_domain::id::UserId;

/// What a connection may hold whatever others do.
pub(super) const SHARE_BYTES: usize = 64 << 10;
/// One person's connections may hold one of so many parts of the whole.
const PERSON_PARTS: usize = 4;

/// The bound over all connections.
#[derive(Debug)]
pub(super) struct Budget {
    max_bytes: usize,
    held_bytes: AtomicUsize,
    people: Mutex<HashMap<UserId, Weak<Purse>>>,
}

/// What one person's connections hold.
#[derive(Debug, Default)]
pub(super) struct Purse {
    held_bytes: AtomicUsize,
}

impl Budget {
    /// Nothing is held, and no more than `max_bytes` may be.
    pub(super) fn new(max_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            max_bytes,
            held_bytes: AtomicUsize::new(0),
            people: Mutex::default(),
        })
    }

    /// What counts for all connections of `person`.
    pub(super) fn purse(&self, person: UserId) -> Arc<Purse> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(purse) = people.get(&person).and_then(Weak::upgrade) {
            return purse;
        }
        people.retain(|_, purse| purse.strong_count() > 0);
        let purse = Arc::new(Purse::default());
        people.insert(person, Arc::downgrade(&purse));
        purse
    }

    /// Whether more may be held for whoever has `purse`.
    pub(super) fn has_room(&self, purse: Option<&Purse>) -> bool {
        let held = |bytes: &AtomicUsize| bytes.load(Ordering::Acquire);
        held(&self.held_bytes) < self.max_bytes
            && purse.is_none_or(|it| held(&it.held_bytes) < self.max_bytes / PERSON_PARTS)
    }

    /// Counts `bytes`.
    pub(super) fn hold(&self, purse: Option<&Purse>, bytes: usize) {
        self.held_bytes.fetch_add(bytes, Ordering::AcqRel);
        if let Some(purse) = purse {
            purse.held_bytes.fetch_add(bytes, Ordering::AcqRel);
        }
    }

    /// Counts them no more.
    pub(super) fn release(&self, purse: Option<&Purse>, bytes: usize) {
        self.held_bytes.fetch_sub(bytes, Ordering::AcqRel);
        if let Some(purse) = purse {
            purse.held_bytes.fetch_sub(bytes, Ordering::AcqRel);
        }
    }
}
