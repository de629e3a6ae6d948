//! How a space is, as its agent sees it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    VscodeTunnel,
    said::{self, REASON_MAX_CHARS},
};

/// How a space is, as its agent sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    /// The agent's version.
    pub version: String,
    /// The version of the protocol it speaks.
    pub protocol: u32,
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Its terminals.
    pub terminals: u32,
    /// Terminals in which something other than the shell runs in the foreground.
    pub busy_terminals: u32,
    /// Programs that were started by [`Service::Exec`] and run.
    pub executions: u32,
    /// Connections to services of the space that go through it.
    pub connections: u32,
    /// Seconds since somebody last typed, or bytes last went through it.
    pub idle_seconds: u64,
    /// The apps it runs, by name.
    pub apps: BTreeMap<String, App>,
}

/// An app that an agent runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct App {
    /// How it is.
    pub state: AppState,
    /// How often it was started again after it had ended.
    pub restarts: u32,
    /// Why it isn't running, or its last words.
    pub reason: Option<String>,
    /// What the program of Visual Studio Code's tunnel says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<VscodeTunnel>,
}

impl App {
    /// An app in `state` of which nothing else is known.
    pub const fn new(state: AppState) -> Self {
        Self {
            state,
            restarts: 0,
            reason: None,
            tunnel: None,
        }
    }

    /// The same, with nothing in it that isn't fit to be told on.
    #[must_use]
    pub fn fit(self) -> Self {
        let plain = |reason: String| said::plain(&reason, REASON_MAX_CHARS);
        Self {
            reason: self.reason.map(plain),
            tunnel: self.tunnel.map(VscodeTunnel::fit),
            ..self
        }
    }
}

/// How an app is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AppState {
    /// The image has no program for it.
    Absent,
    /// It is being started, and nothing listens yet where it serves.
    Starting,
    /// It runs.
    Running,
    /// It has ended and is started again after a while.
    Waiting,
    /// A state that is younger than this program.
    #[serde(other)]
    Other,
}
