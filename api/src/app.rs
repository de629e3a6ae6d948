//! What can be done: every query and mutation, without the protocol it comes by.
//!
//! Each action begins with an [`Actor`], finds only what that actor may see, decides by the rules
//! of `spaceport_domain`, and makes its change, its events and its audit entry in one transaction.

use std::sync::Arc;

use spaceport_domain::{
    event::Cursor,
    problem::{Problem, ProblemCode},
    time::Timestamp,
};

use crate::{
    auth::{
        agent_secrets::AgentSecrets,
        attempts::Attempts,
        keys::Keys,
        last_use::LastUses,
        password::PasswordError,
        seal::{Seal, SealError},
        sign_in::OpenSignIns,
    },
    clock::Clock,
    engine::{Engine, EngineError},
    events::EventLog,
    settings::Settings,
    store::{Change, Store, StoreError},
};

pub mod apps;
pub mod bootstrap;
pub mod cli_sign_in;
pub mod departures;
mod features;
pub mod groups;
pub mod handover;
pub mod observation;
pub mod origin;
pub mod roles;
pub mod routes;
pub mod sessions;
pub mod sharing;
pub mod sign_in;
pub mod spaces;
pub mod ssh_keys;
pub mod subscriptions;
pub mod templates;
pub mod tokens;
pub mod tunnels;
pub mod users;

#[doc(no_inline)]
pub use origin::Origin;
#[doc(no_inline)]
pub use spaceport_domain::access::Actor;

/// Everything an action needs.
pub struct App {
    /// What is remembered.
    pub store: Store,
    /// What is told of changes.
    pub events: EventLog,
    /// What runs containers; actions only ask it what goes on.
    pub engine: Arc<dyn Engine>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// What the operator set.
    pub settings: Settings,
    /// Signs sign-ins.
    pub keys: Keys,
    /// What the agents in spaces believe the edge by.
    pub agent_secrets: AgentSecrets,
    /// Seals secret parameters.
    pub seal: Seal,
    /// What runs on which sign-in.
    pub sign_ins: OpenSignIns,
    /// Attempts to sign in.
    pub attempts: Attempts,
    /// When credentials were last used.
    pub last_uses: LastUses,
    /// What the edge signs in with.
    pub edge_token: String,
}

impl App {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What was asked for is so already: nothing changes.
    async fn already_so<T>(&self, change: Change, value: T) -> AppResult<Done<T>> {
        change.abandon().await?;
        let cursor = self.store.current_head().await?;
        Ok(Done { value, cursor })
    }
}

/// What a successful mutation leaves behind.
#[derive(Clone, Debug)]
pub struct Done<T> {
    /// The thing after the change.
    pub value: T,
    /// The position in the event log that includes the change.
    pub cursor: Cursor,
}

/// Why an action was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The caller's doing, as data.
    #[error("{}", .0.iter().map(|it| it.message.as_str()).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Problem>),
    /// Ours. The cause is for the log, never for the caller.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<Problem> for AppError {
    fn from(problem: Problem) -> Self {
        Self::Refused(vec![problem])
    }
}

impl From<Vec<Problem>> for AppError {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Refused(problems)
    }
}

macro_rules! internal {
    ($($error:ty),*) => {$(
        impl From<$error> for AppError {
            fn from(error: $error) -> Self {
                Self::Internal(Box::new(error))
            }
        }
    )*};
}

internal!(SealError, EngineError, crate::auth::keys::KeyError);

impl From<PasswordError> for AppError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Problem::new(ProblemCode::RateLimited, error.to_string()).into(),
            error @ PasswordError::Failed(_) => Self::Internal(Box::new(error)),
        }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken => {
                Problem::new(ProblemCode::NameTaken, "the name has just been taken").into()
            }
            error @ (StoreError::ActorDeparted | StoreError::AccessChanged) => {
                Problem::new(ProblemCode::Forbidden, error.to_string()).into()
            }
            error => Self::Internal(Box::new(error)),
        }
    }
}

/// The result of an action.
pub type AppResult<T> = Result<T, AppError>;
