//! What runs in a space beside its command.

use async_graphql::{Enum, SimpleObject};
use spaceport_domain::{agent, space};

use super::{enums::Feature, scalars::int};

/// What a space's agent runs beside the command: a program of the image.
#[derive(SimpleObject)]
pub struct SpaceApp {
    /// The feature that it serves.
    feature: Feature,
    /// How it is.
    state: SpaceAppState,
    /// How often it was started again after it had ended.
    restarts: i32,
    /// Why it isn't running, or its last words, for a person.
    reason: Option<String>,
    /// How Visual Studio Code's tunnel is. Absent of other apps, and where there is no program.
    tunnel: Option<VscodeTunnel>,
}

/// How an app is.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpaceAppState {
    /// It is being started, and doesn't serve yet.
    Starting,
    /// It runs.
    Running,
    /// It has ended and is started again after a while.
    Waiting,
    /// The image has no program for it.
    Absent,
}

/// How Visual Studio Code's own tunnel is, by what its program says.
#[derive(SimpleObject)]
pub struct VscodeTunnel {
    /// How it is.
    state: VscodeTunnelState,
    /// Where to sign in while it waits for that. Only who can use the feature is told, and only a page
    /// of GitHub or Microsoft that is for that: where the space names another one, there is a code
    /// and no page.
    login_url: Option<String>,
    /// What to enter there. Only who can use the feature is told: whoever enters it makes the tunnel
    /// theirs.
    login_code: Option<String>,
    /// What it is called among its user's tunnels while it is connected.
    name: Option<String>,
    /// Where it is opened in a browser while it is connected, when that is at `vscode.dev` or
    /// `insiders.vscode.dev`.
    url: Option<String>,
    /// Why it failed, for a person.
    reason: Option<String>,
}

/// How Visual Studio Code's own tunnel is.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum VscodeTunnelState {
    /// Its program hasn't said anything that tells.
    NotConfigured,
    /// Somebody must sign in.
    WaitingForLogin,
    /// Editors can connect.
    Connected,
    /// It doesn't come about, or has ended; it is tried again.
    Failed,
}

impl SpaceApp {
    /// What is shown to somebody who may or may not sign in to a tunnel.
    pub(super) fn shown(app: space::SpaceApp, may_sign_in: bool) -> Self {
        let space::SpaceApp { feature, app } = app;
        Self {
            feature: feature.into(),
            state: match app.state {
                agent::AppState::Absent => SpaceAppState::Absent,
                agent::AppState::Running => SpaceAppState::Running,
                agent::AppState::Waiting => SpaceAppState::Waiting,
                agent::AppState::Starting | agent::AppState::Other => SpaceAppState::Starting,
            },
            restarts: int(app.restarts),
            reason: app.reason,
            tunnel: app.tunnel.map(|it| VscodeTunnel::shown(it, may_sign_in)),
        }
    }
}

impl VscodeTunnel {
    fn shown(tunnel: agent::VscodeTunnel, may_sign_in: bool) -> Self {
        let nothing = Self {
            state: VscodeTunnelState::NotConfigured,
            login_url: None,
            login_code: None,
            name: None,
            url: None,
            reason: None,
        };
        match tunnel {
            agent::VscodeTunnel::NotConfigured | agent::VscodeTunnel::Other => nothing,
            agent::VscodeTunnel::WaitingForLogin { url, code } => Self {
                state: VscodeTunnelState::WaitingForLogin,
                login_url: url.filter(|_| may_sign_in),
                login_code: may_sign_in.then_some(code),
                ..nothing
            },
            agent::VscodeTunnel::Connected { name, url } => Self {
                state: VscodeTunnelState::Connected,
                name: Some(name),
                url,
                ..nothing
            },
            agent::VscodeTunnel::Failed { reason } => Self {
                state: VscodeTunnelState::Failed,
                reason: Some(reason),
                ..nothing
            },
        }
    }
}
