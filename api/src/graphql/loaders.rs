//! Batches what one operation loads, so that a list costs as many statements as one item.
//!
//! Made anew for every operation: what is loaded may be shown only to who asked.

use std::{collections::HashMap, hash::Hash, pin::pin, sync::Arc, task::Poll, time::Duration};

use async_graphql::{
    Context, Error, ErrorExtensions, Result,
    dataloader::{DataLoader, Loader},
};
use spaceport_domain::{
    access::Actor,
    id::{SpaceId, TemplateId, TemplateVersionId, UserId},
    quota::{Limits, Units},
    share::Share,
    time::Timestamp,
    tunnel,
};

use self::turn::Turn;
use super::types::{space::Space, template, user};
use crate::{
    app::AppError,
    store::{self, Store, StoreError},
};

mod turn;

/// Everything that is loaded in batches.
pub struct Loaders {
    by_key: DataLoader<Batch>,
    turn: Turn,
}

impl Loaders {
    /// The loaders of one operation carried out for `actor`, beginning `now`.
    pub fn new(store: Store, actor: Option<&Actor>, now: Timestamp) -> Self {
        let actor = actor.cloned();
        let turn = Turn::default();
        let hold = turn.clone();
        // When a batch begins is for the turn to say, not for a timer.
        let by_key = DataLoader::new(Batch { store, actor, now }, move |batch| hold.hold(batch));
        Self {
            by_key: by_key.delay(Duration::ZERO),
            turn,
        }
    }

    /// The loaders of the operation being carried out.
    pub(super) fn of<'a>(context: &Context<'a>) -> &'a Self {
        context.data_unchecked::<Self>()
    }

    async fn one<K>(&self, key: K) -> Result<Option<<Batch as Loader<K>>::Value>>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Batch: Loader<K, Error = Arc<StoreError>>,
    {
        let mut loading = pin!(self.by_key.load_one(key));
        // The first poll adds the key to its batch.
        let loaded = match futures_util::poll!(loading.as_mut()) {
            Poll::Ready(loaded) => loaded,
            Poll::Pending => {
                self.turn.end().await;
                loading.await
            }
        };
        loaded.map_err(|error| AppError::Internal(Box::new(error)).into())
    }

    async fn must<K>(&self, key: K) -> Result<<Batch as Loader<K>>::Value>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Batch: Loader<K, Error = Arc<StoreError>>,
    {
        self.one(key).await?.ok_or_else(missing)
    }

    /// The space, when the actor may see it.
    pub(super) async fn space(&self, id: SpaceId) -> Result<Option<Space>> {
        Ok(self.one(id).await?.map(Space))
    }

    /// The user, who must exist.
    pub(super) async fn user(&self, id: UserId) -> Result<user::User> {
        Ok(user::User(self.must(id).await?))
    }

    /// The template, which must exist, deleted or not.
    pub(super) async fn template(&self, id: TemplateId) -> Result<template::Template> {
        let (template, is_offered) = self.must(id).await?;
        Ok(template::Template {
            template,
            is_offered,
        })
    }

    /// The version, which must exist.
    pub(super) async fn template_version(
        &self,
        id: TemplateVersionId,
    ) -> Result<template::TemplateVersion> {
        Ok(template::TemplateVersion(self.must(id).await?))
    }

    /// The volumes of a space.
    pub(super) async fn volumes(&self, of: SpaceId) -> Result<Vec<store::Volume>> {
        Ok(self.one(VolumesOf(of)).await?.unwrap_or_default())
    }

    /// Whom a space is shared with.
    pub(super) async fn shares(&self, of: SpaceId) -> Result<Vec<Share>> {
        Ok(self.one(SharesOf(of)).await?.unwrap_or_default())
    }

    /// The tunnels of a space.
    pub(super) async fn tunnels(&self, of: SpaceId) -> Result<Vec<Arc<tunnel::Tunnel>>> {
        Ok(self.one(TunnelsOf(of)).await?.unwrap_or_default())
    }

    /// The parameters of a space.
    pub(super) async fn parameters(&self, of: SpaceId) -> Result<Vec<store::StoredParameter>> {
        Ok(self.one(ParametersOf(of)).await?.unwrap_or_default())
    }

    /// The roles of a user.
    pub(super) async fn roles(&self, of: UserId) -> Result<Vec<store::Role>> {
        Ok(self.one(RolesOf(of)).await?.unwrap_or_default())
    }

    /// The sign-ins of a user that hold.
    pub(super) async fn sessions(&self, of: UserId) -> Result<Vec<store::Session>> {
        Ok(self.one(SessionsOf(of)).await?.unwrap_or_default())
    }

    /// The tokens of a user.
    pub(super) async fn api_tokens(&self, of: UserId) -> Result<Vec<store::ApiToken>> {
        Ok(self.one(TokensOf(of)).await?.unwrap_or_default())
    }

    /// The SSH keys of a user.
    pub(super) async fn ssh_keys(&self, of: UserId) -> Result<Vec<store::SshKey>> {
        Ok(self.one(SshKeysOf(of)).await?.unwrap_or_default())
    }

    /// The groups a user is in.
    pub(super) async fn groups_of(&self, user: UserId) -> Result<Vec<Arc<store::Group>>> {
        Ok(self.one(GroupsOf(user)).await?.unwrap_or_default())
    }

    /// The groups a template is offered to.
    pub(super) async fn groups_offered(&self, of: TemplateId) -> Result<Vec<Arc<store::Group>>> {
        Ok(self.one(OfferedTo(of)).await?.unwrap_or_default())
    }

    /// What a user may consume and does.
    pub(super) async fn quota(&self, of: UserId) -> Result<(Limits, Units)> {
        self.must(QuotaOf(of)).await
    }
}

fn missing() -> Error {
    tracing::error!("a row that others refer to is missing");
    Error::new("internal error").extend_with(|_, extensions| extensions.set("code", "INTERNAL"))
}

struct Batch {
    store: Store,
    actor: Option<Actor>,
    /// When the operation began.
    now: Timestamp,
}

macro_rules! keys {
    ($($name:ident($of:ty);)*) => {$(
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        struct $name($of);
    )*};
}

keys! {
    VolumesOf(SpaceId);
    SharesOf(SpaceId);
    TunnelsOf(SpaceId);
    ParametersOf(SpaceId);
    RolesOf(UserId);
    SessionsOf(UserId);
    TokensOf(UserId);
    SshKeysOf(UserId);
    GroupsOf(UserId);
    QuotaOf(UserId);
    OfferedTo(TemplateId);
}

/// Puts what belongs to the same key together.
fn grouped<K: Eq + Hash, V>(pairs: impl IntoIterator<Item = (K, V)>) -> HashMap<K, Vec<V>> {
    let mut groups = HashMap::<K, Vec<V>>::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    groups
}

impl Loader<SpaceId> for Batch {
    type Value = Arc<spaceport_domain::space::Space>;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[SpaceId]) -> Result<HashMap<SpaceId, Self::Value>, Self::Error> {
        let Some(sight) = self.actor.as_ref().map(Actor::sees) else {
            return Ok(HashMap::new());
        };
        let spaces = self.store.spaces_by_id(sight, keys).await?;
        Ok(spaces
            .into_iter()
            .map(|space| (space.id, Arc::new(space)))
            .collect())
    }
}

impl Loader<UserId> for Batch {
    type Value = Arc<store::User>;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[UserId]) -> Result<HashMap<UserId, Self::Value>, Self::Error> {
        let users = self.store.users_by_id(keys).await?;
        Ok(users
            .into_iter()
            .map(|user| (user.id, Arc::new(user)))
            .collect())
    }
}

impl Loader<TemplateId> for Batch {
    type Value = (Arc<store::Template>, bool);
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        keys: &[TemplateId],
    ) -> Result<HashMap<TemplateId, Self::Value>, Self::Error> {
        let Some(actor) = &self.actor else {
            return Ok(HashMap::new());
        };
        let templates = self.store.templates_by_id(actor, keys).await?;
        Ok(templates
            .into_iter()
            .map(|(it, offered)| (it.id, (Arc::new(it), offered)))
            .collect())
    }
}

impl Loader<TemplateVersionId> for Batch {
    type Value = Arc<store::TemplateVersion>;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        keys: &[TemplateVersionId],
    ) -> Result<HashMap<TemplateVersionId, Self::Value>, Self::Error> {
        let versions = self.store.template_versions_by_id(keys).await?;
        Ok(versions
            .into_iter()
            .map(|it| (it.id, Arc::new(it)))
            .collect())
    }
}

impl Loader<VolumesOf> for Batch {
    type Value = Vec<store::Volume>;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        keys: &[VolumesOf],
    ) -> Result<HashMap<VolumesOf, Self::Value>, Self::Error> {
        let spaces: Vec<_> = keys.iter().map(|key| key.0).collect();
        let volumes = self.store.volumes_of(&spaces).await?;
        Ok(grouped(
            volumes
                .into_iter()
                .map(|volume| (VolumesOf(volume.space_id), volume)),
        ))
    }
}

impl Loader<SharesOf> for Batch {
    type Value = Vec<Share>;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[SharesOf]) -> Result<HashMap<SharesOf, Self::Value>, Self::Error> {
        let spaces: Vec<_> = keys.iter().map(|key| key.0).collect();
        let shares = self.store.shares_of(&spaces).await?;
        Ok(grouped(
            shares
                .into_iter()
                .map(|share| (SharesOf(share.space_id), share)),
        ))
    }
}

impl Loader<TunnelsOf> for Batch {
    type Value = Vec<Arc<tunnel::Tunnel>>;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        keys: &[TunnelsOf],
    ) -> Result<HashMap<TunnelsOf, Self::Value>, Self::Error> {
        let spaces: Vec<_> = keys.iter().map(|key| key.0).collect();
        let tunnels = self.store.tunnels_of(&spaces).await?;
        Ok(grouped(
            tunnels
                .into_iter()
                .map(|it| (TunnelsOf(it.space_id), Arc::new(it))),
        ))
    }
}

impl Loader<ParametersOf> for Batch {
    type Value = Vec<store::StoredParameter>;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        keys: &[ParametersOf],
    ) -> Result<HashMap<ParametersOf, Self::Value>, Self::Error> {
        let spaces: Vec<_> = keys.iter().map(|key| key.0).collect();
        let parameters = self.store.parameters(&spaces).await?;
        Ok(grouped(
            parameters
                .into_iter()
                .map(|(space, it)| (ParametersOf(space), it)),
        ))
    }
}

impl Loader<RolesOf> for Batch {
    type Value = Vec<store::Role>;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[RolesOf]) -> Result<HashMap<RolesOf, Self::Value>, Self::Error> {
        let users: Vec<_> = keys.iter().map(|key| key.0).collect();
        let roles = self.store.roles_of_users(&users).await?;
        Ok(grouped(
            roles.into_iter().map(|(user, role)| (RolesOf(user), role)),
        ))
    }
}

impl Loader<SessionsOf> for Batch {
    type Value = Vec<store::Session>;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        keys: &[SessionsOf],
    ) -> Result<HashMap<SessionsOf, Self::Value>, Self::Error> {
        let users: Vec<_> = keys.iter().map(|key| key.0).collect();
        let sessions = self.store.sessions_of(&users, self.now).await?;
        Ok(grouped(
            sessions.into_iter().map(|it| (SessionsOf(it.user_id), it)),
        ))
    }
}

impl Loader<TokensOf> for Batch {
    type Value = Vec<store::ApiToken>;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[TokensOf]) -> Result<HashMap<TokensOf, Self::Value>, Self::Error> {
        let users: Vec<_> = keys.iter().map(|key| key.0).collect();
        let tokens = self.store.tokens_of(&users).await?;
        Ok(grouped(
            tokens.into_iter().map(|it| (TokensOf(it.user_id), it)),
        ))
    }
}

impl Loader<SshKeysOf> for Batch {
    type Value = Vec<store::SshKey>;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        keys: &[SshKeysOf],
    ) -> Result<HashMap<SshKeysOf, Self::Value>, Self::Error> {
        let users: Vec<_> = keys.iter().map(|key| key.0).collect();
        let keys = self.store.ssh_keys_of(&users).await?;
        Ok(grouped(
            keys.into_iter().map(|it| (SshKeysOf(it.user_id), it)),
        ))
    }
}

impl Loader<GroupsOf> for Batch {
    type Value = Vec<Arc<store::Group>>;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[GroupsOf]) -> Result<HashMap<GroupsOf, Self::Value>, Self::Error> {
        let users: Vec<_> = keys.iter().map(|key| key.0).collect();
        let links = self.store.memberships(&users).await?;
        let groups = linked_groups(&self.store, links.iter().map(|(_, group)| *group)).await?;
        let known = |(user, group)| Some((GroupsOf(user), Arc::clone(groups.get(&group)?)));
        Ok(grouped(links.into_iter().filter_map(known)))
    }
}

impl Loader<OfferedTo> for Batch {
    type Value = Vec<Arc<store::Group>>;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        keys: &[OfferedTo],
    ) -> Result<HashMap<OfferedTo, Self::Value>, Self::Error> {
        let templates: Vec<_> = keys.iter().map(|key| key.0).collect();
        let links = self.store.offers(&templates).await?;
        let groups = linked_groups(&self.store, links.iter().map(|(_, group)| *group)).await?;
        let known =
            |(template, group)| Some((OfferedTo(template), Arc::clone(groups.get(&group)?)));
        Ok(grouped(links.into_iter().filter_map(known)))
    }
}

impl Loader<QuotaOf> for Batch {
    type Value = (Limits, Units);
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[QuotaOf]) -> Result<HashMap<QuotaOf, Self::Value>, Self::Error> {
        let users: Vec<_> = keys.iter().map(|key| key.0).collect();
        let quotas = self.store.quotas(&users).await?;
        Ok(quotas
            .into_iter()
            .map(|(user, quota)| (QuotaOf(user), quota))
            .collect())
    }
}

async fn linked_groups(
    store: &Store,
    ids: impl Iterator<Item = spaceport_domain::id::GroupId>,
) -> Result<HashMap<spaceport_domain::id::GroupId, Arc<store::Group>>, Arc<StoreError>> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let groups = store.groups_by_id(&ids).await?;
    Ok(groups
        .into_iter()
        .map(|group| (group.id, Arc::new(group)))
        .collect())
}
