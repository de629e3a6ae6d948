//! Orders fulfilled, certificates renewed ahead of their end, and those forgotten that ended.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::{
    sync::{Semaphore, mpsc},
    task::{self, JoinSet},
    time,
};

use super::{
    OnDemand, UnderWay,
    ca::{Ca, OrderError},
    rates::{Purpose, renewal},
    shelf::Shelf,
};
use crate::certs::{CertError, Certificate};

/// The certificates are looked through at least so often: the clock may be set, and a host that
/// was unknown when its certificate should have been renewed may come back.
const LOOK_INTERVAL_MAX: Duration = Duration::from_mins(1);
/// And at most so often.
const LOOK_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// What fulfils the wishes of [`OnDemand`].
#[derive(Debug)]
pub struct Orders {
    on_demand: Arc<OnDemand>,
    ca: Ca,
    shelf: Arc<Shelf>,
    room: Semaphore,
}

impl Orders {
    /// Serves the certificates that were kept, and fulfils orders with `ca`, at most `at_once` at
    /// a time.
    pub fn open(
        on_demand: Arc<OnDemand>,
        ca: Ca,
        shelf: Arc<Shelf>,
        at_once: usize,
    ) -> std::io::Result<Self> {
        let kept = shelf.certificates()?;
        tracing::info!(certificates = kept.len(), "serving kept certificates");
        on_demand.certificates.add(kept);
        Ok(Self {
            on_demand,
            ca,
            shelf,
            room: Semaphore::new(at_once),
        })
    }

    /// Fulfils orders for as long as the task lives.
    pub async fn run(self, mut wanted: mpsc::UnboundedReceiver<UnderWay>) {
        let this = Arc::new(self);
        // Dropped with this task, and every order with it.
        let mut under_way = JoinSet::new();
        loop {
            let pause = this.look_through().await;
            tokio::select! {
                Some(order) = wanted.recv() => {
                    under_way.spawn(Arc::clone(&this).fulfil(order));
                }
                Some(ended) = under_way.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "an order of a certificate ended badly");
                    }
                }
                () = time::sleep(pause) => {}
            }
        }
    }

    async fn fulfil(self: Arc<Self>, order: UnderWay) {
        let Ok(_room) = self.room.acquire().await else {
            return;
        };
        let host = order.host.as_str();
        let began = Instant::now();
        let metrics = &self.on_demand.metrics;
        match self.obtain(host).await {
            Ok(certificate) => {
                let took = began.elapsed();
                tracing::info!(host, ?took, "an ACME server made a certificate");
                let certificates = &self.on_demand.certificates;
                certificates.add([(host.to_owned(), certificate)]);
                self.on_demand.state().rates.succeeded(host);
                metrics.acme_issued.increment(1);
            }
            Err(error) => {
                let now = Instant::now();
                let pause = self.on_demand.state().rates.failed(host, now);
                let pause_seconds = pause.as_secs();
                tracing::warn!(host, pause_seconds, %error, "no certificate could be got");
                metrics.acme_failed.increment(1);
            }
        }
    }

    /// A certificate of the server's, which is kept as well.
    async fn obtain(&self, host: &str) -> Result<Certificate, OrderError> {
        let pem = self.ca.certificate(host).await?;
        let certificate = Certificate::from_pem(pem.as_bytes(), pem.as_bytes())
            .map_err(|error| CertError::Use(rustls::Error::General(error.to_string())))?;
        let (shelf, name) = (Arc::clone(&self.shelf), host.to_owned());
        let kept = task::spawn_blocking(move || shelf.keep(&name, &pem)).await;
        // Served all the same: ordering it again would not mend the disk.
        match kept {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(host, %error, "a certificate can't be kept"),
            Err(error) => tracing::error!(host, %error, "a certificate can't be kept"),
        }
        Ok(certificate)
    }

    /// Forgets what has ended, orders what will end, and returns how long there is nothing to do.
    async fn look_through(&self) -> Duration {
        let now = SystemTime::now();
        let mut pause = LOOK_INTERVAL_MAX;
        let mut ended = Vec::new();
        for (host, certificate) in self.on_demand.certificates.issued().iter() {
            let Ok(left) = certificate.not_after().duration_since(now) else {
                ended.push(host.clone());
                continue;
            };
            pause = pause.min(left);
            let due = renewal(host, certificate.not_before(), certificate.not_after());
            match due.duration_since(now) {
                Ok(rest) => pause = pause.min(rest),
                Err(_) => pause = pause.min(self.renew(host)),
            }
        }
        for host in ended {
            self.forget(&host).await;
        }
        pause.max(LOOK_INTERVAL_MIN)
    }

    /// Forgets the certificate for `host`, which has ended. One that is being ordered is left: its
    /// successor may be on the disk already. No order begins while this waits.
    async fn forget(&self, host: &str) {
        if self.on_demand.state().under_way.contains_key(host) {
            return;
        }
        self.on_demand.certificates.remove(host);
        tracing::info!(host, "forgetting a certificate that has ended");
        let (shelf, name) = (Arc::clone(&self.shelf), host.to_owned());
        let forgotten = task::spawn_blocking(move || shelf.forget(&name)).await;
        if let Ok(Err(error)) = forgotten {
            tracing::warn!(host, %error, "an ended certificate can't be removed");
        }
    }

    /// Orders the certificate for `host` again, unless nobody needs it; returns how long to wait
    /// before it is looked at again.
    fn renew(&self, host: &str) -> Duration {
        let on_demand = &self.on_demand;
        if !on_demand.routes.knows(host) || on_demand.certificates.is_given(host) {
            return LOOK_INTERVAL_MAX;
        }
        let paused_until = on_demand.state().rates.paused_until(host);
        match paused_until.and_then(|it| it.checked_duration_since(Instant::now())) {
            Some(rest) => rest,
            None => {
                // Its end wakes this loop, and so does nothing else until then.
                let _ = on_demand.order(host, Purpose::Renewal);
                LOOK_INTERVAL_MAX
            }
        }
    }
}
