//! One WebSocket.
//!
//! ```text
//! Waiting ──connection_init──▶ Authenticating ──▶ Ready ──sign-in ended──▶ closed
//!    └──timeout──▶ closed            └──refused──▶ closed
//! ```
//! One task serves the socket and all of its operations. Results are pulled from the operations
//! only when the socket has taken the last message, so there is no queue to grow: a client that
//! reads slowly holds back its own operations and nobody else's. Only operations that have
//! something to say are polled, so many of them cost no more than their events.

use std::{collections::HashMap, future::pending, panic::AssertUnwindSafe, sync::Arc, thread};

use async_graphql::Executor;
use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use futures_util::{
    FutureExt as _, StreamExt as _,
    future::BoxFuture,
    stream::{self, AbortHandle, BoxStream, SelectAll},
};
use tokio::time::{Instant, interval_at, sleep_until, timeout};

use super::{
    super::{
        auth::{AuthError, Authenticated, RequestInfo},
        endpoint::Endpoint,
        fault::{Code, Fault},
        limits::ConnectionLimits,
        outcome::Outcome,
        params::Params,
    },
    close::Close,
    message::{ClientMessage, ServerMessage},
};

pub(super) struct Connection<E> {
    endpoint: Arc<Endpoint<E>>,
    info: Arc<RequestInfo>,
    request_id: Arc<str>,
    /// Those of the upgrade, for clients that can set headers.
    credentials: Option<String>,
    socket: WebSocket,
    phase: Phase,
    results: SelectAll<BoxStream<'static, Event>>,
    running: HashMap<Arc<str>, AbortHandle>,
    heard_at: Instant,
}

enum Phase {
    Waiting { until: Instant },
    Authenticating(BoxFuture<'static, thread::Result<Result<Authenticated, AuthError>>>),
    Ready(Authenticated),
}

/// What an operation has to say: an outcome, or that it has ended.
struct Event {
    id: Arc<str>,
    outcome: Option<Outcome>,
}

/// Something about the connection itself.
enum Change {
    InitTimeout,
    Authenticated(thread::Result<Result<Authenticated, AuthError>>),
    SignInEnded,
}

/// Why serving ends.
enum End {
    /// The client is to be told.
    Close(Close),
    /// The client has closed, or takes nothing.
    Gone,
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

impl Phase {
    /// Cancel safe: what it waits for stays in the phase.
    async fn change(&mut self) -> Change {
        match self {
            Self::Waiting { until } => {
                sleep_until(*until).await;
                Change::InitTimeout
            }
            Self::Authenticating(result) => Change::Authenticated(result.await),
            Self::Ready(caller) => {
                caller.ended.cancelled().await;
                Change::SignInEnded
            }
        }
    }
}

impl<E: Executor> Connection<E> {
    pub(super) fn new(
        endpoint: Arc<Endpoint<E>>,
        info: RequestInfo,
        credentials: Option<String>,
        socket: WebSocket,
    ) -> Self {
        let now = Instant::now();
        let until = now + endpoint.config.limits.connection.init_timeout;
        Self {
            endpoint,
            request_id: info.request_id.as_str().into(),
            info: Arc::new(info),
            credentials,
            socket,
            phase: Phase::Waiting { until },
            results: SelectAll::new(),
            running: HashMap::new(),
            heard_at: now,
        }
    }

    /// Serves until either side closes. Dropping the operations stops them.
    pub(super) async fn serve(mut self) {
        let end = if self.socket.protocol().is_none() {
            End::Close(Close::SubprotocolNotAcceptable)
        } else {
            self.run().await
        };
        self.results.clear();
        if let End::Close(close) = end {
            tracing::debug!(request.id = %self.request_id, ?close, "closing a WebSocket");
            if self
                .send(Message::Close(Some(close.frame())))
                .await
                .is_err()
            {
                return;
            }
        }
        let patience = self.limits().close_timeout;
        // Reading on answers the client's close, and keeps our own from being lost to a reset.
        let _ = timeout(patience, async {
            loop {
                match self.socket.recv().await {
                    Some(Ok(_)) => {}
                    None => return,
                    // What can't be read can't be skipped: the client needs the time for itself.
                    Some(Err(_)) => pending().await,
                }
            }
        })
        .await;
    }

    async fn run(&mut self) -> End {
        let every = self.limits().ping_interval;
        let mut pings = interval_at(Instant::now() + every, every);
        let shutdown = self.endpoint.config.shutdown.clone();
        loop {
            let handled = tokio::select! {
                message = self.socket.recv() => self.on_message(message).await,
                Some(event) = self.results.next(), if !self.results.is_empty() => {
                    self.on_event(event).await
                }
                change = self.phase.change() => self.on_change(change).await,
                _ = pings.tick() => self.on_tick().await,
                () = shutdown.cancelled() => Err(End::Close(Close::GoingAway)),
            };
            if let Err(end) = handled {
                return end;
            }
        }
    }

    async fn on_message(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
    ) -> Result<(), End> {
        self.heard_at = Instant::now();
        match message {
            Some(Ok(Message::Text(text))) => {
                let depth = self.endpoint.config.limits.json_depth;
                let message = ClientMessage::parse(text.as_str(), depth)?;
                self.on_client_message(message).await
            }
            Some(Ok(Message::Binary(_))) => {
                Err(Close::InvalidMessage("A message must be text").into())
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Ok(Message::Close(_))) | None => Err(End::Gone),
            Some(Err(error)) if error.to_string().starts_with(TOO_LONG) => {
                Err(Close::MessageTooBig.into())
            }
            Some(Err(_)) => Err(Close::Protocol.into()),
        }
    }

    async fn on_client_message(&mut self, message: ClientMessage) -> Result<(), End> {
        match message {
            ClientMessage::ConnectionInit { authorization } => self.initialise(authorization),
            ClientMessage::Ping { payload } => self.say(&ServerMessage::Pong { payload }).await,
            ClientMessage::Pong => Ok(()),
            ClientMessage::Subscribe { id, params } => self.start(id, params).await,
            ClientMessage::Complete { id } => {
                if let Some(operation) = self.running.remove(id.as_str()) {
                    operation.abort();
                }
                Ok(())
            }
        }
    }

    fn initialise(&mut self, authorization: Option<String>) -> Result<(), End> {
        if !matches!(self.phase, Phase::Waiting { .. }) {
            return Err(Close::TooManyInits.into());
        }
        let credentials = authorization.or_else(|| self.credentials.take());
        let authenticate = Arc::clone(&self.endpoint.authenticate);
        let info = Arc::clone(&self.info);
        // Meanwhile the socket is read: another `connection_init` has an answer of its own.
        let authenticated = async move {
            authenticate
                .authenticate(credentials.as_deref(), &info)
                .await
        };
        self.phase = Phase::Authenticating(AssertUnwindSafe(authenticated).catch_unwind().boxed());
        Ok(())
    }

    async fn start(&mut self, id: String, params: Params) -> Result<(), End> {
        let Phase::Ready(caller) = &self.phase else {
            return Err(Close::Unauthorized.into());
        };
        if self.running.contains_key(id.as_str()) {
            return Err(Close::SubscriberExists(id).into());
        }
        let operations = &self.endpoint.operations;
        let prepared = if self.running.len() >= self.limits().operations {
            Err(Fault::new(
                Code::TooManyOperations,
                "This connection runs as many operations as it may.",
            ))
        } else {
            operations.prepare(params, caller, &self.request_id)
        };
        let outcomes = match prepared {
            Ok(operation) => operations.stream(operation),
            Err(fault) => return self.refuse(&id, fault).await,
        };
        let id: Arc<str> = id.into();
        let (outcomes, handle) = stream::abortable(events(Arc::clone(&id), outcomes));
        self.results.push(outcomes.boxed());
        self.running.insert(id, handle);
        Ok(())
    }

    async fn refuse(&mut self, id: &str, fault: Fault) -> Result<(), End> {
        let refusal = Outcome::refused(fault, &self.request_id);
        let payload = refusal.errors();
        self.say(&ServerMessage::Error { id, payload }).await
    }

    async fn on_event(&mut self, event: Event) -> Result<(), End> {
        let id = &event.id;
        let Some(outcome) = &event.outcome else {
            self.running.remove(id);
            return self.say(&ServerMessage::Complete { id }).await;
        };
        if !outcome.is_refusal() {
            let payload = outcome;
            return self.say(&ServerMessage::Next { id, payload }).await;
        }
        if let Some(operation) = self.running.remove(id) {
            operation.abort();
        }
        let payload = outcome.errors();
        self.say(&ServerMessage::Error { id, payload }).await
    }

    async fn on_change(&mut self, change: Change) -> Result<(), End> {
        match change {
            Change::InitTimeout => Err(Close::InitTimeout.into()),
            Change::SignInEnded => Err(Close::SignInEnded.into()),
            Change::Authenticated(Err(_)) => {
                tracing::error!(request.id = %self.request_id, "the check of credentials panicked");
                Err(Close::Internal.into())
            }
            Change::Authenticated(Ok(Ok(caller))) => {
                self.phase = Phase::Ready(caller);
                self.say(&ServerMessage::ConnectionAck).await
            }
            Change::Authenticated(Ok(Err(error))) => Err(match Fault::from(error).code {
                Code::Unauthenticated | Code::Forbidden => Close::Forbidden.into(),
                _ => Close::TryAgainLater.into(),
            }),
        }
    }

    /// Pings by frames rather than by messages: every client answers those without being told, a
    /// browser's page included.
    async fn on_tick(&mut self) -> Result<(), End> {
        if self.heard_at.elapsed() > self.limits().idle_timeout {
            return Err(End::Gone);
        }
        self.send(Message::Ping(Bytes::new())).await
    }

    async fn say(&mut self, message: &ServerMessage<'_>) -> Result<(), End> {
        match serde_json::to_string(message) {
            Ok(text) => self.send(Message::Text(text.into())).await,
            Err(error) => {
                tracing::error!(request.id = %self.request_id, %error, "a message can't be written as JSON");
                Err(Close::Internal.into())
            }
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        let patience = self.limits().write_timeout;
        match timeout(patience, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    fn limits(&self) -> &ConnectionLimits {
        &self.endpoint.config.limits.connection
    }
}

/// How the WebSocket library begins to say that a message or a frame is too long; its error type
/// is not ours to name.
const TOO_LONG: &str = "Space limit exceeded";

fn events(
    id: Arc<str>,
    outcomes: BoxStream<'static, Outcome>,
) -> impl futures_util::Stream<Item = Event> + Send + 'static {
    let results = outcomes.map(Some);
    let end = stream::once(async { None });
    results.chain(end).map(move |outcome| Event {
        id: Arc::clone(&id),
        outcome,
    })
}
