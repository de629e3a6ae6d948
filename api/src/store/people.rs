//! What people may do in spaces, and the sign-ins and keys they are known by, for the edge.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use spaceport_domain::{
    access::Permission,
    event::SignIn,
    id::{ApiTokenId, SessionId, SshKeyId, UserId},
    route::{PersonRoutes, SshKeyRoute},
    ticket::sign_in_id,
    time::Timestamp,
};
use spaceport_entity as entity;
use uuid::Uuid;

use super::{StoreError, access::role, sessions, tokens};

/// Whose records are read: those of a few users, or everybody's, because naming each of many would
/// make a statement without bound.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whose<'a> {
    /// Everybody's.
    Everybodys,
    /// These users'.
    Of(&'a BTreeSet<UserId>),
}

impl Whose<'_> {
    fn are(self, column: impl ColumnTrait) -> Condition {
        match self {
            Self::Everybodys => Condition::all(),
            Self::Of(users) => {
                Condition::all().add(column.is_in(users.iter().map(|user| user.uuid())))
            }
        }
    }
}

/// The records of those who may act, with their keys and the sign-ins that hold at `now`.
pub(super) async fn people(
    connection: &impl ConnectionTrait,
    whose: Whose<'_>,
    now: Timestamp,
) -> Result<Vec<PersonRoutes>, StoreError> {
    use entity::user::Column;
    let users = entity::user::Entity::find()
        .filter(whose.are(Column::Id))
        .filter(Column::DisabledAtMs.is_null())
        .filter(Column::DeletedAtMs.is_null())
        .all(connection)
        .await?;
    let mut permissions = permissions(connection, whose).await?;
    let mut sign_ins = sign_ins(connection, whose, now).await?;
    let mut ssh_keys = ssh_keys(connection, whose).await?;
    let person = |user: entity::user::Model| PersonRoutes {
        user_id: UserId::new(user.id),
        permissions: permissions.remove(&user.id).unwrap_or_default(),
        sign_ins: sign_ins.remove(&user.id).unwrap_or_default(),
        ssh_keys: ssh_keys.remove(&user.id).unwrap_or_default(),
    };
    Ok(users.into_iter().map(person).collect())
}

/// What their roles allow, together, also of those who may not act.
async fn permissions(
    connection: &impl ConnectionTrait,
    whose: Whose<'_>,
) -> Result<HashMap<Uuid, BTreeSet<Permission>>, StoreError> {
    let links = entity::user_role::Entity::find()
        .filter(whose.are(entity::user_role::Column::UserId))
        .all(connection)
        .await?;
    let mut roles = HashMap::new();
    for row in entity::role::Entity::find().all(connection).await? {
        roles.insert(row.id, role(row)?.permissions);
    }
    let mut held = HashMap::<_, BTreeSet<_>>::new();
    for link in links {
        let allowed = roles.get(&link.role_id).into_iter().flatten();
        held.entry(link.user_id).or_default().extend(allowed);
    }
    Ok(held)
}

async fn sign_ins(
    connection: &impl ConnectionTrait,
    whose: Whose<'_>,
    now: Timestamp,
) -> Result<HashMap<Uuid, BTreeSet<String>>, StoreError> {
    use entity::{api_token, session};
    let sessions = sessions::open(now)
        .filter(whose.are(session::Column::UserId))
        .all(connection)
        .await?;
    let tokens = api_token::Entity::find()
        .filter(tokens::holding(now))
        .filter(whose.are(api_token::Column::UserId))
        .all(connection)
        .await?;
    let sessions = sessions.into_iter().map(|row| {
        let sign_in = SignIn::Session(SessionId::new(row.id));
        (row.user_id, sign_in)
    });
    let tokens = tokens.into_iter().map(|row| {
        let sign_in = SignIn::ApiToken(ApiTokenId::new(row.id));
        (row.user_id, sign_in)
    });
    let mut of_users = HashMap::<_, BTreeSet<_>>::new();
    for (user, sign_in) in sessions.chain(tokens) {
        of_users
            .entry(user)
            .or_default()
            .insert(sign_in_id(sign_in));
    }
    Ok(of_users)
}

/// Their SSH keys, oldest first.
async fn ssh_keys(
    connection: &impl ConnectionTrait,
    whose: Whose<'_>,
) -> Result<HashMap<Uuid, Vec<SshKeyRoute>>, StoreError> {
    use entity::ssh_key::{Column, Entity};
    let keys = Entity::find()
        .filter(whose.are(Column::UserId))
        .order_by_asc(Column::Id)
        .all(connection)
        .await?;
    let mut of_users = HashMap::<_, Vec<_>>::new();
    for key in keys {
        of_users.entry(key.user_id).or_default().push(SshKeyRoute {
            id: SshKeyId::new(key.id),
            public_key: key.public_key,
        });
    }
    Ok(of_users)
}
