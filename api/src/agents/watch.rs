//! How the apps of spaces are, as their agents say.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, stream};
use spaceport_domain::{
    agent::{self, PORT},
    event::EventBody,
    id::TemplateVersionId,
    lifecycle::Status,
    space::{Space, SpaceApp},
    template::Blueprint,
    time::Timestamp,
};
use tokio::{
    sync::{Notify, mpsc},
    time::{self, Instant},
};

use super::{question, silence::Silences, telling::Tellings};
use crate::{
    app::App,
    store::{AppsReport, StoreError},
};

/// How many agents are asked at the same time.
const CONCURRENT: usize = 32;
/// The most spaces that one change writes down.
const TOGETHER_MAX: usize = 256;
/// How long after its start a space is asked more often: what it runs is just coming up.
const YOUNG: Duration = Duration::from_secs(30);
/// How often.
const YOUNG_EVERY: Duration = Duration::from_secs(1);

/// Asks agents how their apps are.
pub struct Watch {
    app: Arc<App>,
    /// Rung when a space has been started.
    started: Notify,
}

/// What is remembered from one round to the next; none of it is lost with harm.
#[derive(Default)]
struct Memory {
    /// Template versions never change.
    blueprints: HashMap<TemplateVersionId, Blueprint>,
    silences: Silences,
    tellings: Tellings,
}

/// What came of a question.
struct Answer {
    /// Absent when the agent doesn't say.
    status: Option<agent::Status>,
    took: Duration,
}

impl Memory {
    /// What of an answer is news that may be told.
    fn news(&mut self, space: &Space, answer: Answer, now: Timestamp) -> Option<AppsReport> {
        let (id, instance) = (space.id, space.state.instance);
        let Answer { status, took } = answer;
        let answered_in = status.is_some().then_some(took);
        self.silences
            .note(id, instance, answered_in, Instant::now());
        let blueprint = self.blueprints.get(&space.template_version_id)?;
        let apps = SpaceApp::told(blueprint, &status?);
        let is_news = space.apps.as_ref() != Some(&apps);
        let is_told = is_news && self.tellings.take(id, instance, now);
        is_told.then_some(AppsReport {
            space: id,
            instance,
            apps,
        })
    }
}

impl Watch {
    /// A watch for `app`.
    pub fn new(app: Arc<App>) -> Self {
        Self {
            app,
            started: Notify::new(),
        }
    }

    /// Asks, for ever.
    pub async fn run(&self) {
        tokio::join!(self.follow_starts(), self.ask_all());
    }

    /// Rings when a space has been started, by whichever replica that was asked for.
    async fn follow_starts(&self) {
        let log = &self.app.events;
        let mut events = pin!(log.keep_following(log.tail()));
        while let Some(event) = events.next().await {
            match &event.body {
                EventBody::Space { space, .. } if self.is_young(space) => {
                    self.started.notify_one();
                }
                _ => {}
            }
        }
    }

    async fn ask_all(&self) {
        let every = self.app.settings.apps_every;
        let mut memory = Memory::default();
        let mut next_round = Instant::now();
        loop {
            let is_due = next_round <= Instant::now();
            if is_due {
                // Not in step with the other clocks of this host.
                next_round = Instant::now() + every.mul_f64(rand::random_range(0.9..1.1));
            }
            let are_some_young = match self.ask_round(&mut memory, is_due).await {
                Ok(are_some_young) => are_some_young,
                Err(error) => {
                    tracing::warn!(%error, "can't write down how apps are");
                    false
                }
            };
            let soon = Instant::now() + YOUNG_EVERY;
            let next = if are_some_young {
                soon.min(next_round)
            } else {
                next_round
            };
            tokio::select! {
                () = time::sleep_until(next) => {}
                () = self.started.notified(), if !are_some_young => {}
            }
        }
    }

    /// Asks everybody, or who has just been started, and writes down what has changed. Says whether
    /// somebody has just been started.
    async fn ask_round(&self, memory: &mut Memory, everybody: bool) -> Result<bool, StoreError> {
        let spaces = self.app.store.spaces_with_agents().await?;
        self.know_blueprints(memory, &spaces).await?;
        let runs: HashSet<_> = spaces.iter().map(|space| space.id).collect();
        memory.silences.keep(|space| runs.contains(&space));
        memory.tellings.sweep(self.app.clock.now());
        let with_apps = spaces.into_iter().filter(|space| {
            let blueprint = memory.blueprints.get(&space.template_version_id);
            blueprint.is_some_and(|it| !it.apps().is_empty())
        });
        let (young, old): (Vec<_>, Vec<_>) = with_apps.partition(|space| self.is_young(space));
        let are_some_young = !young.is_empty();
        let asked = if everybody {
            [young, old].concat()
        } else {
            young
        };
        let now = Instant::now();
        let asked: Vec<_> = asked
            .into_iter()
            .filter(|it| memory.silences.is_over(it.id, it.state.instance, now))
            .collect();
        // Nobody's news waits for the answer of another.
        let (news, coming) = mpsc::channel(TOGETHER_MAX);
        let ((), written) = tokio::join!(self.hear(memory, asked, news), self.write_down(coming));
        written?;
        Ok(are_some_young)
    }

    /// Asks, and hands on what is news.
    async fn hear(&self, memory: &mut Memory, asked: Vec<Space>, news: mpsc::Sender<AppsReport>) {
        let answers = stream::iter(asked).map(|space| async {
            let answer = self.ask(&space).await;
            (space, answer)
        });
        let mut answers = answers.buffer_unordered(CONCURRENT);
        while let Some((space, answer)) = answers.next().await {
            let report = memory.news(&space, answer, self.app.clock.now());
            if let Some(report) = report
                && news.send(report).await.is_err()
            {
                // It can't be written down.
                return;
            }
        }
    }

    /// Asks how a space is.
    async fn ask(&self, space: &Space) -> Answer {
        let began = Instant::now();
        let status = self.status(space).await;
        let took = began.elapsed();
        Answer { status, took }
    }

    async fn status(&self, space: &Space) -> Option<agent::Status> {
        let secret = self
            .app
            .agent_secrets
            .secret(space.id, space.state.instance);
        let asked = question::status(SocketAddr::new(space.address?, PORT), secret).await;
        let answered = if asked.is_ok() { "yes" } else { "no" };
        metrics::counter!("spaceport_agents_asked_total", "answered" => answered).increment(1);
        asked
            .inspect_err(|error| tracing::debug!(space.id = %space.id, %error, "no answer"))
            .ok()
    }

    async fn know_blueprints(
        &self,
        memory: &mut Memory,
        spaces: &[Space],
    ) -> Result<(), StoreError> {
        let wanted: HashSet<_> = spaces.iter().map(|it| it.template_version_id).collect();
        memory.blueprints.retain(|id, _| wanted.contains(id));
        let unknown = wanted.into_iter();
        let unknown: Vec<_> = unknown
            .filter(|id| !memory.blueprints.contains_key(id))
            .collect();
        if !unknown.is_empty() {
            let versions = self.app.store.template_versions_by_id(&unknown).await?;
            let versions = versions.into_iter().map(|it| (it.id, it.blueprint));
            memory.blueprints.extend(versions);
        }
        Ok(())
    }

    /// Writes news down as it comes, together what has come meanwhile.
    async fn write_down(&self, mut news: mpsc::Receiver<AppsReport>) -> Result<(), StoreError> {
        let mut together = Vec::new();
        while news.recv_many(&mut together, TOGETHER_MAX).await > 0 {
            let mut change = self.app.store.begin().await?;
            let reports = std::mem::take(&mut together);
            if change.report_apps(reports).await? == 0 {
                change.abandon().await?;
            } else {
                change.commit(self.app.clock.now()).await?;
            }
        }
        Ok(())
    }

    fn is_young(&self, space: &Space) -> bool {
        let now: Timestamp = self.app.clock.now();
        space.state.status == Status::Running
            && space.started_at.is_some_and(|at| now.since(at) < YOUNG)
    }
}
