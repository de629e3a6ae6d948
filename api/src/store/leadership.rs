//! Which of several replicas does what only one may do.
//!
//! On Postgres the leader holds an advisory lock on a connection of its own: when its process or
//! its connection ends, the database gives the lock to the next that asks. SQLite has one process.

use std::time::Duration;

use sea_orm::{
    DbBackend,
    sqlx::{PgConnection, query_scalar},
};

use super::{Store, StoreError};

/// Spaceport's advisory lock: the bytes of `spacelea`.
const LOCK: i64 = 0x7370_6163_656c_6561;
/// How often who doesn't lead asks again, and who leads checks that it still does.
const CHECK: Duration = Duration::from_secs(1);

/// The right to do what only one replica may do. Dropping it gives it up.
#[derive(Debug)]
pub struct Leadership(Option<PgConnection>);

impl Leadership {
    /// Waits until leadership is lost; for ever with SQLite.
    pub async fn lost(&mut self) {
        let Some(connection) = &mut self.0 else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(CHECK).await;
            // The lock lives as long as the connection does.
            let alive = query_scalar::<_, i32>("SELECT 1").fetch_one(&mut *connection);
            match tokio::time::timeout(CHECK * 5, alive).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }
}

impl Store {
    /// Waits until this process leads.
    pub async fn lead(&self) -> Leadership {
        if self.write.get_database_backend() != DbBackend::Postgres {
            return Leadership(None);
        }
        loop {
            match self.try_lead().await {
                Ok(Some(leadership)) => return leadership,
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "can't ask for leadership"),
            }
            tokio::time::sleep(CHECK).await;
        }
    }

    async fn try_lead(&self) -> Result<Option<Leadership>, StoreError> {
        let failed = |error: sea_orm::sqlx::Error| {
            StoreError::Database(sea_orm::DbErr::Custom(error.to_string()))
        };
        let pool = self.write.get_postgres_connection_pool();
        let mut connection = pool.acquire().await.map_err(failed)?;
        let acquired: bool = query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        Ok(acquired.then(|| Leadership(Some(connection.detach()))))
    }
}
