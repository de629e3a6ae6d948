//! Everything a caller can get wrong, each with a stable code.
//!
//! Codes are never renamed or reused: clients branch on them. The message is for people and may
//! change.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::quota::Exceeded;

/// The code of a [`Problem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProblemCode {
    /// A value is not acceptable; the path names it.
    InvalidInput,
    /// The thing doesn't exist, or the caller may not know that it does.
    NotFound,
    /// The caller may know of the thing but may not do this.
    Forbidden,
    /// User name or password is wrong.
    InvalidCredentials,
    /// The name is in use.
    NameTaken,
    /// The SSH key is in use.
    KeyTaken,
    /// The thing's state doesn't allow this now.
    InvalidTransition,
    /// The user still has spaces.
    HasSpaces,
    /// Nobody would be left who may manage users.
    LastManager,
    /// A limit would be passed.
    QuotaExceeded,
    /// The template is deleted or not offered to the caller.
    TemplateUnavailable,
    /// The space's template doesn't enable the feature.
    FeatureDisabled,
    /// The template's image has no program for the feature.
    FeatureUnavailable,
    /// The container engine can't be reached.
    EngineUnavailable,
    /// The thing changed since the caller read it.
    RevisionConflict,
    /// Too many attempts; try again later.
    RateLimited,
}

/// Something a caller can expect to go wrong, as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What went wrong.
    pub code: ProblemCode,
    /// The same for a person.
    pub message: String,
    /// The input field it concerns, from the outside in; empty when it concerns none.
    pub path: Vec<String>,
    /// The numbers, when a limit would be passed.
    pub exceeded: Option<Exceeded>,
    /// After how long another attempt may succeed, when there were too many.
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// A problem that concerns no single input field.
    pub fn new(code: ProblemCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            path: Vec::new(),
            exceeded: None,
            retry_after: None,
        }
    }

    /// An unacceptable value at `path`.
    pub fn input<P: Into<String>>(
        path: impl IntoIterator<Item = P>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(ProblemCode::InvalidInput, message).at(path)
    }

    /// The thing doesn't exist for this caller.
    pub fn not_found(what: &str) -> Self {
        Self::new(ProblemCode::NotFound, format!("there is no such {what}"))
    }

    /// There is too much of something, as `reason` says; another attempt may succeed after `retry_after`.
    pub fn rate_limited(reason: impl fmt::Display, retry_after: Duration) -> Self {
        let message = match retry_after.as_millis().div_ceil(1000) {
            1 => format!("{reason}: try again in 1 second"),
            seconds => format!("{reason}: try again in {seconds} seconds"),
        };
        Self {
            retry_after: Some(retry_after),
            ..Self::new(ProblemCode::RateLimited, message)
        }
    }

    /// The same problem, concerning the input field at `path`.
    #[must_use]
    pub fn at<P: Into<String>>(mut self, path: impl IntoIterator<Item = P>) -> Self {
        self.path = path.into_iter().map(Into::into).collect();
        self
    }
}

impl From<Exceeded> for Problem {
    fn from(exceeded: Exceeded) -> Self {
        Self {
            exceeded: Some(exceeded),
            ..Self::new(ProblemCode::QuotaExceeded, exceeded.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_too_fast_is_told_once_how_long_to_wait() {
        let message = |ms| Problem::rate_limited("too many", Duration::from_millis(ms)).message;
        assert_eq!(message(1), "too many: try again in 1 second");
        assert_eq!(message(1_001), "too many: try again in 2 seconds");
    }
}
