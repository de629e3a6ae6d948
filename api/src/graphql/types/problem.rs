//! What a caller can expect to go wrong, as data.

use async_graphql::{Interface, SimpleObject};
use spaceport_domain::problem;

use super::{
    enums::{ProblemCode, QuotaResource},
    scalars::int,
};

/// Something a caller can expect to go wrong in a mutation.
#[derive(Interface)]
#[graphql(
    field(
        name = "code",
        ty = "&ProblemCode",
        desc = "What went wrong, in one stable word."
    ),
    field(
        name = "message",
        ty = "&String",
        desc = "The same for a person; it may change."
    ),
    field(
        name = "path",
        ty = "&Option<Vec<String>>",
        desc = "The input field it concerns, from the outside in, where it concerns one."
    )
)]
pub enum Problem {
    /// A value is not acceptable.
    Input(InputProblem),
    /// The thing, or its name, is in another state than the caller expects.
    Conflict(ConflictProblem),
    /// A limit would be passed.
    Quota(QuotaProblem),
    /// The thing doesn't exist for this caller, or they may not do this.
    Access(AccessProblem),
    /// Something Spaceport needs is not available now.
    Service(ServiceProblem),
}

/// A value is not acceptable: `INVALID_INPUT`.
#[derive(SimpleObject)]
pub struct InputProblem {
    /// What went wrong, in one stable word.
    code: ProblemCode,
    /// The same for a person; it may change.
    message: String,
    /// The input field it concerns, from the outside in.
    path: Option<Vec<String>>,
}

/// The thing, or its name, is in another state than the caller expects: `NAME_TAKEN`,
/// `KEY_TAKEN`, `INVALID_TRANSITION`, `HAS_SPACES`, `LAST_MANAGER`, `REVISION_CONFLICT`.
#[derive(SimpleObject)]
pub struct ConflictProblem {
    /// What went wrong, in one stable word.
    code: ProblemCode,
    /// The same for a person; it may change.
    message: String,
    /// The input field it concerns, from the outside in, where it concerns one.
    path: Option<Vec<String>>,
}

/// A limit would be passed: `QUOTA_EXCEEDED`. Nothing was changed.
#[derive(SimpleObject)]
pub struct QuotaProblem {
    /// What went wrong, in one stable word.
    code: ProblemCode,
    /// The same for a person; it may change.
    message: String,
    /// The input field it concerns, from the outside in, where it concerns one.
    path: Option<Vec<String>>,
    /// What there is too little of.
    resource: QuotaResource,
    /// The effective limit: the user's own and what their groups grant.
    limit: i32,
    /// What is in use.
    used: i32,
    /// What was asked for in addition.
    requested: i32,
}

/// The thing doesn't exist for this caller, or they may not do this: `NOT_FOUND`, `FORBIDDEN`,
/// `INVALID_CREDENTIALS`, `TEMPLATE_UNAVAILABLE`, `FEATURE_DISABLED`.
#[derive(SimpleObject)]
pub struct AccessProblem {
    /// What went wrong, in one stable word.
    code: ProblemCode,
    /// The same for a person; it may change.
    message: String,
    /// The input field it concerns, from the outside in, where it concerns one.
    path: Option<Vec<String>>,
}

/// Something Spaceport needs is not available now: `ENGINE_UNAVAILABLE`, `RATE_LIMITED`. Trying
/// again later may help.
#[derive(SimpleObject)]
pub struct ServiceProblem {
    /// What went wrong, in one stable word.
    code: ProblemCode,
    /// The same for a person; it may change.
    message: String,
    /// The input field it concerns, from the outside in, where it concerns one.
    path: Option<Vec<String>>,
    /// After how many seconds another attempt may succeed, where that is known.
    retry_after_seconds: Option<i32>,
}

impl From<problem::Problem> for Problem {
    fn from(problem: problem::Problem) -> Self {
        use problem::ProblemCode as Code;
        let code = problem.code.into();
        let message = problem.message;
        let path = (!problem.path.is_empty()).then_some(problem.path);
        if let Some(exceeded) = problem.exceeded {
            return Self::Quota(QuotaProblem {
                code,
                message,
                path,
                resource: exceeded.resource.into(),
                limit: int(exceeded.limit),
                used: int(exceeded.used),
                requested: int(exceeded.requested),
            });
        }
        match problem.code {
            Code::InvalidInput | Code::QuotaExceeded => Self::Input(InputProblem {
                code,
                message,
                path,
            }),
            Code::NameTaken
            | Code::KeyTaken
            | Code::InvalidTransition
            | Code::HasSpaces
            | Code::LastManager
            | Code::RevisionConflict => Self::Conflict(ConflictProblem {
                code,
                message,
                path,
            }),
            Code::NotFound
            | Code::Forbidden
            | Code::InvalidCredentials
            | Code::TemplateUnavailable
            | Code::FeatureDisabled
            | Code::FeatureUnavailable => Self::Access(AccessProblem {
                code,
                message,
                path,
            }),
            Code::EngineUnavailable | Code::RateLimited => Self::Service(ServiceProblem {
                code,
                message,
                path,
                retry_after_seconds: problem.retry_after.map(whole_seconds),
            }),
        }
    }
}

/// Rounded up: who waits as long as this has waited long enough.
fn whole_seconds(duration: std::time::Duration) -> i32 {
    int(duration.as_millis().div_ceil(1000))
}

/// The problems of a payload.
pub(crate) fn all(problems: Vec<problem::Problem>) -> Vec<Problem> {
    problems.into_iter().map(Problem::from).collect()
}

/// A code as `extensions.code` spells it.
pub(crate) fn code_text(code: problem::ProblemCode) -> String {
    let spelled = serde_json::to_value(code).ok();
    spelled
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
