//! The harness of the integration tests: whole installations of the real programs, and the
//! clients that use them.
//!
//! - [`Installation`] runs `spaceport-api` and `spaceport-proxy` with a database, ports, a data
//!   directory and a label in Docker of their own, and removes everything when it is dropped.
//! - [`Client`] speaks GraphQL with it, [`Subscription`] follows what happens there, and
//!   [`Visitor`] comes in at the edge.
//! - [`on_both_databases`] makes one promise two tests.
//!
//! Tests wait for events, or ask again and again for what no event tells; none sleeps for a time
//! that is hoped to be enough.

#![expect(
    clippy::missing_panics_doc,
    reason = "a harness panics when a test doesn't get what it needs"
)]

pub mod agent;
pub mod browser;
pub mod cli;
pub mod client;
pub mod database;
pub mod docker;
pub mod edge;
pub mod image;
pub mod installation;
pub mod load;
pub mod meter;
pub mod node;
pub mod openssh;
pub mod pebble;
pub mod private_docker;
pub mod program;
pub mod subscription;
pub mod traces;
pub mod vscode;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

pub use cli::Cli;
pub use client::{Client, Payload};
pub use database::Database;
pub use edge::Visitor;
pub use image::Image;
pub use installation::{Home, Installation};
pub use openssh::OpenSsh;
pub use pebble::Pebble;
pub use private_docker::PrivateDocker;
pub use subscription::{Follower, Message, Subscription, Transport};

/// No test waits longer for any one thing.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The small image.
pub const BUSYBOX: &str = "spaceport/busybox";
/// The default image, with Python and a user who isn't root.
pub const BASE: &str = "spaceport/base";
/// The default image with an editor.
pub const CODE: &str = "spaceport/code";
/// The default image with a desktop.
pub const DESKTOP: &str = "spaceport/desktop";

/// The workspace.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the workspace").to_owned()
}

/// What `future` gives, or a failure that says what was waited for.
pub async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(value) = tokio::time::timeout(PATIENCE, future).await else {
        panic!("not in time: {what}");
    };
    value
}

/// Asks again and again, for what no event tells.
pub async fn eventually(what: &str, is_so: impl AsyncFnMut() -> bool) {
    eventually_within(PATIENCE, what, is_so).await;
}

/// Asks again and again for longer, where work really takes its time.
pub async fn eventually_within(
    patience: Duration,
    what: &str,
    mut is_so: impl AsyncFnMut() -> bool,
) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < patience, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Makes each named function, which takes a [`Database`], a test on SQLite and one on Postgres.
#[macro_export]
macro_rules! on_both_databases {
    ($($promise:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                super::$promise($crate::Database::Sqlite).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                super::$promise($crate::Database::Postgres).await;
            })+
        }
    };
}
