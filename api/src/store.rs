//! What is remembered: the only place that knows the database.
//!
//! Reads go through [`Store`]; every change goes through one [`Change`], a transaction that also
//! writes the events and audit entries of what it changes. Committing gives the change its place
//! in the event log:
//!
//! - On SQLite a change begins with `BEGIN IMMEDIATE` on the one writing connection.
//! - On Postgres it locks the rows it decides on (`FOR UPDATE`): the owner's first, then the
//!   space's.
//! - The last thing a change locks is the one row that holds the number of the newest event. It
//!   holds it until it has committed, so numbers have no gaps and are visible in their order on
//!   both databases.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    AccessMode, ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbErr,
    IsolationLevel, SqlErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use spaceport_domain::event::Cursor;
use tokio::sync::watch;

mod access;
mod app_codes;
mod audit;
mod change;
mod cli_codes;
mod departures;
mod events;
mod groups;
mod handover;
mod last_uses;
mod leadership;
mod page;
mod parameters;
mod people;
mod quota;
mod routes;
mod rows;
mod sessions;
mod shares;
mod space_apps;
mod spaces;
mod ssh_keys;
mod templates;
mod tokens;
mod tunnels;
mod users;
mod volumes;

pub use access::Role;
pub use app_codes::AppCode;
pub use audit::{AuditEntry, AuditFilter, NewAuditEntry};
pub use change::Change;
pub use cli_codes::CliCode;
pub use groups::Group;
pub use leadership::Leadership;
pub use page::{PAGE_DEFAULT, PAGE_MAX, Page, PageRequest};
pub use parameters::StoredParameter;
pub use quota::Quotas;
pub use routes::{RouteTable, Routed, RoutedSpace};
pub use sessions::Session;
pub use space_apps::AppsReport;
pub use spaces::{Idempotency, NewSpace, SpaceFilter};
pub use ssh_keys::SshKey;
pub use templates::{Template, TemplateVersion};
pub use tokens::ApiToken;
pub use users::{NewUser, User};
pub use volumes::Volume;

/// What of the database's own log is worth a line unless an operator says otherwise.
pub const LOG: &str = "sqlx=warn";
/// Connections that read at the same time.
const READ_CONNECTIONS: u32 = 8;
/// Connections to Postgres that write at the same time.
const WRITE_CONNECTIONS: u32 = 8;
/// How long a statement waits for SQLite's lock, or a change for a connection.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// The database failed or holds what it can't hold.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed.
    #[error("database: {0}")]
    Database(DbErr),
    /// Somebody else took the name at the same moment.
    #[error("the name is in use")]
    Taken,
    /// Who makes the change was disabled or deleted after they signed in.
    #[error("the account was disabled or deleted meanwhile")]
    ActorDeparted,
    /// What the actor may do changed while their request was under way.
    #[error("what you may do has just changed")]
    AccessChanged,
    /// A row holds a value that the rules exclude.
    #[error("the row of {table} holds an unreadable {column}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Self::Taken,
            _ => Self::Database(error),
        }
    }
}

/// The database, for reading and for beginning changes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    read: DatabaseConnection,
    write: DatabaseConnection,
    head: Arc<watch::Sender<Cursor>>,
    statements: Arc<AtomicU64>,
}

impl Store {
    /// Connects to `url` and brings the database's shape up to date.
    ///
    /// `sqlite:<path>` makes the file when there is none; `postgres://…` needs the database to
    /// exist.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let statements = Arc::new(AtomicU64::new(0));
        let sqlite = url.starts_with("sqlite:");
        let mut write =
            Database::connect(options(url, if sqlite { 1 } else { WRITE_CONNECTIONS })).await?;
        count_statements(&mut write, &statements);
        spaceport_migration::Migrator::up(&write, None).await?;
        let mut read = Database::connect(options(url, READ_CONNECTIONS)).await?;
        count_statements(&mut read, &statements);
        let head = events::head(&read).await?;
        Ok(Self {
            read,
            write,
            head: Arc::new(watch::Sender::new(head)),
            statements,
        })
    }

    /// Begins a change; nothing of it is seen before it is committed.
    pub async fn begin(&self) -> Result<Change, StoreError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = self.write.begin_with_options(options).await?;
        Ok(Change::new(transaction, Arc::clone(&self.head)))
    }

    /// Begins reading from one moment: everything read through it fits together.
    async fn moment(&self) -> Result<DatabaseTransaction, StoreError> {
        // A transaction of SQLite reads from one moment by itself.
        let postgres = self.read.get_database_backend() == sea_orm::DbBackend::Postgres;
        let options = TransactionOptions {
            isolation_level: postgres.then_some(IsolationLevel::RepeatableRead),
            access_mode: postgres.then_some(AccessMode::ReadOnly),
            ..TransactionOptions::default()
        };
        Ok(self.read.begin_with_options(options).await?)
    }

    /// How many SQL statements have been run.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.read.ping().await?)
    }
}

fn count_statements(connection: &mut DatabaseConnection, statements: &Arc<AtomicU64>) {
    let statements = Arc::clone(statements);
    connection.set_metric_callback(move |_| {
        statements.fetch_add(1, Ordering::Relaxed);
    });
}

fn options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(LOCK_TIMEOUT)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .create_if_missing(true)
                .journal_mode(sea_orm::sqlx::sqlite::SqliteJournalMode::Wal)
                // A committed start or deletion must outlive a power failure.
                .synchronous(sea_orm::sqlx::sqlite::SqliteSynchronous::Full)
                .busy_timeout(LOCK_TIMEOUT)
                .foreign_keys(true)
        });
    options
}

/// The URL of the embedded database below `data_dir`.
pub fn embedded_url(data_dir: &std::path::Path) -> String {
    let path: PathBuf = data_dir.join("spaceport.db");
    format!("sqlite:{}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_change_of_the_shape_has_a_way_back() {
        let name = format!("spaceport-shape-{}", uuid::Uuid::new_v4());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).expect("a directory");
        let store = Store::open(&embedded_url(&directory)).await.expect("up");
        let back = spaceport_migration::Migrator::down(&store.write, None).await;
        let again = spaceport_migration::Migrator::up(&store.write, None).await;
        std::fs::remove_dir_all(&directory).expect("removed");
        back.expect("down");
        again.expect("up again");
    }
}
