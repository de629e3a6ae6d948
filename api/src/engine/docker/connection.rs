//! The way to the engine, and what is known of how long it has been open.

use std::{
    future::Future,
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bollard::{API_DEFAULT_VERSION, Docker};
use spaceport_domain::{lifecycle::FailureCode, time::Timestamp};
use tokio::{net::UnixStream, time::timeout};

use super::{super::EngineError, refusal::CallError};

/// How long connecting and agreeing on a version may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// No call takes longer, whatever its own limit. bollard counts in whole seconds.
const CALL_CEILING_S: u64 = 600;

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// Stands for "not connected" in [`State::connected_since_ms`].
const NEVER: i64 = i64::MAX;

/// Where the engine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// A socket in the file system.
    Unix(PathBuf),
    /// Over the network: its files and packet rules are out of reach.
    Remote(String),
}

/// A kind of Linux namespace (namespaces(7)), as spelled in `/proc`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Namespace {
    /// Of mounts.
    Mount,
    /// Of network devices, addresses and packet rules.
    Network,
}

impl Host {
    fn parse(text: Option<&str>) -> Result<Self, EngineError> {
        match text {
            None => Ok(Self::Unix(DEFAULT_SOCKET.into())),
            Some(text) => {
                if let Some(path) = text.strip_prefix("unix://") {
                    Ok(Self::Unix(path.into()))
                } else if text.starts_with("tcp://") || text.starts_with("http://") {
                    Ok(Self::Remote(text.to_owned()))
                } else {
                    Err(EngineError::Refused {
                        code: FailureCode::EngineError,
                        message: "the engine's address must begin with unix://, tcp:// or http://"
                            .to_owned(),
                    })
                }
            }
        }
    }

    /// Whether the engine lives in the same namespace as this process, judged by the process at
    /// the other end of the socket (with systemd's socket activation that is systemd itself).
    pub(super) async fn shares(&self, namespace: Namespace) -> bool {
        let Self::Unix(path) = self else {
            return false;
        };
        let Some(pid) = peer_pid(path).await else {
            return false;
        };
        let kind = match namespace {
            Namespace::Mount => "mnt",
            Namespace::Network => "net",
        };
        let theirs = tokio::fs::read_link(format!("/proc/{pid}/ns/{kind}")).await;
        let ours = tokio::fs::read_link(format!("/proc/self/ns/{kind}")).await;
        matches!((theirs, ours), (Ok(theirs), Ok(ours)) if theirs == ours)
    }

    fn client(&self) -> Result<Docker, bollard::errors::Error> {
        match self {
            Self::Unix(path) => Docker::connect_with_unix(
                &path.to_string_lossy(),
                CALL_CEILING_S,
                API_DEFAULT_VERSION,
            ),
            Self::Remote(address) => {
                Docker::connect_with_http(address, CALL_CEILING_S, API_DEFAULT_VERSION)
            }
        }
    }
}

async fn peer_pid(socket: &Path) -> Option<i32> {
    let stream = timeout(CONNECT_TIMEOUT, UnixStream::connect(socket))
        .await
        .ok()?
        .ok()?;
    stream.peer_cred().ok()?.pid()
}

/// The way to one engine. Clones share what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    host: Host,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    /// Speaks the API version agreed on with the engine that answered last.
    client: RwLock<Option<Docker>>,
    /// Counts losses, so that a preparation that was under way during one doesn't count.
    epoch: AtomicU64,
    /// The epoch in which the host was prepared.
    prepared_epoch: AtomicU64,
    /// Since when the stream of events has been connected without a break.
    connected_since_ms: AtomicI64,
}

impl Connection {
    pub(super) fn new(host: Option<&str>) -> Result<Self, EngineError> {
        Ok(Self {
            host: Host::parse(host)?,
            state: Arc::new(State {
                client: RwLock::new(None),
                epoch: AtomicU64::new(1),
                prepared_epoch: AtomicU64::new(0),
                connected_since_ms: AtomicI64::new(NEVER),
            }),
        })
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    /// A client, at the cost of nothing when the engine answered before.
    pub(super) async fn client(&self) -> Result<Docker, CallError> {
        let known = self
            .state
            .client
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match known {
            Some(client) => Ok(client),
            None => self.connect().await,
        }
    }

    /// A client for the engine that answers now, which may be another version than the last.
    pub(super) async fn connect(&self) -> Result<Docker, CallError> {
        let client = self.host.client()?;
        let client = timeout(CONNECT_TIMEOUT, client.negotiate_version())
            .await
            .map_err(|_| CallError::timeout(CONNECT_TIMEOUT))??;
        *self
            .state
            .client
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
        Ok(client)
    }

    /// Waits for `request`, at most for `limit`. When the engine can't be reached, the host counts
    /// as unprepared.
    pub(super) async fn call<T>(
        &self,
        limit: Duration,
        request: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> Result<T, CallError> {
        let result = match timeout(limit, request).await {
            Ok(result) => result.map_err(CallError::from),
            Err(_) => Err(CallError::timeout(limit)),
        };
        if matches!(result, Err(CallError::Unreachable(_))) {
            self.unprepare();
        }
        result
    }

    pub(super) fn epoch(&self) -> u64 {
        self.state.epoch.load(Ordering::Acquire)
    }

    pub(super) fn is_prepared(&self) -> bool {
        self.state.prepared_epoch.load(Ordering::Acquire) == self.epoch()
    }

    /// Notes that the host was prepared, beginning in `epoch`.
    pub(super) fn set_prepared(&self, epoch: u64) {
        self.state.prepared_epoch.store(epoch, Ordering::Release);
    }

    fn unprepare(&self) {
        self.state.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes that the stream of events connected.
    pub(super) fn connected(&self) {
        self.state
            .connected_since_ms
            .store(now().as_millis(), Ordering::Release);
    }

    /// Notes that the stream of events was lost.
    pub(super) fn lost(&self) {
        self.state
            .connected_since_ms
            .store(NEVER, Ordering::Release);
        self.unprepare();
    }

    /// Whether the stream of events has been connected at `instant` and ever since.
    pub(super) fn connected_since(&self, instant: Timestamp) -> bool {
        self.state.connected_since_ms.load(Ordering::Acquire) <= instant.as_millis()
    }
}

/// The host's clock.
pub(super) fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preparation_interrupted_by_a_loss_does_not_count() {
        let connection = Connection::new(None).expect("the default socket");
        assert!(!connection.is_prepared());
        let epoch = connection.epoch();
        connection.lost();
        connection.set_prepared(epoch);
        assert!(!connection.is_prepared());
        connection.set_prepared(connection.epoch());
        assert!(connection.is_prepared());
    }

    #[test]
    fn a_loss_ends_the_time_that_was_watched() {
        let connection = Connection::new(None).expect("the default socket");
        assert!(!connection.connected_since(now()));
        connection.connected();
        assert!(connection.connected_since(now().after(Duration::from_secs(1))));
        assert!(!connection.connected_since(Timestamp::from_millis(1)));
        connection.lost();
        assert!(!connection.connected_since(now().after(Duration::from_secs(1))));
    }

    #[test]
    fn only_known_schemes_are_accepted() {
        assert_eq!(
            Host::parse(Some("unix:///a")).expect("a socket"),
            Host::Unix("/a".into())
        );
        assert!(matches!(
            Host::parse(Some("tcp://h:1")),
            Ok(Host::Remote(_))
        ));
        assert!(Host::parse(Some("ssh://h")).is_err());
    }
}
