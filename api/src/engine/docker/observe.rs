//! What containers there are and what they are doing.

use std::{net::IpAddr, time::Duration};

use bollard::{
    Docker,
    models::{ContainerState, ContainerSummary, ContainerSummaryStateEnum as State},
    query_parameters::{InspectContainerOptions, ListContainersOptionsBuilder},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use spaceport_domain::{
    lifecycle::{Exit, Health, Instance, Phase},
    time::Timestamp,
};

use super::{
    super::{ContainerRef, EngineError, Scope, Seen},
    DockerEngine,
    labels::{agent_of, container_of},
    refusal::CallError,
};

const LIST_TIMEOUT: Duration = Duration::from_secs(20);
const INSPECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How many containers are asked at once how they ended.
const INSPECTIONS_AT_ONCE: usize = 8;

/// What the list says of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Glance {
    container: ContainerRef,
    agent_version: Option<String>,
    phase: Glanced,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Glanced {
    /// The list tells it all.
    Known(Phase),
    /// The container with this engine's identifier ended; how, the list doesn't tell.
    Ended(String),
}

impl DockerEngine {
    pub(super) async fn see_containers(&self, scope: Scope) -> Result<Vec<Seen>, EngineError> {
        let client = self.connection.client().await?;
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&self.installation.filters(scope))
            .build();
        let list = client.list_containers(Some(options));
        let summaries = self.connection.call(LIST_TIMEOUT, list).await?;
        let network = self.installation.network();
        let glances: Vec<Glance> = summaries
            .iter()
            .filter_map(|summary| glance(summary, &network))
            .collect();
        let seen: Vec<Option<Seen>> = stream::iter(glances)
            .map(|glance| self.look_closer(&client, glance))
            .buffered(INSPECTIONS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(seen.into_iter().flatten().collect())
    }

    /// Completes what the list says. `None` when the container vanished in the meantime.
    async fn look_closer(
        &self,
        client: &Docker,
        glance: Glance,
    ) -> Result<Option<Seen>, CallError> {
        let phase = match glance.phase {
            Glanced::Known(phase) => Some(phase),
            Glanced::Ended(id) => self.see_end(client, &id).await?,
        };
        Ok(phase.map(|phase| Seen {
            space: glance.container.space,
            instance: Instance {
                number: glance.container.instance,
                agent_version: glance.agent_version,
                phase,
            },
        }))
    }

    async fn see_end(&self, client: &Docker, id: &str) -> Result<Option<Phase>, CallError> {
        let inspect = client.inspect_container(id, None::<InspectContainerOptions>);
        let state = match self.connection.call(INSPECT_TIMEOUT, inspect).await {
            Ok(container) => container.state.unwrap_or_default(),
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let (started_at, finished_at) = run_of(&state);
        let memory = self.recall_run(client, id, started_at).await?;
        let watched = self.connection.connected_since(finished_at);
        Ok(Some(Phase::Exited(Exit {
            code: state.exit_code.unwrap_or_default(),
            oom_killed: state.oom_killed.unwrap_or_default() || memory.oom,
            at: finished_at,
            ran_ms: millis(finished_at.since(started_at)),
            remembered: memory.is_of_the_end(watched),
        })))
    }
}

/// What `summary` says of a container in `network`; `None` when its labels can't be read.
fn glance(summary: &ContainerSummary, network: &str) -> Option<Glance> {
    let labels = summary.labels.as_ref()?;
    let container = container_of(labels)?;
    let phase = match summary.state {
        Some(State::CREATED) => Glanced::Known(Phase::Created),
        Some(State::REMOVING) => Glanced::Known(Phase::Removing),
        Some(State::EXITED | State::DEAD) => Glanced::Ended(summary.id.clone()?),
        // A container that somebody paused is still there, with everything it has.
        _ => Glanced::Known(Phase::Running {
            address: address(summary, network),
            health: summary.status.as_deref().map_or(Health::Unchecked, health),
        }),
    };
    Some(Glance {
        container,
        agent_version: agent_of(labels),
        phase,
    })
}

fn address(summary: &ContainerSummary, network: &str) -> Option<IpAddr> {
    let networks = summary.network_settings.as_ref()?.networks.as_ref()?;
    networks.get(network)?.ip_address.as_ref()?.parse().ok()
}

/// The state of health in the list's text, as in `Up 3 seconds (healthy)`. API versions below
/// 1.52 have it nowhere else in a list.
fn health(status: &str) -> Health {
    if status.ends_with("(healthy)") {
        Health::Healthy
    } else if status.ends_with("(unhealthy)") {
        Health::Unhealthy
    } else if status.ends_with("(health: starting)") {
        Health::Pending
    } else {
        Health::Unchecked
    }
}

/// When the last run of a container began and ended.
fn run_of(state: &ContainerState) -> (Timestamp, Timestamp) {
    (
        instant(state.started_at.as_deref()),
        instant(state.finished_at.as_deref()),
    )
}

/// An instant as the engine writes it (RFC 3339). The engine writes "never" as the year 1, which
/// becomes the epoch here.
pub(super) fn instant(text: Option<&str>) -> Timestamp {
    let ms = text
        .and_then(|text| text.parse::<jiff::Timestamp>().ok())
        .map_or(0, jiff::Timestamp::as_millisecond);
    Timestamp::from_millis(ms.max(0))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bollard::models::{ContainerSummaryNetworkSettings, EndpointSettings};
    use spaceport_domain::id::SpaceId;
    use uuid::Uuid;

    use super::{super::labels::Installation, *};

    const NETWORK: &str = "spaceport-main";

    fn summary(state: State, status: &str) -> ContainerSummary {
        let installation = Installation::parse("main").expect("a valid name");
        let endpoint = EndpointSettings {
            ip_address: Some("172.18.0.2".to_owned()),
            ..EndpointSettings::default()
        };
        ContainerSummary {
            id: Some("abc".to_owned()),
            labels: Some(installation.container_labels(container())),
            state: Some(state),
            status: Some(status.to_owned()),
            network_settings: Some(ContainerSummaryNetworkSettings {
                networks: Some(HashMap::from([(NETWORK.to_owned(), endpoint)])),
            }),
            ..ContainerSummary::default()
        }
    }

    fn container() -> ContainerRef {
        ContainerRef {
            space: SpaceId::new(Uuid::from_u128(5)),
            instance: 2,
        }
    }

    fn glanced(state: State, status: &str) -> Glanced {
        let glance = glance(&summary(state, status), NETWORK).expect("one of ours");
        assert_eq!(glance.container, container());
        glance.phase
    }

    #[test]
    fn every_state_of_the_engine_has_a_phase() {
        let running = |health| {
            Glanced::Known(Phase::Running {
                address: Some("172.18.0.2".parse().expect("an address")),
                health,
            })
        };
        assert_eq!(
            glanced(State::RUNNING, "Up 3 seconds"),
            running(Health::Unchecked)
        );
        assert_eq!(
            glanced(State::RUNNING, "Up 3 seconds (health: starting)"),
            running(Health::Pending)
        );
        assert_eq!(
            glanced(State::RUNNING, "Up 3 seconds (healthy)"),
            running(Health::Healthy)
        );
        assert_eq!(
            glanced(State::RUNNING, "Up 3 seconds (unhealthy)"),
            running(Health::Unhealthy)
        );
        assert_eq!(
            glanced(State::PAUSED, "Up 3 seconds (Paused)"),
            running(Health::Unchecked)
        );
        assert_eq!(
            glanced(State::CREATED, "Created"),
            Glanced::Known(Phase::Created)
        );
        assert_eq!(
            glanced(State::REMOVING, "Removal In Progress"),
            Glanced::Known(Phase::Removing)
        );
        for ended in [State::EXITED, State::DEAD] {
            assert_eq!(
                glanced(ended, "Exited (1) 3 seconds ago"),
                Glanced::Ended("abc".to_owned())
            );
        }
    }

    #[test]
    fn a_container_with_labels_of_others_is_not_seen() {
        let foreign = ContainerSummary {
            labels: Some(HashMap::new()),
            ..summary(State::RUNNING, "Up")
        };
        assert_eq!(glance(&foreign, NETWORK), None);
    }

    #[test]
    fn instants_of_the_engine_are_read() {
        let at = instant(Some("2026-01-02T03:04:05.678901234Z"));
        assert_eq!(at.as_millis() % 1_000, 678);
        assert_eq!(instant(Some("0001-01-01T00:00:00Z")).as_millis(), 0);
        assert_eq!(instant(None).as_millis(), 0);
    }
}
