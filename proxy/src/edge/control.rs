//! What an edge does beside carrying traffic, on a thread of its own.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{net, signal::unix::Signal, sync::watch, task::JoinHandle, time};
use tokio_util::sync::CancellationToken;

use super::certificates::{self, Given, OnOrder};
use crate::{
    listener::Site,
    routes::{Routes, disk, feed::Feed},
    sockets::Sockets,
    ssh::reports::Outbox,
    status,
    takeover::Successor,
};

/// After a failed accept of a successor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the control thread does.
pub(super) struct Duties {
    pub(super) site: Arc<Site>,
    pub(super) feed: Feed,
    pub(super) routes_file: PathBuf,
    pub(super) takeover_file: PathBuf,
    pub(super) sockets: Sockets,
    pub(super) given: Given,
    pub(super) hangup: Signal,
    pub(super) on_order: Option<OnOrder>,
    pub(super) reports: Outbox,
    pub(super) stop: CancellationToken,
}

impl Duties {
    /// Does all of it until the edge has ended.
    pub(super) async fn run(self) {
        let saver = Saver::start(&self.site.routes, &self.routes_file, None);
        tokio::spawn(self.feed.follow());
        tokio::spawn(self.reports.tell());
        let metrics = self.sockets.metrics.try_clone();
        let metrics = match metrics.and_then(net::TcpListener::from_std) {
            Ok(listener) => Some(tokio::spawn(status::serve(
                Arc::clone(&self.site),
                listener,
            ))),
            Err(error) => {
                tracing::error!(%error, "health and metrics can't be served");
                None
            }
        };
        let renewal = certificates::keep_up(self.given, self.hangup, self.on_order, &self.site);
        let estate = Estate {
            site: self.site,
            sockets: self.sockets,
            routes_file: self.routes_file,
            takeover_file: self.takeover_file,
        };
        let keys = Arc::clone(&estate.site.gate.keys);
        let saver = estate.hand_over_once(saver).await;
        if saver.is_none() {
            // All of this is the successor's now.
            keys.stop_saving();
            for task in metrics.into_iter().chain(renewal) {
                task.abort();
            }
        }
        self.stop.cancelled().await;
        if let Some(saver) = saver {
            saver.finish().await;
        }
    }
}

/// Keeps the routes' file up to date.
struct Saver {
    stop: CancellationToken,
    task: JoinHandle<watch::Receiver<u64>>,
}

impl Saver {
    /// Begins with what `changes` has not seen, or with the next change.
    fn start(routes: &Arc<Routes>, path: &Path, changes: Option<watch::Receiver<u64>>) -> Self {
        let stop = CancellationToken::new();
        let changes = changes.unwrap_or_else(|| routes.changes());
        let saving = disk::keep_saved(Arc::clone(routes), changes, path.to_owned(), stop.clone());
        Self {
            stop,
            task: tokio::spawn(saving),
        }
    }

    /// Saves what isn't yet. Behind this, nothing is written any more.
    async fn finish(self) -> Option<watch::Receiver<u64>> {
        self.stop.cancel();
        self.task.await.ok()
    }
}

/// What a successor gets.
struct Estate {
    site: Arc<Site>,
    sockets: Sockets,
    routes_file: PathBuf,
    takeover_file: PathBuf,
}

impl Estate {
    /// Waits for a successor and hands over to it, or gives the saver back because the edge is to
    /// stop. The sockets are closed here in either case.
    async fn hand_over_once(self, mut saver: Saver) -> Option<Saver> {
        let listener = self.sockets.takeover.as_ref().and_then(|listener| {
            let listener = listener.set_nonblocking(true).and_then(|()| {
                let listener = listener.try_clone()?;
                net::UnixListener::from_std(listener)
            });
            listener
                .inspect_err(|error| tracing::warn!(%error, "this edge can't be taken over from"))
                .ok()
        });
        let Some(listener) = listener else {
            self.site.drain.begun().await;
            return Some(saver);
        };
        loop {
            let successor = tokio::select! {
                successor = Successor::next(&listener) => successor,
                () = self.site.drain.begun() => break,
            };
            let outcome = match successor {
                Ok(successor) => self.hand_over(successor, saver).await,
                Err(error) => {
                    tracing::warn!(%error, "a successor can't be talked to");
                    time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            match outcome {
                None => return None,
                Some(kept) => saver = kept,
            }
        }
        let _ = std::fs::remove_file(&self.takeover_file);
        Some(saver)
    }

    /// Hands over, or gives the saver back because the successor failed.
    async fn hand_over(&self, mut successor: Successor, saver: Saver) -> Option<Saver> {
        let pid = successor.pid;
        tracing::info!(
            pid,
            "another edge takes over; this one serves until it is ready"
        );
        let routes = &self.site.routes;
        let restart = |changes| Saver::start(routes, &self.routes_file, changes);
        // What is saved is what the successor begins with.
        let saver = restart(saver.finish().await);
        let prepared = self.prepare(&mut successor).await;
        let changes = saver.finish().await;
        let outcome = match prepared {
            Ok(()) => successor.let_go().await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => {
                tracing::info!(pid, "the other edge serves; open connections go on here");
                self.site.drain.hand_over();
                None
            }
            Err(error) => {
                tracing::warn!(pid, %error, "the other edge failed; this one goes on");
                Some(restart(changes))
            }
        }
    }

    async fn prepare(&self, successor: &mut Successor) -> io::Result<()> {
        let has_routes = self.site.routes.generation() > 0;
        successor.prepare(&self.sockets, has_routes).await
    }
}
