//! What the engine remembers of a container.
//!
//! An engine keeps its last events in its memory (256 of them in Docker Engine), so they are gone
//! when it restarts. That tells an end that came with a restart of the engine or the host from one
//! of the space's own doing:
//!
//! | the engine remembers | because | the end counts as |
//! |---|---|---|
//! | neither start nor end | it was stopped and started again in between, or the host was | forgotten |
//! | the end only | it was killed, and ended the container itself when it came back | forgotten |
//! | start and end | both happened under its eyes | remembered |
//! | the end only, but our stream of events was connected then | so many events that the start is forgotten | remembered |

use std::time::Duration;

use bollard::{Docker, models::EventMessage, query_parameters::EventsOptionsBuilder};
use futures_util::TryStreamExt;
use spaceport_domain::time::Timestamp;

use super::{
    super::{ContainerRef, EngineError},
    DockerEngine,
    connection::now,
    refusal::CallError,
};

/// A query of the past ends by itself, when it has reached the present.
const RECALL_TIMEOUT: Duration = Duration::from_secs(10);

/// How far back a removal is looked for; the engine itself seldom remembers that long.
const REMOVAL_MEMORY: Duration = Duration::from_hours(6);

/// Events are looked for from this long before the moment they belong to.
const MARGIN_MS: i64 = 2_000;

/// What is remembered of one run of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) started: bool,
    pub(super) died: bool,
    pub(super) oom: bool,
}

impl Memory {
    fn of<'a>(actions: impl IntoIterator<Item = &'a str>) -> Self {
        let mut memory = Self::default();
        for action in actions {
            match action {
                "start" => memory.started = true,
                "die" => memory.died = true,
                "oom" => memory.oom = true,
                _ => {}
            }
        }
        memory
    }

    /// Whether the engine saw the container end, as opposed to ending together with the engine.
    /// `watched` says whether our stream of events was connected at the end and ever since.
    pub(super) fn is_of_the_end(self, watched: bool) -> bool {
        self.died && (self.started || watched)
    }
}

impl DockerEngine {
    /// What is remembered of the container `id` that was started at `started_at`.
    pub(super) async fn recall_run(
        &self,
        client: &Docker,
        id: &str,
        started_at: Timestamp,
    ) -> Result<Memory, CallError> {
        let events = EventsOptionsBuilder::default()
            .since(&seconds(started_at.as_millis().saturating_sub(MARGIN_MS)))
            .until(&seconds(now().as_millis()))
            .filters(
                &[
                    ("container", vec![id]),
                    ("event", vec!["start", "die", "oom"]),
                ]
                .into(),
            );
        let found = self.recall(client, events).await?;
        Ok(Memory::of(
            found.iter().filter_map(|event| event.action.as_deref()),
        ))
    }

    pub(super) async fn recall_removal(
        &self,
        container: ContainerRef,
    ) -> Result<bool, EngineError> {
        let client = self.connection.client().await?;
        let now_ms = now().as_millis();
        let memory_ms = i64::try_from(REMOVAL_MEMORY.as_millis()).unwrap_or(i64::MAX);
        let mut filters = self.installation.container_filters(container);
        filters.insert("event".to_owned(), vec!["destroy".to_owned()]);
        let events = EventsOptionsBuilder::default()
            .since(&seconds(now_ms.saturating_sub(memory_ms)))
            .until(&seconds(now_ms))
            .filters(&filters);
        Ok(!self.recall(&client, events).await?.is_empty())
    }

    async fn recall(
        &self,
        client: &Docker,
        events: EventsOptionsBuilder,
    ) -> Result<Vec<EventMessage>, CallError> {
        let events = client.events(Some(events.build())).try_collect();
        self.connection.call(RECALL_TIMEOUT, events).await
    }
}

/// An instant as the events call takes it: seconds since the epoch, with a fraction.
pub(super) fn seconds(ms: i64) -> String {
    let ms = ms.max(0);
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_end_the_engine_saw_from_the_start_is_remembered() {
        let whole = Memory::of(["start", "die"]);
        assert!(whole.is_of_the_end(false));
        let killed_on_return = Memory::of(["die"]);
        assert!(!killed_on_return.is_of_the_end(false));
        let start_forgotten = killed_on_return;
        assert!(start_forgotten.is_of_the_end(true));
        let nothing = Memory::of([]);
        assert!(!nothing.is_of_the_end(true));
    }

    #[test]
    fn instants_have_three_decimals() {
        assert_eq!(seconds(1_005), "1.005");
        assert_eq!(seconds(-1), "0.000");
    }
}
