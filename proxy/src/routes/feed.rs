//! Follows the control plane's subscription of routes.
//!
//! GraphQL over server-sent events, one connection a subscription (the "distinct connections
//! mode" of graphql-sse). A session ends by an error, by silence or by the control plane's own
//! wish; another one begins after a pause, at the cursor the table stands at.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Deserialize;
use spaceport_domain::route::RouteEvent;
use tokio::time;

use super::{
    Routes,
    sse::{Event, Parser, TooLong},
};
use crate::{
    api::{Answering, Api, AskError},
    gate::TicketKeys,
    metrics::Metrics,
};

const QUERY: &str = "subscription($after:String){routesChanged(after:$after){cursor change \
    spaces{spaceId spaceName ownerId ownerName sharedWith features ports{name port} status address \
    agent{port secret} tunnels{id host port}} \
    people{userId permissions signIns sshKeys{id publicKey}}}}";
/// The control plane writes at least every 12 s; after this silence the connection is dead.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// After this time without an error, a session is one.
const REFUSAL_WAIT: Duration = Duration::from_secs(1);
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// The edge's end of the subscription.
#[derive(Debug)]
pub struct Feed {
    /// The control plane.
    pub api: Arc<Api>,
    /// What is kept up to date.
    pub routes: Arc<Routes>,
    /// Asked for anew with every session: the control plane has a new key only after a restart.
    pub keys: Arc<TicketKeys>,
    /// Where it is counted.
    pub metrics: Arc<Metrics>,
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error("it answered with something other than an event stream")]
    NoStream,
    #[error("it reported {0}")]
    Graphql(String),
    #[error("it sent what can't be understood: {0}")]
    Json(#[from] serde_json::Error),
    #[error("it sent {0}")]
    TooLong(#[from] TooLong),
    #[error("it was silent for {} s", SILENCE_MAX.as_secs())]
    Silent,
    #[error("it ended the subscription")]
    Ended,
}

impl SessionError {
    /// Whether the cursor may be what the control plane didn't like.
    fn doubts_the_cursor(&self) -> bool {
        let innocent = ["UNAUTHENTICATED", "FORBIDDEN", "RATE_LIMITED"];
        matches!(self, Self::Graphql(code) if !innocent.contains(&code.as_str()))
    }
}

#[derive(Deserialize)]
struct Execution {
    data: Option<Data>,
    #[serde(default)]
    errors: Vec<GraphqlError>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    routes_changed: RouteEvent,
}

#[derive(Deserialize)]
struct GraphqlError {
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Default, Deserialize)]
struct Extensions {
    code: Option<String>,
}

/// How the last sessions went; what is logged and how long the pause is depend on it.
struct Streak {
    pause: Duration,
    last_problem: Option<String>,
}

impl Feed {
    /// Follows the feed for as long as the task lives.
    pub async fn follow(self) {
        let mut streak = Streak {
            pause: PAUSE_MIN,
            last_problem: None,
        };
        let mut resume = true;
        loop {
            let error = self.session(resume, &mut streak).await;
            self.metrics.feed_connected.set(0.0);
            resume = !error.doubts_the_cursor();
            streak.log(&error);
            time::sleep(jittered(streak.pause)).await;
            streak.pause = (streak.pause * 2).min(PAUSE_MAX);
        }
    }

    async fn session(&self, resume: bool, streak: &mut Streak) -> SessionError {
        let after = resume
            .then(|| self.routes.current().cursor().map(str::to_owned))
            .flatten();
        // The edge may wait for its token for as long as it takes.
        self.api.token.wait().await;
        let opened = time::timeout(SILENCE_MAX, self.open(after.as_deref())).await;
        let answering = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return error,
            Err(_) => return SessionError::Silent,
        };
        self.metrics.feed_sessions.increment(1);
        self.metrics.feed_connected.set(1.0);
        let Answering {
            response,
            connection: _connection,
        } = answering;
        match self.read(response.into_body(), streak).await {
            Err(error) => error,
            Ok(()) => SessionError::Ended,
        }
    }

    /// Opens the event stream, with the keys of the control plane at hand.
    async fn open(&self, after: Option<&str>) -> Result<Answering, SessionError> {
        let question = serde_json::json!({"query": QUERY, "variables": {"after": after}});
        let answering = self.api.ask(&question, "text/event-stream").await?;
        let kind = answering.response.headers().get(CONTENT_TYPE);
        if kind.is_none_or(|it| !it.as_bytes().starts_with(b"text/event-stream")) {
            return Err(SessionError::NoStream);
        }
        if let Err(error) = self.keys.fetch(&self.api).await {
            tracing::warn!(%error, "the API's keys can't be had; the last known ones go on");
        }
        Ok(answering)
    }

    /// Reads until the stream ends. Everything that one chunk completes is one generation.
    async fn read(&self, mut body: Incoming, streak: &mut Streak) -> Result<(), SessionError> {
        let (mut parser, mut events) = (Parser::default(), Vec::new());
        let opened = Instant::now();
        loop {
            let frame = time::timeout(SILENCE_MAX, body.frame())
                .await
                .map_err(|_| SessionError::Silent)?;
            let Some(frame) = frame else {
                return Ok(());
            };
            if let Ok(chunk) = frame.map_err(AskError::Http)?.into_data() {
                parser.push(&chunk, &mut events)?;
            }
            let spoke = !events.is_empty();
            if self.take_in(events.drain(..))? {
                return Ok(());
            }
            // A refusal comes at once; pings after a while mean that there is just no news.
            if spoke || opened.elapsed() > REFUSAL_WAIT {
                streak.went_well();
                self.routes.confirm();
            }
        }
    }

    /// Publishes what `events` say; `true` when one of them ends the subscription.
    fn take_in(&self, events: impl Iterator<Item = Event>) -> Result<bool, SessionError> {
        let mut next = None;
        let mut outcome = Ok(false);
        for event in events {
            match understand(&event) {
                Ok(Some(change)) => next
                    .get_or_insert_with(|| self.routes.current().as_ref().clone())
                    .apply(change),
                Ok(None) if event.kind == b"complete" => outcome = Ok(true),
                Ok(None) => {}
                Err(error) => outcome = Err(error),
            }
            if !matches!(outcome, Ok(false)) {
                break;
            }
        }
        if let Some(table) = next {
            tracing::debug!(
                spaces = table.space_count(),
                hosts = table.host_count(),
                "routes changed"
            );
            self.routes.publish(table);
        }
        outcome
    }
}

fn understand(event: &Event) -> Result<Option<RouteEvent>, SessionError> {
    if event.kind != b"next" {
        return Ok(None);
    }
    let execution: Execution = serde_json::from_slice(&event.data)?;
    if let Some(error) = execution.errors.into_iter().next() {
        let code = error.extensions.code;
        return Err(SessionError::Graphql(
            code.unwrap_or_else(|| "an error".to_owned()),
        ));
    }
    match execution.data {
        Some(data) => Ok(Some(data.routes_changed)),
        None => Err(SessionError::Graphql("no data".to_owned())),
    }
}

impl Streak {
    /// The next failure is news again, and its pause the shortest.
    fn went_well(&mut self) {
        if !self.pause.is_zero() {
            tracing::info!("following the API's routes");
        }
        self.pause = Duration::ZERO;
        self.last_problem = None;
    }

    /// A problem is told once, and again when another one takes its place.
    fn log(&mut self, error: &SessionError) {
        self.pause = self.pause.max(PAUSE_MIN);
        let problem = error.to_string();
        if self.last_problem.as_ref() == Some(&problem) {
            tracing::debug!(%problem, "the API's routes can't be followed");
            return;
        }
        tracing::warn!(
            %problem,
            "the API's routes can't be followed; the last known ones go on, and it is tried again"
        );
        self.last_problem = Some(problem);
    }
}

/// Between half of `pause` and all of it, so that several edges don't come back in step.
fn jittered(pause: Duration) -> Duration {
    let (_, random) = uuid::Uuid::now_v7().as_u64_pair();
    let thousandths = u32::try_from(random % 500).unwrap_or(0);
    pause / 2 + pause / 1000 * thousandths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(data: &str) -> Event {
        Event {
            kind: b"next".to_vec(),
            data: data.into(),
        }
    }

    #[test]
    fn an_event_is_understood_as_the_control_plane_writes_it() {
        let data = r#"{"data":{"routesChanged":{"cursor":"5","change":"SPACES","spaces":[
            {"spaceId":"space_0190c2a4b6d87c3e8f1a2b3c4d5e6f70","spaceName":"lab",
             "ownerId":"user_0190c2a4b6d87c3e8f1a2b3c4d5e6f71","status":"STOPPED",
             "address":null,"tunnels":[]}]}}}"#;
        let change = understand(&next(data)).expect("fine").expect("a change");
        assert_eq!((change.cursor.as_str(), change.spaces.len()), ("5", 1));
        let other = Event {
            kind: b"complete".to_vec(),
            data: vec![],
        };
        assert!(understand(&other).expect("fine").is_none());
    }

    #[test]
    fn an_error_ends_the_session_and_only_some_doubt_the_cursor() {
        for (data, code, doubts) in [
            (
                r#"{"errors":[{"message":"x","extensions":{"code":"UNAUTHENTICATED"}}]}"#,
                "UNAUTHENTICATED",
                false,
            ),
            (
                r#"{"data":null,"errors":[{"message":"x","extensions":{"code":"INVALID"}}]}"#,
                "INVALID",
                true,
            ),
            (r#"{"errors":[{"message":"x"}]}"#, "an error", true),
            (r#"{"data":null}"#, "no data", true),
        ] {
            let error = understand(&next(data)).expect_err(data);
            assert_eq!(error.to_string(), format!("it reported {code}"));
            assert_eq!(error.doubts_the_cursor(), doubts, "{data}");
        }
        assert!(matches!(understand(&next("{")), Err(SessionError::Json(_))));
    }

    #[test]
    fn pauses_differ_and_stay_below_their_bound() {
        for _ in 0..100 {
            let pause = jittered(PAUSE_MAX);
            assert!((PAUSE_MAX / 2..PAUSE_MAX).contains(&pause), "{pause:?}");
        }
    }
}
