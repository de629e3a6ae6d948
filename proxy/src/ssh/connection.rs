//! One client's connection, for everything that happens on it.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use russh::{
    ChannelId, ChannelWriteHalf,
    server::{Handle, Msg},
};
use spaceport_domain::agent::Service;
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    budget::Budget,
    intake::{Inbox, Input, Inputs, Intake},
    pass::{KeyPass, Refused},
};
use crate::{
    listener::Worker,
    metrics::Metrics,
    settings::SshLimits,
    upstream::{
        Slot,
        agent::{AgentError, Conversation, NoAgent},
    },
};

/// What standard error is among the kinds of extended data (RFC 4254 §5.2).
const STDERR: u32 = 1;

/// A client's connection.
pub(super) struct Connection {
    /// Who carries it.
    pub(super) worker: Arc<Worker>,
    /// Where the client is.
    pub(super) client: SocketAddr,
    /// Where it came in.
    pub(super) here: SocketAddr,
    /// What waits to be taken.
    pub(super) intake: Arc<Intake>,
    /// What it was let in for, once it was.
    pub(super) pass: OnceLock<KeyPass>,
    /// Why it was not let in at first, and by which key: its fingerprint.
    pub(super) refusal: OnceLock<(Refused, String)>,
    /// What is open on it.
    pub(super) channels: Channels,
    /// Ports it may listen on inside the space.
    pub(super) forwards_max: usize,
    /// What went through it.
    pub(super) traffic: Traffic,
    /// It has ended.
    pub(super) over: CancellationToken,
}

/// Bytes of channels.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
    channels: AtomicU64,
}

/// Why a space's agent did nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unserved {
    /// There is none to be asked.
    #[error(transparent)]
    NoAgent(#[from] NoAgent),
    /// It was asked in vain.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// It said something that doesn't belong to the question.
    #[error("the agent answered something else")]
    Nonsense,
}

impl Connection {
    /// A connection from `client`, who came in at `here`.
    pub(super) fn new(
        worker: Arc<Worker>,
        limits: &SshLimits,
        budget: Arc<Budget>,
        client: SocketAddr,
        here: SocketAddr,
    ) -> Self {
        Self {
            worker,
            client,
            here,
            intake: Intake::new(limits.buffer_bytes, budget),
            pass: OnceLock::new(),
            refusal: OnceLock::new(),
            channels: Channels::new(limits.channels),
            forwards_max: limits.forwards,
            traffic: Traffic::default(),
            over: CancellationToken::new(),
        }
    }

    /// Asks the space's agent for something.
    pub(super) async fn ask(&self, service: Service) -> Result<Conversation, Unserved> {
        let pass = self.pass.get();
        let agent = pass.map_or(Err(NoAgent::Absent), |pass| pass.agent)?;
        Ok(self.worker.upstreams.ask(agent, service).await?)
    }

    /// Closes the channel that holds most, whenever nothing of what waits was taken for `limit`.
    /// Never returns.
    pub(super) async fn close_stalled(&self, limit: Duration) {
        loop {
            self.intake.stalled(limit).await;
            let bytes = self.channels.close_fullest(self.metrics());
            tracing::info!(
                client = %self.client.ip().to_canonical(),
                bytes,
                "an ssh channel was closed, as its input wasn't taken"
            );
        }
    }

    /// Where everything is counted.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.worker.site.metrics
    }

    /// Writes that a client wasn't let in.
    pub(super) fn log_refusal(&self) {
        let (why, fingerprint) = self
            .refusal
            .get()
            .map_or((None, None), |(why, fingerprint)| {
                (Some(why), Some(fingerprint))
            });
        tracing::info!(
            client = %self.client.ip().to_canonical(),
            why = why.map(tracing::field::display),
            key = fingerprint,
            "ssh sign-in refused"
        );
    }

    /// Writes that a client was let in.
    pub(super) fn log_sign_in(&self, pass: &KeyPass) {
        tracing::info!(
            client = %self.client.ip().to_canonical(),
            user.id = %pass.user,
            key.id = %pass.key,
            space.id = %pass.space,
            "ssh sign-in"
        );
    }

    /// Writes what a connection was, once it has ended.
    pub(super) fn log_end(&self, pass: &KeyPass, duration: Duration) {
        let milliseconds = duration.as_secs_f64() * 1000.0;
        let Traffic {
            received,
            sent,
            channels,
        } = &self.traffic;
        tracing::info!(
            client = %self.client.ip().to_canonical(),
            user.id = %pass.user,
            key.id = %pass.key,
            space.id = %pass.space,
            channels = channels.load(Ordering::Relaxed),
            duration_ms = (milliseconds * 1000.0).round() / 1000.0,
            received_bytes = received.load(Ordering::Relaxed),
            sent_bytes = sent.load(Ordering::Relaxed),
            "ssh connection"
        );
    }
}

impl Traffic {
    /// Notes bytes from the client.
    pub(super) fn note_received(&self, bytes: usize, metrics: &Metrics) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
        metrics.ssh_bytes_in.increment(bytes as u64);
    }

    fn note_sent(&self, bytes: usize, metrics: &Metrics) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        metrics.ssh_bytes_out.increment(bytes as u64);
    }
}

/// The channels of a connection that are open.
#[derive(Debug)]
pub(super) struct Channels {
    max: usize,
    open: Mutex<HashMap<ChannelId, Open>>,
    /// The inner ends of channels that the client has just taken.
    arrived: Mutex<HashMap<ChannelId, Inner>>,
}

#[derive(Debug)]
struct Open {
    inbox: Inbox,
    /// Tells whoever serves the channel that it is closed, when it is dropped.
    _closed: DropGuard,
}

/// A channel's inner end.
#[derive(Debug)]
pub(super) struct Inner {
    /// What the client sends on it.
    pub(super) inputs: Inputs,
    /// The client has closed it, or has gone.
    pub(super) closed: CancellationToken,
}

impl Channels {
    /// None is open, and `max` may be.
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            open: Mutex::default(),
            arrived: Mutex::default(),
        }
    }

    /// Takes the client's words on a channel from now on; `None`: there are enough channels.
    pub(super) fn open(&self, connection: &Connection, id: ChannelId) -> Option<Inner> {
        let mut open = lock(&self.open);
        if open.len() >= self.max {
            return None;
        }
        let (inbox, inputs) = connection.intake.channel();
        let closed = CancellationToken::new();
        let guard = Open {
            inbox,
            _closed: closed.clone().drop_guard(),
        };
        open.insert(id, guard);
        connection.traffic.channels.fetch_add(1, Ordering::Relaxed);
        connection.metrics().ssh_channels.increment(1.0);
        Some(Inner { inputs, closed })
    }

    /// The same for a channel that the client has taken. Whoever asked for it gets its inner end by
    /// [`Self::arrived`]: the client may say something before they hear that it is there.
    pub(super) fn arrive(&self, connection: &Connection, id: ChannelId) {
        if let Some(inner) = self.open(connection, id) {
            lock(&self.arrived).insert(id, inner);
        }
    }

    /// The inner end of a channel that the client has taken; `None`: there are enough channels.
    pub(super) fn arrived(&self, id: ChannelId) -> Option<Inner> {
        lock(&self.arrived).remove(&id)
    }

    /// Hands on what the client said on a channel.
    pub(super) fn put(&self, id: ChannelId, input: Input) {
        if let Some(open) = lock(&self.open).get(&id) {
            open.inbox.put(input);
        }
    }

    /// Forgets a channel, and tells whoever serves it.
    pub(super) fn close(&self, id: ChannelId, metrics: &Metrics) {
        lock(&self.arrived).remove(&id);
        let closed = lock(&self.open).remove(&id);
        if closed.is_some() {
            metrics.ssh_channels.decrement(1.0);
        }
    }

    /// Forgets the channel of which most input waits, and tells whoever serves it; gives how much
    /// waited.
    pub(super) fn close_fullest(&self, metrics: &Metrics) -> usize {
        let fullest = {
            let open = lock(&self.open);
            let held = open.iter().map(|(id, it)| (it.inbox.held_bytes(), *id));
            held.max_by_key(|(bytes, _)| *bytes)
        };
        fullest.map_or(0, |(bytes, id)| {
            self.close(id, metrics);
            bytes
        })
    }

    /// Whether none is open.
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.open).is_empty()
    }

    /// Forgets all of them.
    pub(super) fn close_all(&self, metrics: &Metrics) {
        for (_, open) in lock(&self.open).drain() {
            metrics.ssh_channels.decrement(1.0);
            drop(open);
        }
    }
}

fn lock<T>(map: &Mutex<HashMap<ChannelId, T>>) -> MutexGuard<'_, HashMap<ChannelId, T>> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The way to the client on one channel.
pub(super) struct Outlet {
    pub(super) connection: Arc<Connection>,
    pub(super) channel: ChannelWriteHalf<Msg>,
    pub(super) handle: Handle,
}

/// The client has gone.
#[derive(Debug)]
pub(super) struct Gone;

impl From<russh::Error> for Gone {
    fn from(_: russh::Error) -> Self {
        Self
    }
}

impl Outlet {
    /// Its number.
    pub(super) fn id(&self) -> ChannelId {
        self.channel.id()
    }

    /// Closes the channel.
    pub(super) async fn close(&self) {
        let _ = self.channel.close().await;
        let metrics = self.connection.metrics();
        self.connection.channels.close(self.id(), metrics);
    }

    /// Sends data, as fast as the client's window allows.
    pub(super) async fn data(&self, bytes: Bytes) -> Result<(), Gone> {
        self.note(&bytes);
        self.patiently(self.channel.data_bytes(bytes)).await
    }

    /// Sends data of standard error.
    pub(super) async fn stderr(&self, bytes: Bytes) -> Result<(), Gone> {
        self.note(&bytes);
        let sent = self.channel.extended_data_bytes(STDERR, bytes);
        self.patiently(sent).await
    }

    fn note(&self, bytes: &Bytes) {
        let connection = &self.connection;
        connection
            .traffic
            .note_sent(bytes.len(), connection.metrics());
    }

    /// While it waits, whatever the client says must be heard.
    async fn patiently(
        &self,
        sent: impl Future<Output = Result<(), russh::Error>>,
    ) -> Result<(), Gone> {
        let mut sent = std::pin::pin!(sent);
        tokio::select! {
            biased;
            sent = &mut sent => return Ok(sent?),
            () = std::future::ready(()) => {}
        }
        let _starving = self.connection.intake.starve();
        Ok(sent.await?)
    }
}

/// A connection into a space that is carried as it is.
pub(super) struct Line {
    pub(super) stream: TcpStream,
    /// Counts it.
    pub(super) _slot: Slot,
}

impl From<Conversation> for Line {
    fn from(conversation: Conversation) -> Self {
        Self {
            stream: conversation.stream,
            _slot: conversation.slot,
        }
    }
}
