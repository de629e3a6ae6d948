//! Failures of queries and subscriptions as GraphQL errors. Mutations answer with problems instead.

use async_graphql::{Error, ErrorExtensions, Result};
use spaceport_domain::problem::{Problem, ProblemCode};

use super::types::problem;
use crate::app::{AppError, AppResult, Done};

/// An error whose `extensions.code` is the problem's.
fn refused(problems: &[Problem]) -> Error {
    let code = problems
        .first()
        .map_or(ProblemCode::InvalidInput, |problem| problem.code);
    let messages: Vec<_> = problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    let code = problem::code_text(code);
    Error::new(messages.join("; ")).extend_with(|_, extensions| extensions.set("code", code))
}

/// An error that tells the caller nothing but that it is our fault; the log knows the cause.
fn internal(cause: &(dyn std::error::Error + Send + Sync)) -> Error {
    tracing::error!(error = %cause, "an operation failed");
    Error::new("internal error").extend_with(|_, extensions| extensions.set("code", "INTERNAL"))
}

impl From<AppError> for Error {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Refused(problems) => refused(&problems),
            AppError::Internal(cause) => internal(cause.as_ref()),
        }
    }
}

/// What a mutation answers: the thing and the cursor, or problems as data. Only what is our fault
/// is an error.
pub(super) fn answer<T>(
    result: AppResult<Done<T>>,
) -> Result<(Option<T>, Vec<Problem>, Option<String>)> {
    match result {
        Ok(done) => Ok((Some(done.value), Vec::new(), Some(done.cursor.to_string()))),
        Err(AppError::Refused(problems)) => Ok((None, problems, None)),
        Err(error) => Err(error.into()),
    }
}
