//! When sign-ins and tokens were last used.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{CaseStatement, ExprTrait},
};
use spaceport_domain::{event::SignIn, time::Timestamp};
use spaceport_entity as entity;
use uuid::Uuid;

use super::{Store, StoreError};

/// How many rows one statement names, with three parameters each: SQLite takes at most 32766.
const CHUNK: usize = 1000;

impl Store {
    /// Writes when each of these was used. No event tells of it.
    pub async fn write_last_uses(
        &self,
        uses: &HashMap<SignIn, Timestamp>,
    ) -> Result<(), StoreError> {
        use entity::{api_token, session};
        let (mut sessions, mut tokens) = (Vec::new(), Vec::new());
        for (sign_in, at) in uses {
            match sign_in {
                SignIn::Session(id) => sessions.push((id.uuid(), *at)),
                SignIn::ApiToken(id) => tokens.push((id.uuid(), *at)),
            }
        }
        let columns = (session::Column::Id, session::Column::LastUsedAtMs);
        self.write::<session::Entity>(columns, sessions).await?;
        let columns = (api_token::Column::Id, api_token::Column::LastUsedAtMs);
        self.write::<api_token::Entity>(columns, tokens).await
    }

    async fn write<E: EntityTrait>(
        &self,
        (id, last_used_at): (E::Column, E::Column),
        mut uses: Vec<(Uuid, Timestamp)>,
    ) -> Result<(), StoreError> {
        // In the order of their identifiers, so that two replicas never wait for each other.
        uses.sort_unstable();
        for uses in uses.chunks(CHUNK) {
            let times = uses.iter().fold(CaseStatement::new(), |times, (used, at)| {
                times.case(id.eq(*used), at.as_millis())
            });
            E::update_many()
                .col_expr(last_used_at, times.cast_as("BIGINT"))
                .filter(id.is_in(uses.iter().map(|(used, _)| *used)))
                .exec(&self.write)
                .await?;
        }
        Ok(())
    }
}
