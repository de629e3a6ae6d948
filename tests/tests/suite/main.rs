//! Promises of Spaceport, checked against the real parts.
//!
//! Needs root, Docker, the space images (`dev/images`), the programs of this build, the agent
//! (`dev/agent`), and Postgres: `eval "$(dev/postgres start)"`. `make test` sees to all of it.

#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and doesn't get is a failure of the test"
)]

mod access;
mod accounts;
mod agent;
mod apps;
mod attacks;
mod audit;
mod bounds;
mod browser;
mod certificates;
mod cli;
mod dashboard;
mod desktop;
mod edge;
mod engine;
mod failures;
mod files;
mod first_run;
mod graphiql;
mod history;
mod house;
mod images;
mod injection;
mod isolation;
mod lifecycle;
mod never_blinks;
mod people;
mod protocols;
mod proxies;
mod quota;
mod reach;
mod recovery;
mod running_apps;
mod schema;
mod security;
mod sharing;
mod ssh;
mod ssh_keys;
mod statements;
mod story;
mod subscriptions;
mod survives;
mod templates;
mod terminal;
mod tunnels;
mod volumes;
