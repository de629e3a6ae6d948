//! The databases an installation can keep its state in.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use spaceport_domain::{
    event::{Cursor, Event},
    time::Timestamp,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};

/// The variable that says where the tests' Postgres is.
const POSTGRES_URL: &str = "SPACEPORT_TEST_POSTGRES_URL";

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file below the data directory.
    Sqlite,
    /// A database of its own on the server that `dev/postgres` starts.
    Postgres,
}

/// A database of one installation.
pub(crate) enum Opened {
    Sqlite { data_dir: PathBuf },
    Postgres { server: String, name: String },
}

impl Opened {
    pub(crate) async fn create(kind: Database, name: &str, data_dir: &Path) -> Self {
        match kind {
            Database::Sqlite => Self::Sqlite {
                data_dir: data_dir.to_owned(),
            },
            Database::Postgres => {
                let server = std::env::var(POSTGRES_URL).unwrap_or_else(|_| {
                    panic!("{POSTGRES_URL} is not set: run eval \"$(dev/postgres start)\"")
                });
                let name = name.replace('-', "_");
                execute(&server, &format!("CREATE DATABASE {name}")).await;
                Self::Postgres { server, name }
            }
        }
    }

    /// What `SPACEPORT_DATABASE_URL` is to be; `None` where the default is right.
    pub(crate) fn url(&self) -> Option<String> {
        match self {
            Self::Sqlite { .. } => None,
            Self::Postgres { server, name } => Some(on_server(server, name)),
        }
    }

    /// Changes rows behind the API's back.
    pub(crate) async fn change(&self, statement: &str) {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        match self {
            Self::Sqlite { data_dir } => {
                let mut connection = sqlite(data_dir).await;
                statement.execute(&mut connection).await.map(drop)
            }
            Self::Postgres { server, name } => {
                let url = on_server(server, name);
                let mut connection = PgConnection::connect(&url).await.expect("Postgres");
                statement.execute(&mut connection).await.map(drop)
            }
        }
        .expect("the statement is executed");
    }

    /// Every event of the outbox, in order.
    pub(crate) async fn outbox(&self) -> Vec<Event> {
        let rows = "SELECT seq, at_ms, body FROM event ORDER BY seq";
        let rows: Vec<(i64, i64, String)> = match self {
            Self::Sqlite { data_dir } => {
                let mut connection = sqlite(data_dir).await;
                sqlx::query_as(rows).fetch_all(&mut connection).await
            }
            Self::Postgres { server, name } => {
                let url = on_server(server, name);
                let mut connection = PgConnection::connect(&url).await.expect("Postgres");
                sqlx::query_as(rows).fetch_all(&mut connection).await
            }
        }
        .expect("the outbox");
        let event = |(seq, at_ms, body): (i64, i64, String)| Event {
            cursor: Cursor::new(seq),
            at: Timestamp::from_millis(at_ms),
            body: serde_json::from_str(&body).expect("an event"),
        };
        rows.into_iter().map(event).collect()
    }

    /// Whether `text` is anywhere in what the database keeps.
    pub(crate) async fn holds(&self, text: &str) -> bool {
        match self {
            Self::Sqlite { data_dir } => std::fs::read_dir(data_dir)
                .expect("the data directory")
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| path.to_string_lossy().contains("spaceport.db"))
                .map(|path| std::fs::read(path).expect("a readable database"))
                .any(|bytes| bytes.windows(text.len()).any(|it| it == text.as_bytes())),
            Self::Postgres { server, name } => {
                let url = on_server(server, name);
                let mut connection = PgConnection::connect(&url).await.expect("Postgres");
                let tables = "SELECT table_name::text FROM information_schema.tables \
                              WHERE table_schema = 'public'";
                let tables = sqlx::query(tables).fetch_all(&mut connection).await;
                for table in tables.expect("tables") {
                    let table: String = table.get(0);
                    let rows = format!("SELECT row_to_json(it)::text FROM \"{table}\" it");
                    let rows = sqlx::query(AssertSqlSafe(rows)).fetch_all(&mut connection);
                    let mut rows = rows.await.expect("rows").into_iter();
                    if rows.any(|row| row.get::<String, _>(0).contains(text)) {
                        return true;
                    }
                }
                false
            }
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let Self::Postgres { server, name } = self else {
            return;
        };
        let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let server = server.clone();
        // A test's own runtime can't be blocked from inside.
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(execute(&server, &statement));
        });
        if dropped.join().is_err() {
            eprintln!("the database {name} was not dropped");
        }
    }
}

async fn sqlite(data_dir: &Path) -> SqliteConnection {
    let url = format!("sqlite:{}", data_dir.join("spaceport.db").display());
    SqliteConnection::connect(&url).await.expect("SQLite")
}

async fn execute(url: &str, statement: &str) {
    let mut connection = PgConnection::connect(url).await.expect("Postgres answers");
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await
        .expect("the statement is executed");
}

/// The URL of another database of the same server.
fn on_server(server: &str, name: &str) -> String {
    let (rest, _) = server.rsplit_once('/').expect("a URL with a database");
    format!("{rest}/{name}")
}

/// Runs a program of the host and gives what it wrote.
pub(crate) fn host_output(program: &str, args: &[&str]) -> String {
    match Command::new(program).args(args).output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) => {
            eprintln!("{program}: {error}");
            String::new()
        }
    }
}
