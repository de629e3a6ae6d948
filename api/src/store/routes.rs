//! What the edge must know of spaces and people, read from one moment.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, SelectStatement},
};
use spaceport_domain::{
    event::Cursor,
    id::{SpaceId, TemplateVersionId, UserId},
    route::{Concerned, PersonRoutes},
    share::Share,
    space::Space,
    template::{Feature, PortDeclaration},
    time::Timestamp,
    tunnel::Tunnel,
};
use spaceport_entity as entity;
use uuid::Uuid;

use super::{
    Store, StoreError, TemplateVersion, events,
    people::{Whose, people},
    rows::{self, corrupt},
    shares::share,
    templates,
};

/// A space with everything that leads into it.
#[derive(Clone, Debug)]
pub struct RoutedSpace {
    /// The space.
    pub space: Space,
    /// Its owner's name.
    pub owner_name: String,
    /// Whom it is shared with.
    pub shares: Vec<Share>,
    /// What the version of the template it is pinned to enables.
    pub features: BTreeSet<Feature>,
    /// The ports that version declares.
    pub ports: Vec<PortDeclaration>,
    /// The public hostnames into it.
    pub tunnels: Vec<Tunnel>,
}

/// Everything the edge must know.
#[derive(Clone, Debug)]
pub struct RouteTable {
    /// The position in the event log that includes exactly this.
    pub cursor: Cursor,
    /// Every space that is not deleted.
    pub spaces: Vec<RoutedSpace>,
    /// Everybody who may act.
    pub people: Vec<PersonRoutes>,
}

/// What is known by now of some spaces and people.
#[derive(Clone, Debug)]
pub struct Routed {
    /// Those of the spaces that there are, deleted or not.
    pub spaces: Vec<RoutedSpace>,
    /// All of the people; nothing holds of those who may not act.
    pub people: Vec<PersonRoutes>,
}

/// The spaces that are `named`, deleted or not; without names, all that are not deleted, because
/// naming each of many would make a statement without bound.
async fn routed(
    connection: &impl ConnectionTrait,
    named: Option<&BTreeSet<SpaceId>>,
) -> Result<Vec<RoutedSpace>, StoreError> {
    use entity::{space, space_share, tunnel};
    let are_named = |column: &dyn Fn(Vec<Uuid>) -> Expr| {
        named.map(|ids| {
            let ids = ids.iter().map(|id| id.uuid()).collect();
            Condition::all().add(column(ids))
        })
    };
    let wanted = are_named(&|ids| space::Column::Id.is_in(ids))
        .unwrap_or_else(|| Condition::all().add(space::Column::DeletedAtMs.is_null()));
    let of_wanted = |column: space::Column| {
        let spaces = space::Entity::find().filter(wanted.clone());
        spaces.select_only().column(column).into_query()
    };
    let names = names(connection, of_wanted(space::Column::OwnerId)).await?;
    let versions = versions(connection, of_wanted(space::Column::TemplateVersionId)).await?;
    let spaces = space::Entity::find().filter(wanted).all(connection).await?;
    let tunnels = tunnel::Entity::find()
        .filter(are_named(&|ids| tunnel::Column::SpaceId.is_in(ids)).unwrap_or_else(Condition::all))
        .all(connection)
        .await?;
    let shares = space_share::Entity::find()
        .filter(
            are_named(&|ids| space_share::Column::SpaceId.is_in(ids))
                .unwrap_or_else(Condition::all),
        )
        .all(connection)
        .await?;
    let mut tunnels_of = HashMap::<SpaceId, Vec<Tunnel>>::new();
    for row in tunnels {
        let tunnel = rows::tunnel(row)?;
        tunnels_of.entry(tunnel.space_id).or_default().push(tunnel);
    }
    let mut shares_of = HashMap::<SpaceId, Vec<Share>>::new();
    for share in shares.into_iter().map(share) {
        shares_of.entry(share.space_id).or_default().push(share);
    }
    let with_all = |row| {
        let space = rows::space(row)?;
        let owner_name = names.get(&space.owner_id);
        let version = versions.get(&space.template_version_id);
        let version = version.ok_or_else(|| corrupt("space", "template_version_id"))?;
        Ok(RoutedSpace {
            owner_name: owner_name
                .ok_or_else(|| corrupt("space", "owner_id"))?
                .clone(),
            features: version.blueprint.features.clone(),
            ports: version.blueprint.ports.clone(),
            shares: shares_of.remove(&space.id).unwrap_or_default(),
            tunnels: tunnels_of.remove(&space.id).unwrap_or_default(),
            space,
        })
    };
    spaces.into_iter().map(with_all).collect()
}

/// The names of the users that `ids` selects, deleted or not.
async fn names(
    connection: &impl ConnectionTrait,
    ids: SelectStatement,
) -> Result<HashMap<UserId, String>, StoreError> {
    use entity::user::{Column, Entity};
    let rows = Entity::find()
        .filter(Column::Id.in_subquery(ids))
        .all(connection)
        .await?;
    let named = |row: entity::user::Model| (UserId::new(row.id), row.name);
    Ok(rows.into_iter().map(named).collect())
}

/// The versions of templates that `ids` selects.
async fn versions(
    connection: &impl ConnectionTrait,
    ids: SelectStatement,
) -> Result<HashMap<TemplateVersionId, TemplateVersion>, StoreError> {
    use entity::template_version::{Column, Entity};
    let rows = Entity::find()
        .filter(Column::Id.in_subquery(ids))
        .all(connection)
        .await?;
    let versions = rows.into_iter().map(templates::version);
    versions
        .map(|version| version.map(|version| (version.id, version)))
        .collect()
}

impl Store {
    /// Everything the edge must know, where sign-ins are told that hold at `now`.
    pub async fn route_table(&self, now: Timestamp) -> Result<RouteTable, StoreError> {
        let moment = self.moment().await?;
        Ok(RouteTable {
            cursor: events::head(&moment).await?,
            spaces: routed(&moment, None).await?,
            people: people(&moment, Whose::Everybodys, now).await?,
        })
    }

    /// What is known of those whom something concerns, in as many statements for many as for one:
    /// each names all of them, of whom there must be few. Sign-ins are told that hold at `now`.
    pub async fn routed(
        &self,
        concerned: &Concerned,
        now: Timestamp,
    ) -> Result<Routed, StoreError> {
        let Concerned { spaces, people } = concerned;
        let moment = self.moment().await?;
        let spaces = if spaces.is_empty() {
            Vec::new()
        } else {
            routed(&moment, Some(spaces)).await?
        };
        let known = if people.is_empty() {
            Vec::new()
        } else {
            self::people(&moment, Whose::Of(people), now).await?
        };
        let mut known: HashMap<_, _> = known.into_iter().map(|it| (it.user_id, it)).collect();
        let nothing = |user_id| PersonRoutes {
            user_id,
            permissions: BTreeSet::new(),
            sign_ins: BTreeSet::new(),
            ssh_keys: Vec::new(),
        };
        let person = |id: &UserId| known.remove(id).unwrap_or_else(|| nothing(*id));
        Ok(Routed {
            spaces,
            people: people.iter().map(person).collect(),
        })
    }
}
