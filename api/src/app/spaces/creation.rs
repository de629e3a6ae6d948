//! Making spaces.

use std::collections::BTreeSet;

use spaceport_domain::{
    access::{Actor, Permission},
    event::SpaceChange,
    hostname,
    id::{SpaceId, TemplateId, UserId, VolumeId},
    lifecycle::{Decision, Request, SpaceState, request},
    name::SpaceName,
    problem::{Problem, ProblemCode},
    quota::{self, Units},
    space::{Running, Space},
    template::{PARAMETERS_MAX, Parameter},
    time::Timestamp,
};
use uuid::Uuid;

use super::{check_description, exceeded, taken};
use crate::{
    app::{App, AppResult, Done, Origin},
    store::{Change, Idempotency, NewSpace, StoredParameter, TemplateVersion, Volume},
};
/// The most bytes of an idempotency key.
const IDEMPOTENCY_KEY_MAX_BYTES: usize = 255;

/// A space as somebody wants it.
#[derive(Clone, Debug)]
pub struct CreateSpace {
    /// The template, as the caller spelled it.
    pub template_id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What fills the template's variables.
    pub parameters: Vec<Parameter>,
    /// Whether to start it at once.
    pub start: bool,
    /// The same key from the same owner gives the same space.
    pub idempotency_key: Option<String>,
}

impl App {
    /// Makes a space from a template's current version, and starts it where asked.
    pub async fn create_space(
        &self,
        actor: &Actor,
        origin: &Origin,
        input: CreateSpace,
    ) -> AppResult<Done<Space>> {
        actor.require(Permission::CreateSpaces)?;
        let named = checked_name(&input);
        let change = self.store.begin().await?;
        let owner = actor.user_id;
        let Some((limits, used)) = change.lock_quota(owner).await? else {
            return Err(Problem::not_found("user").into());
        };
        let idempotency = self.idempotency(&input);
        if let Some(Idempotency { key, print }) = &idempotency
            && let Some((space, earlier)) = change.space_by_idempotency_key(owner, key).await?
        {
            if *print != earlier {
                let message = "was used with another input";
                return Err(Problem::input(["idempotencyKey"], message).into());
            }
            return self.already_so(change, space).await;
        }
        let version = self
            .offered_version(&change, actor, &input.template_id)
            .await?;
        let mistakes = version.blueprint.check_parameters(&input.parameters);
        let name = match named {
            Ok(name) if mistakes.is_empty() => name,
            Ok(_) => return Err(mistakes.into()),
            Err(problems) => return Err([problems, mistakes].concat().into()),
        };
        let owner_name = change.user(owner).await?.map(|user| user.name);
        if let Some(Err(error)) = owner_name.map(|owner| hostname::apps_fit(&name, &owner)) {
            return Err(Problem::input(["name"], error.to_string()).into());
        }
        if change.space_name_taken(owner, &name).await? {
            return Err(taken().into());
        }
        let now = self.now();
        let space = new_space(owner, name, &input, &version, now);
        let compute = if input.start { space.compute_units } else { 0 };
        let requested = Units {
            spaces: 1,
            compute_units: compute,
            storage_units: space.storage_units,
            tunnels: 0,
        };
        quota::check(&limits, &used, &requested).map_err(exceeded)?;
        let new = NewSpace { space, idempotency };
        self.insert(
            change,
            actor,
            origin,
            new,
            &version,
            input.parameters,
            input.start,
        )
        .await
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one caller; each is a part of the new space"
    )]
    async fn insert(
        &self,
        mut change: Change,
        actor: &Actor,
        origin: &Origin,
        new: NewSpace,
        version: &TemplateVersion,
        parameters: Vec<Parameter>,
        start: bool,
    ) -> AppResult<Done<Space>> {
        let now = self.now();
        let id = new.space.id;
        change.insert_space(&new).await?;
        change.insert_volumes(&volumes(id, version)).await?;
        change
            .insert_parameters(id, self.sealed(id, version, parameters)?)
            .await?;
        let mut space = new.space;
        change
            .tell_space(SpaceChange::Created, &space, Vec::new())
            .await?;
        if start
            && let Decision::Accepted(next) =
                request(&space.state, Request::Start, now, &self.settings.deadlines)
        {
            space.enter(next, Running::default(), now);
            change.update_space(&space, now).await?;
            change
                .tell_space(SpaceChange::Status, &space, Vec::new())
                .await?;
        }
        change.audit(origin.entry(actor, "createSpace", id, space.name.as_str()));
        let cursor = change.commit(now).await?;
        Ok(Done {
            value: space,
            cursor,
        })
    }

    fn idempotency(&self, input: &CreateSpace) -> Option<Idempotency> {
        let key = input.idempotency_key.clone()?;
        let print = self.seal.fingerprint(&format!("{input:?}"));
        Some(Idempotency { key, print })
    }

    async fn offered_version(
        &self,
        change: &Change,
        actor: &Actor,
        template_id: &str,
    ) -> AppResult<TemplateVersion> {
        let unavailable = || {
            let message = "there is no such template, or it is not offered to you";
            Problem::new(ProblemCode::TemplateUnavailable, message).at(["templateId"])
        };
        let id: TemplateId = template_id.parse().map_err(|_| unavailable())?;
        let template = change.template(actor, id).await?.ok_or_else(unavailable)?;
        let version = change.template_version(template.current_version_id).await?;
        Ok(version.ok_or_else(unavailable)?)
    }

    fn sealed(
        &self,
        space: SpaceId,
        version: &TemplateVersion,
        parameters: Vec<Parameter>,
    ) -> AppResult<Vec<StoredParameter>> {
        let secrets: BTreeSet<&str> = version
            .blueprint
            .variables
            .iter()
            .filter(|variable| variable.secret)
            .map(|variable| variable.name.as_str())
            .collect();
        parameters
            .into_iter()
            .map(|Parameter { name, value }| {
                let secret = secrets.contains(name.as_str());
                let value = if secret {
                    self.seal.seal(&secret_place(space, &name), &value)?
                } else {
                    value
                };
                Ok(StoredParameter {
                    name,
                    value,
                    secret,
                })
            })
            .collect()
    }
}

/// Where a secret parameter is sealed for.
pub fn secret_place(space: SpaceId, name: &str) -> String {
    format!("{space}/{name}")
}

/// The name, unless something is wrong that no template is needed to see.
fn checked_name(input: &CreateSpace) -> Result<SpaceName, Vec<Problem>> {
    let mut problems = check_description(&input.description);
    if input
        .idempotency_key
        .as_ref()
        .is_some_and(|key| key.is_empty() || key.len() > IDEMPOTENCY_KEY_MAX_BYTES)
    {
        let message = format!("must be from 1 to {IDEMPOTENCY_KEY_MAX_BYTES} bytes long");
        problems.push(Problem::input(["idempotencyKey"], message));
    }
    if input.parameters.len() > PARAMETERS_MAX {
        let message = format!("must be at most {PARAMETERS_MAX}");
        problems.push(Problem::input(["parameters"], message));
    }
    match input.name.parse::<SpaceName>() {
        Ok(name) if problems.is_empty() => return Ok(name),
        Ok(_) => {}
        Err(error) => problems.push(Problem::input(["name"], error.to_string())),
    }
    Err(problems)
}

fn new_space(
    owner: UserId,
    name: SpaceName,
    input: &CreateSpace,
    version: &TemplateVersion,
    now: Timestamp,
) -> Space {
    Space {
        id: SpaceId::new(Uuid::now_v7()),
        owner_id: owner,
        name,
        description: input.description.clone(),
        template_id: version.template_id,
        template_version_id: version.id,
        state: SpaceState {
            volumes_ready: version.blueprint.volumes.is_empty(),
            ..SpaceState::created()
        },
        address: None,
        agent_version: None,
        apps: None,
        compute_units: version.blueprint.compute_units.into(),
        storage_units: version.blueprint.storage_units(),
        created_at: now,
        started_at: None,
        stopped_at: None,
        revision: 1,
    }
}

fn volumes(space: SpaceId, version: &TemplateVersion) -> Vec<Volume> {
    let declared = &version.blueprint.volumes;
    declared
        .iter()
        .map(|volume| Volume {
            id: VolumeId::new(Uuid::now_v7()),
            space_id: space,
            name: volume.name.clone(),
            mount_path: volume.mount_path.clone(),
            size_gib: volume.size_gib,
            enforced: None,
        })
        .collect()
}
