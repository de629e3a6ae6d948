//! Certificates from an ACME server (RFC 8555), made when somebody first asks for a host.
//!
//! ```text
//! handshake for a host ─▶ OnDemand ─▶ Orders ─▶ Ca ─────────────▶ the ACME server
//!   that has none           │ bounds     │ one task an order         │
//!        ▲                  ▼            ▼                           ▼
//!        └──────────── Certificates ◀─ Shelf          Challenges ◀─ looks here, by TLS-ALPN-01
//! ```
//!
//! The server convinces itself by a handshake with this edge (RFC 8737): no path of any space is
//! involved, so nothing a space serves can answer for a host. Only hosts that the routes know are
//! ever ordered; who makes up names causes nothing but a look into a table.

pub mod ca;
pub mod challenge;
pub mod orders;
pub mod rates;
pub mod shelf;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, watch},
    time,
};

use self::rates::{Purpose, Rates, Refusal};
use super::Certificates;
use crate::{metrics::Metrics, routes::Routes, settings::AcmeSettings};

/// What handshakes ask for certificates that aren't there yet.
#[derive(Debug)]
pub struct OnDemand {
    routes: Arc<Routes>,
    certificates: Arc<Certificates>,
    metrics: Arc<Metrics>,
    wait: Duration,
    state: Mutex<State>,
    /// Holds each host once, and so no more than [`Rates`] let begin.
    wanted: mpsc::UnboundedSender<UnderWay>,
}

#[derive(Debug)]
struct State {
    rates: Rates,
    /// What is being ordered, and how its end is learnt of.
    under_way: HashMap<String, watch::Receiver<()>>,
    /// Whether it was logged that no more orders may begin in this hour.
    said_full: bool,
}

/// An order from the wish to its end. Its end, whatever it is, wakes all who wait for it.
#[derive(Debug)]
pub struct UnderWay {
    on_demand: Arc<OnDemand>,
    host: String,
    _done: watch::Sender<()>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.on_demand.state().under_way.remove(&self.host);
    }
}

impl OnDemand {
    /// Nothing is under way; what is wanted comes out of the receiver.
    pub fn new(
        settings: &AcmeSettings,
        routes: Arc<Routes>,
        certificates: Arc<Certificates>,
        metrics: Arc<Metrics>,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<UnderWay>) {
        let (wanted, receiver) = mpsc::unbounded_channel();
        let state = State {
            rates: Rates::new(settings.orders_per_hour.get(), settings.retry),
            under_way: HashMap::new(),
            said_full: false,
        };
        let on_demand = Self {
            routes,
            certificates,
            metrics,
            wait: settings.wait,
            state: Mutex::new(state),
            wanted,
        };
        (Arc::new(on_demand), receiver)
    }

    /// Whether `host` is known and has no certificate.
    pub fn lacks(&self, host: &str) -> bool {
        !self.certificates.have(host) && self.routes.knows(host)
    }

    /// Returns when there is a certificate for `host`, or none to be had now: nothing is at the
    /// host, its order failed or may not begin, or takes too long for a visitor.
    pub async fn ready(self: &Arc<Self>, host: &str) {
        if !self.lacks(host) {
            return;
        }
        if let Some(mut done) = self.order(host, Purpose::First) {
            let _ = time::timeout(self.wait, done.changed()).await;
        }
    }

    /// Orders a certificate for `host`, or joins the order that is under way. Returns what tells
    /// the order's end; `None` when there is none.
    fn order(self: &Arc<Self>, host: &str, purpose: Purpose) -> Option<watch::Receiver<()>> {
        let (sender, done) = watch::channel(());
        {
            let mut state = self.state();
            if let Some(done) = state.under_way.get(host) {
                return Some(done.clone());
            }
            // An order may have ended just now; its certificate was there before its end.
            if purpose == Purpose::First && self.certificates.have(host) {
                return None;
            }
            if let Err(refusal) = state.rates.begin(host, purpose, Instant::now()) {
                self.metrics.acme_refused.increment(1);
                if refusal == Refusal::HourIsFull && !state.said_full {
                    state.said_full = true;
                    tracing::warn!(host, "too many certificates were ordered in this hour");
                }
                return None;
            }
            state.said_full = false;
            state.under_way.insert(host.to_owned(), done.clone());
        }
        // When nobody takes orders any more, this one ends here.
        let _ = self.wanted.send(UnderWay {
            on_demand: Arc::clone(self),
            host: host.to_owned(),
            _done: sender,
        });
        Some(done)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
