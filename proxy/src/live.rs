//! What is open: every request, WebSocket and connection on its way into a space, so that it ends
//! when it may not go on.
//!
//! A request is judged when it comes. What lasts is judged again with every generation of the route
//! table, and once a second for what ends by time: a tunnel that is deleted, a space that is not
//! shared any more, a sign-in that has ended cut what they had let in.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use slab::Slab;
use spaceport_domain::ticket::Ticket;
use tokio::time;

use crate::{
    gate::Gate,
    routes::{Destination, Routes, Table, Via},
    ssh::KeyPass,
};

/// How often what ends by time is looked for.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// The time between two looks, so that many changes of routes don't keep a worker from its visitors.
const REST: Duration = Duration::from_millis(50);

/// What somebody is let through for.
#[derive(Clone, Debug)]
pub struct Pass {
    /// The hostname they asked for.
    pub host: String,
    /// What had it.
    pub via: Via,
    /// Where it leads.
    pub destination: Destination,
    /// Who they are, where it takes a sign-in.
    pub ticket: Option<Arc<Ticket>>,
}

/// What lets something be open.
#[derive(Clone, Debug)]
pub enum Permit {
    /// A hostname, and perhaps a ticket.
    Host(Pass),
    /// An SSH key.
    Key(KeyPass),
}

impl From<Pass> for Permit {
    fn from(pass: Pass) -> Self {
        Self::Host(pass)
    }
}

impl From<KeyPass> for Permit {
    fn from(pass: KeyPass) -> Self {
        Self::Key(pass)
    }
}

impl Permit {
    /// Whether it would be given again.
    fn still_holds(&self, table: &Table, gate: &Gate) -> bool {
        match self {
            Self::Host(pass) => pass.still_holds(table, gate),
            Self::Key(pass) => pass.still_holds(table, gate),
        }
    }
}

impl Pass {
    /// Whether it would be given again.
    fn still_holds(&self, table: &Table, gate: &Gate) -> bool {
        if !table.reaches(&self.destination) {
            return false;
        }
        match (&self.ticket, gate.label(&self.host)) {
            (Some(ticket), Some(label)) => gate
                .still_admits(table, label, ticket)
                .is_some_and(|space| space.space_id == self.destination.space),
            _ => table
                .tunnel(&self.host)
                .is_some_and(|it| it.via == self.via && it.endpoint == self.destination.endpoint),
        }
    }
}

/// One worker's open streams.
#[derive(Debug, Default)]
pub struct Live(Mutex<Slab<Arc<Stream>>>);

#[derive(Debug)]
struct Stream {
    permit: Permit,
    is_cut: AtomicBool,
    waker: AtomicWaker,
}

/// Stands for one open stream, which is forgotten with it.
#[derive(Debug)]
pub struct Open {
    live: Arc<Live>,
    number: usize,
    stream: Arc<Stream>,
}

/// Tells when an open stream may not go on. It doesn't keep it open.
#[derive(Debug)]
pub struct Cut(Arc<Stream>);

impl Live {
    /// Notes what is let through with `permit`.
    pub fn open(self: &Arc<Self>, permit: impl Into<Permit>) -> Open {
        let stream = Arc::new(Stream {
            permit: permit.into(),
            is_cut: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        let number = self.lock().insert(Arc::clone(&stream));
        Open {
            live: Arc::clone(self),
            number,
            stream,
        }
    }

    /// Cuts what may not go on, until the task ends.
    pub async fn watch(self: Arc<Self>, routes: Arc<Routes>, gate: Arc<Gate>) {
        let mut changes = routes.changes();
        let mut tick = time::interval(LOOK_INTERVAL);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                changed = changes.changed() => if changed.is_err() { return },
            }
            let table = routes.current();
            self.cut(|permit| permit.still_holds(&table, &gate));
            time::sleep(REST).await;
        }
    }

    fn cut(&self, may_go_on: impl Fn(&Permit) -> bool) {
        let streams = self.lock();
        for (_, stream) in streams.iter() {
            if !may_go_on(&stream.permit) {
                stream.is_cut.store(true, Ordering::Release);
                stream.waker.wake();
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Slab<Arc<Stream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    fn poll_cut(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_cut.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        self.waker.register(cx.waker());
        // It may have been cut before the waker was there.
        if self.is_cut.load(Ordering::Acquire) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Open {
    /// Ready once the stream may not go on. One task at a time asks, be it here or by [`Cut`].
    pub fn poll_cut(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_cut(cx)
    }

    /// Returns once the stream may not go on.
    pub async fn cut(&self) {
        poll_fn(|cx| self.poll_cut(cx)).await;
    }

    /// Whether the stream may not go on.
    pub fn is_cut(&self) -> bool {
        self.stream.is_cut.load(Ordering::Acquire)
    }

    /// What tells the same to whatever the stream is a part of.
    pub fn watched(&self) -> Cut {
        Cut(Arc::clone(&self.stream))
    }
}

impl Cut {
    /// Ready once the stream may not go on. The task that asks its [`Open`] asks.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_cut(cx)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.live.lock().try_remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use futures_util::FutureExt;
    use spaceport_domain::id::{SpaceId, TunnelId};
    use uuid::Uuid;

    use super::*;
    use crate::routes::Endpoint;

    fn pass(port: u16) -> Pass {
        Pass {
            host: "web--ada.tunnels.localhost".to_owned(),
            via: Via::Tunnel(TunnelId::new(Uuid::from_u128(1))),
            destination: Destination {
                space: SpaceId::new(Uuid::from_u128(2)),
                address: IpAddr::from([172, 17, 0, 2]),
                endpoint: Endpoint::Port(port),
            },
            ticket: None,
        }
    }

    #[test]
    fn only_what_may_not_go_on_is_cut_and_what_has_ended_is_forgotten() {
        let live = Arc::new(Live::default());
        let (stays, goes) = (live.open(pass(1)), live.open(pass(2)));
        assert!(goes.cut().now_or_never().is_none());
        live.cut(|permit| {
            let Permit::Host(pass) = permit else {
                return false;
            };
            pass.destination.endpoint == Endpoint::Port(1)
        });
        assert!(goes.cut().now_or_never().is_some() && goes.is_cut());
        assert!(stays.cut().now_or_never().is_none() && !stays.is_cut());
        drop(goes);
        assert_eq!(live.lock().len(), 1);
        drop(stays);
        assert!(live.lock().is_empty());
    }
}
