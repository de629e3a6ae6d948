//! Spaces, their volumes and features, and what is told of them.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use spaceport_domain::{access::Relation, lifecycle, share, space};

use super::{
    app::SpaceApp,
    enums::{DesiredStatus, FailureCode, LogStream, SpaceChange, SpaceRelation, SpaceStatus},
    feature::{SpaceFeature, SpacePort, Uses},
    scalars::{DateTime, bytes, int},
    template::{Template, TemplateVersion},
    tunnel::Tunnel,
    user::User,
};
use crate::{
    app::subscriptions::{SpaceMessage, Update},
    engine,
    graphql::{caller::Call, loaders::Loaders},
    store,
};

/// A running instance of a template: a container with its own compute, volumes and network.
#[derive(Clone)]
pub struct Space(pub Arc<space::Space>);

/// A running instance of a template: a container with its own compute, volumes and network.
#[Object]
impl Space {
    /// The space's global identifier.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Its name, unique among its owner's spaces.
    async fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// What its owner wrote about it.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// Where it is in its life.
    async fn status(&self) -> SpaceStatus {
        self.0.state.status.into()
    }

    /// What its owner last asked for.
    async fn desired_status(&self) -> DesiredStatus {
        self.0.state.desired.into()
    }

    /// Why it stopped by itself, until it is next started.
    async fn failure(&self) -> Option<Failure> {
        self.0.state.failure.clone().map(Failure::from)
    }

    /// Whose it is.
    async fn owner(&self, context: &Context<'_>) -> Result<User> {
        Loaders::of(context).user(self.0.owner_id).await
    }

    /// The template it was made from, also when that is deleted by now.
    async fn template(&self, context: &Context<'_>) -> Result<Template> {
        Loaders::of(context).template(self.0.template_id).await
    }

    /// The version of the template it is pinned to.
    async fn template_version(&self, context: &Context<'_>) -> Result<TemplateVersion> {
        self.template_version_of(context).await
    }

    /// What fills its template's variables. Secrets are named, their values never shown.
    async fn parameters(&self, context: &Context<'_>) -> Result<Vec<SpaceParameter>> {
        let parameters = Loaders::of(context).parameters(self.0.id).await?;
        Ok(parameters.into_iter().map(SpaceParameter::from).collect())
    }

    /// What it consumes while it is starting, running or stopping.
    async fn compute_units(&self) -> i32 {
        int(self.0.compute_units)
    }

    /// What it consumes until it is deleted: GiB of declared volumes.
    async fn storage_units(&self) -> i32 {
        int(self.0.storage_units)
    }

    /// What outlives its container.
    async fn volumes(&self, context: &Context<'_>) -> Result<Vec<Volume>> {
        let volumes = Loaders::of(context).volumes(self.0.id).await?;
        Ok(volumes.into_iter().map(Volume).collect())
    }

    /// What the viewer is to it. Absent when they have just lost it.
    async fn viewer_relation(&self, context: &Context<'_>) -> Result<Option<SpaceRelation>> {
        let relation = self.relation(context).await?;
        Ok(relation.map(SpaceRelation::from))
    }

    /// Whom it is shared with: all of them for who manages it, else the viewer.
    async fn shares(&self, context: &Context<'_>) -> Result<Vec<Share>> {
        let actor = context.actor()?;
        let mut shares = Loaders::of(context).shares(self.0.id).await?;
        if !actor.manages(self.0.owner_id) {
            shares.retain(|share| share.user_id == actor.user_id);
        }
        Ok(shares.into_iter().map(Share).collect())
    }

    /// For every feature whether the viewer can use it, or why not.
    async fn features(&self, context: &Context<'_>) -> Result<Vec<SpaceFeature>> {
        let version = self.template_version_of(context).await?;
        let Some(relation) = self.relation(context).await? else {
            return Ok(Vec::new());
        };
        let uses = Uses::of(context, &self.0, &version.0.blueprint, relation).await?;
        Ok(uses.features())
    }

    /// What its agent runs beside the command for the features of its template, as of a moment ago.
    /// Absent while it isn't running.
    async fn apps(&self, context: &Context<'_>) -> Result<Option<Vec<SpaceApp>>> {
        if self.0.state.status != lifecycle::Status::Running {
            return Ok(None);
        }
        let version = self.template_version_of(context).await?;
        let Some(relation) = self.relation(context).await? else {
            return Ok(None);
        };
        let uses = Uses::of(context, &self.0, &version.0.blueprint, relation).await?;
        Ok(Some(uses.apps()))
    }

    /// The ports its template declares.
    async fn ports(&self, context: &Context<'_>) -> Result<Vec<SpacePort>> {
        let version = self.template_version_of(context).await?;
        let Some(relation) = self.relation(context).await? else {
            return Ok(Vec::new());
        };
        let uses = Uses::of(context, &self.0, &version.0.blueprint, relation).await?;
        Ok(uses.ports())
    }

    /// The public hostnames into it.
    async fn tunnels(&self, context: &Context<'_>) -> Result<Vec<Tunnel>> {
        let tunnels = Loaders::of(context).tunnels(self.0.id).await?;
        Ok(tunnels.into_iter().map(Tunnel).collect())
    }

    /// The agent in its container, by which its terminals, SSH and files are reached. Absent while
    /// it doesn't run, and when its container is from before there were agents: restart it then.
    async fn agent(&self) -> Option<SpaceAgent> {
        let version = self.0.agent_version.clone()?;
        Some(SpaceAgent { version })
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it last became running.
    async fn started_at(&self) -> Option<DateTime> {
        self.0.started_at.map(DateTime)
    }

    /// When it last became stopped.
    async fn stopped_at(&self) -> Option<DateTime> {
        self.0.stopped_at.map(DateTime)
    }

    /// Counts its changes but for those of its apps. Send it with an update to be told when somebody was faster.
    async fn revision(&self) -> i32 {
        int(self.0.revision)
    }
}

impl Space {
    async fn template_version_of(&self, context: &Context<'_>) -> Result<TemplateVersion> {
        Loaders::of(context)
            .template_version(self.0.template_version_id)
            .await
    }

    /// What the viewer is to the space.
    async fn relation(&self, context: &Context<'_>) -> Result<Option<Relation>> {
        let actor = context.actor()?;
        if actor.user_id == self.0.owner_id {
            return Ok(Some(Relation::Owner));
        }
        let shares = Loaders::of(context).shares(self.0.id).await?;
        let is_shared = shares.iter().any(|share| share.user_id == actor.user_id);
        Ok(actor.relation_to(self.0.owner_id, is_shared))
    }
}

/// The agent in a space's container.
#[derive(SimpleObject)]
pub struct SpaceAgent {
    /// Its version. It is that of the API which started the space, and may be older than the API.
    version: String,
}

/// One user a space is shared with.
pub struct Share(share::Share);

/// One user a space is shared with.
#[Object]
impl Share {
    /// Who may see the space, and use its terminal and SSH.
    async fn user(&self, context: &Context<'_>) -> Result<User> {
        Loaders::of(context).user(self.0.user_id).await
    }

    /// Since when.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}

/// Why a space stopped although it should run.
#[derive(SimpleObject)]
pub struct Failure {
    /// What went wrong, in one stable word.
    code: FailureCode,
    /// The same for a person; it may change.
    message: String,
    /// When it happened.
    at: DateTime,
    /// The exit code of its first process, where that ended.
    exit_code: Option<i32>,
    /// Whether the kernel ended a process of it for want of memory.
    oom_killed: bool,
    /// The last lines it wrote.
    log_tail: Vec<String>,
}

impl From<lifecycle::Failure> for Failure {
    fn from(failure: lifecycle::Failure) -> Self {
        Self {
            code: failure.code.into(),
            message: failure.message,
            at: failure.at.into(),
            exit_code: failure.exit_code.map(int),
            oom_killed: failure.oom_killed,
            log_tail: failure.log_tail,
        }
    }
}

/// What fills one variable of a space's template.
#[derive(SimpleObject)]
pub struct SpaceParameter {
    /// The variable.
    name: String,
    /// Its value; absent when it is secret.
    value: Option<String>,
    /// Whether its value is never shown.
    secret: bool,
}

impl From<store::StoredParameter> for SpaceParameter {
    fn from(parameter: store::StoredParameter) -> Self {
        Self {
            name: parameter.name,
            value: (!parameter.secret).then_some(parameter.value),
            secret: parameter.secret,
        }
    }
}

/// A part of a space that outlives its container.
#[derive(Clone)]
pub struct Volume(pub store::Volume);

/// A part of a space that outlives its container.
#[Object]
impl Volume {
    /// Its name in the template.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The absolute path it is mounted at.
    async fn mount_path(&self) -> &str {
        &self.0.mount_path
    }

    /// Its declared size in GiB.
    async fn size_gib(&self) -> i32 {
        int(self.0.size_gib)
    }

    /// Bytes in use, where they can be read cheaply.
    async fn used_bytes(&self, context: &Context<'_>) -> Option<f64> {
        let app = context.app().ok()?;
        let usage = app.volume_usage(std::slice::from_ref(&self.0)).await;
        usage.first()?.used_bytes.map(bytes)
    }

    /// Whether the kernel refuses writes beyond the declared size. Otherwise it is counted only.
    /// Absent until the volume exists.
    async fn enforced(&self) -> Option<bool> {
        self.0.enforced
    }
}

/// A change of a space.
#[derive(SimpleObject)]
pub struct SpaceEvent {
    /// Where to resume. Absent in the middle of a snapshot, where nothing can be resumed: keep the
    /// last one you got.
    cursor: Option<String>,
    /// What the event says.
    change: SpaceChange,
    /// Which space; absent with `RESET`.
    space_id: Option<ID>,
    /// The space after the change; absent with `RESET` and `LOST`.
    space: Option<Space>,
}

impl From<SpaceMessage> for SpaceEvent {
    fn from(message: SpaceMessage) -> Self {
        use spaceport_domain::event::SpaceChange as Change;
        Self {
            cursor: message.cursor.map(|cursor| cursor.to_string()),
            change: match message.update {
                Update::Snapshot => SpaceChange::Snapshot,
                Update::Reset => SpaceChange::Reset,
                Update::Changed(Change::Created) => SpaceChange::Created,
                Update::Changed(Change::Status) => SpaceChange::Status,
                Update::Changed(Change::Updated) => SpaceChange::Updated,
                Update::Changed(Change::Shares) => SpaceChange::Shares,
                Update::Changed(Change::Owner) => SpaceChange::Owner,
                Update::Changed(Change::Apps) => SpaceChange::Apps,
                Update::Changed(Change::Deleted) => SpaceChange::Deleted,
                Update::Lost => SpaceChange::Lost,
            },
            space_id: message.id.map(|id| ID(id.to_string())),
            space: message.thing.map(Space),
        }
    }
}

/// A line a space wrote.
#[derive(SimpleObject)]
pub struct LogLine {
    /// When the engine received it.
    at: DateTime,
    /// Where it was written.
    stream: LogStream,
    /// The line without its end; a very long one comes in pieces.
    text: String,
}

impl From<engine::LogLine> for LogLine {
    fn from(line: engine::LogLine) -> Self {
        Self {
            at: line.at.into(),
            stream: line.stream.into(),
            text: line.text,
        }
    }
}

/// A sample of what a space uses.
#[derive(SimpleObject)]
pub struct SpaceStats {
    /// When it was taken.
    at: DateTime,
    /// CPU used since the last sample, where 1.0 is one core.
    cpu_cores: f64,
    /// Memory in use without the page cache, in bytes.
    memory_bytes: f64,
    /// The memory limit in bytes.
    memory_limit_bytes: f64,
    /// Bytes received since the container started.
    network_rx_bytes: f64,
    /// Bytes sent since the container started.
    network_tx_bytes: f64,
    /// Processes and threads.
    pids: i32,
}

impl From<engine::Stats> for SpaceStats {
    fn from(stats: engine::Stats) -> Self {
        Self {
            at: stats.at.into(),
            cpu_cores: stats.cpu_cores,
            memory_bytes: bytes(stats.memory_bytes),
            memory_limit_bytes: bytes(stats.memory_limit_bytes),
            network_rx_bytes: bytes(stats.network_rx_bytes),
            network_tx_bytes: bytes(stats.network_tx_bytes),
            pids: int(stats.pids),
        }
    }
}
