//! The stream of what happens in the engine.
//!
//! ```text
//!            answers: Connected             ends, fails or falls silent: Lost
//!  waiting ─────────────────────▶ connected ─────────────────────────────────▶ waiting, longer
//! ```
//!
//! An end is announced before the list of containers tells it, so its event is held back until
//! the engine is done with the container: an inspection waits for that. Overtaking is harmless,
//! because events are wake-ups and not facts.
//!
//! The events asked for begin a little before the connection was announced, so whoever observes
//! when told `Connected` misses nothing that comes after.

use std::{collections::HashMap, time::Duration};

use bollard::{
    Docker,
    errors::Error,
    models::EventMessage,
    query_parameters::{EventsOptionsBuilder, InspectContainerOptions},
};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use spaceport_domain::id::SpaceId;
use tokio::time::{sleep, timeout};

use super::{
    super::{EngineEvent, Scope},
    DockerEngine,
    connection::{Connection, now},
    labels::space_of,
    memory::seconds,
};

/// What can change what is observed of a container. Matched by prefix, because of
/// `health_status: healthy`.
const EVENTS: [&str; 9] = [
    "create",
    "start",
    "die",
    "oom",
    "destroy",
    "health_status",
    "pause",
    "unpause",
    "rename",
];

/// Pauses between attempts to connect.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// After so much silence the engine is asked whether it is still there.
const SILENCE: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// How many ends are held back at once, and how long at most.
const HELD_BACK: usize = 64;
const HOLD_TIMEOUT: Duration = Duration::from_secs(5);

/// How far before the connection the events begin.
const OVERLAP_MS: i64 = 2_000;

impl DockerEngine {
    pub(super) fn watch_events(&self) -> BoxStream<'static, EngineEvent> {
        let mut filters = self.installation.filters(Scope::All);
        filters.insert("type".to_owned(), vec!["container".to_owned()]);
        filters.insert("event".to_owned(), EVENTS.map(str::to_owned).to_vec());
        let watch = Watch {
            connection: self.connection.clone(),
            filters,
            connected: None,
            pause: Duration::ZERO,
        };
        stream::unfold(watch, |mut watch| async {
            let event = watch.next().await;
            Some((event, watch))
        })
        .boxed()
    }
}

type Events = BoxStream<'static, Result<EventMessage, Error>>;

struct Watch {
    connection: Connection,
    filters: HashMap<String, Vec<String>>,
    connected: Option<(Docker, Events)>,
    /// How long to wait before the next attempt to connect.
    pause: Duration,
}

impl Watch {
    async fn next(&mut self) -> EngineEvent {
        match self.connected.take() {
            None => self.connect().await,
            Some((client, events)) => self.follow(client, events).await,
        }
    }

    async fn connect(&mut self) -> EngineEvent {
        loop {
            sleep(self.pause).await;
            self.pause = longer(self.pause);
            match self.connection.connect().await {
                Ok(client) => {
                    let since = now().as_millis().saturating_sub(OVERLAP_MS);
                    let options = EventsOptionsBuilder::default()
                        .since(&seconds(since))
                        .filters(&self.filters)
                        .build();
                    let events = client
                        .events(Some(options))
                        .map({
                            let client = client.clone();
                            move |event| settled(client.clone(), event)
                        })
                        .buffer_unordered(HELD_BACK)
                        .boxed();
                    self.connected = Some((client, events));
                    self.connection.connected();
                    return EngineEvent::Connected;
                }
                Err(error) => tracing::debug!(?error, "the engine doesn't answer"),
            }
        }
    }

    async fn follow(&mut self, client: Docker, mut events: Events) -> EngineEvent {
        loop {
            match timeout(SILENCE, events.next()).await {
                Ok(Some(Ok(event))) => {
                    self.pause = Duration::ZERO;
                    if let Some(space) = space(&event) {
                        self.connected = Some((client, events));
                        return EngineEvent::Space(space);
                    }
                }
                Ok(Some(Err(error))) => return self.lose(&error.to_string()),
                Ok(None) => return self.lose("the stream of events ended"),
                Err(_) => {
                    if self
                        .connection
                        .call(PING_TIMEOUT, client.ping())
                        .await
                        .is_err()
                    {
                        return self.lose("no answer to a ping");
                    }
                    self.pause = Duration::ZERO;
                }
            }
        }
    }

    fn lose(&mut self, reason: &str) -> EngineEvent {
        tracing::warn!(reason, "the connection to the engine is lost");
        self.connection.lost();
        EngineEvent::Lost
    }
}

/// `event`, once the engine's list of containers shows what it tells.
async fn settled(
    client: Docker,
    event: Result<EventMessage, Error>,
) -> Result<EventMessage, Error> {
    if let Some(id) = event.as_ref().ok().and_then(ended_container) {
        let inspect = client.inspect_container(id, None::<InspectContainerOptions>);
        // Gone or stuck, there is nothing more to wait for.
        let _ = timeout(HOLD_TIMEOUT, inspect).await;
    }
    event
}

fn ended_container(event: &EventMessage) -> Option<&str> {
    let id = event.actor.as_ref()?.id.as_deref()?;
    (event.action.as_deref() == Some("die")).then_some(id)
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).clamp(RETRY_MIN, RETRY_MAX)
}

fn space(event: &EventMessage) -> Option<SpaceId> {
    space_of(event.actor.as_ref()?.attributes.as_ref()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound() {
        let mut pause = Duration::ZERO;
        let mut total = Duration::ZERO;
        for _ in 0..10 {
            pause = longer(pause);
            assert!((RETRY_MIN..=RETRY_MAX).contains(&pause));
            total += pause;
        }
        assert_eq!(pause, RETRY_MAX);
        assert!(total > RETRY_MAX * 5);
    }
}
