//! What the transport itself refuses, and the codes it does so with.

use std::{fmt::Write as _, time::Duration};

use async_graphql::{ErrorExtensionValues, Pos, ServerError, Value, parser};
use axum::http::StatusCode;

use super::{StatusProfile, auth::AuthError};

/// The codes in `extensions.code` of errors that do not come from a resolver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// The request is not one: no JSON, no `query`, a parameter of the wrong type.
    BadRequest,
    /// The client accepts none of our media types.
    NotAcceptable,
    /// The body is not `application/json` in UTF-8.
    UnsupportedMediaType,
    /// The body or the message is too long.
    PayloadTooLarge,
    /// The body took too long to arrive.
    RequestTimeout,
    /// The method is neither GET nor POST, or a mutation came by GET.
    MethodNotAllowed,
    /// The document is not GraphQL.
    ParseFailed,
    /// The document does not fit the schema, or a variable does not fit its type.
    ValidationFailed,
    /// No operation has the name, or several could be meant.
    OperationNotFound,
    /// The document or its variables exceed a limit, which `extensions.limit` names.
    DocumentTooComplex,
    /// An argument has a value its type does not allow, found when the field was resolved.
    BadUserInput,
    /// One WebSocket runs as many operations as it may.
    TooManyOperations,
    /// The credentials are not valid, or are no longer.
    Unauthenticated,
    /// The caller is known and not let in; or a page of a foreign origin opens a WebSocket.
    Forbidden,
    /// Too many attempts; `Retry-After` says when to try again.
    RateLimited,
    /// The server can't take more now.
    Unavailable,
    /// The operation took too long.
    Timeout,
    /// Our fault. The cause is in the log, under `extensions.requestId`.
    Internal,
}

impl Code {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::NotAcceptable => "NOT_ACCEPTABLE",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::RequestTimeout => "REQUEST_TIMEOUT",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::OperationNotFound => "OPERATION_RESOLUTION_FAILURE",
            Self::DocumentTooComplex => "DOCUMENT_TOO_COMPLEX",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::TooManyOperations => "TOO_MANY_OPERATIONS",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::RateLimited => "RATE_LIMITED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Timeout => "TIMEOUT",
            Self::Internal => "INTERNAL",
        }
    }

    pub(super) fn status(self, profile: StatusProfile) -> StatusCode {
        match self {
            Self::BadRequest | Self::ParseFailed | Self::BadUserInput => StatusCode::BAD_REQUEST,
            Self::ValidationFailed | Self::OperationNotFound | Self::DocumentTooComplex => {
                match profile {
                    StatusProfile::Audits => StatusCode::BAD_REQUEST,
                    StatusProfile::Draft => StatusCode::UNPROCESSABLE_ENTITY,
                }
            }
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::RateLimited | Self::TooManyOperations => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// A refusal: its errors, mostly one, and what HTTP says about it.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) retry_after: Option<Duration>,
    errors: Vec<ServerError>,
}

/// How many errors a refusal tells. A document of a few bytes per mistake would get an answer of
/// hundreds for each.
pub(super) const ERRORS_MAX: usize = 100;

impl Fault {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self::of_errors(code, [ServerError::new(message, None)])
    }

    /// Several errors of one kind, of which the first are told.
    pub(super) fn of_errors(code: Code, errors: impl IntoIterator<Item = ServerError>) -> Self {
        let errors = errors.into_iter().take(ERRORS_MAX);
        Self {
            code,
            retry_after: None,
            errors: errors.map(|error| with_code(error, code)).collect(),
        }
    }

    /// A limit of [`super::DocumentLimits`] is exceeded.
    pub(super) fn too_complex(limit: &str, max: usize) -> Self {
        let mut fault = Self::new(
            Code::DocumentTooComplex,
            format!("The document exceeds the limit of {max} for {limit}."),
        );
        for error in &mut fault.errors {
            let extensions = error.extensions.get_or_insert_default();
            extensions.set("limit", limit);
            extensions.set("max", max as u64);
        }
        fault
    }

    /// Our fault; whoever makes it has logged why.
    pub(super) fn internal() -> Self {
        Self::new(Code::Internal, INTERNAL_MESSAGE)
    }

    pub(super) fn at(mut self, position: Pos) -> Self {
        for error in &mut self.errors {
            error.locations.push(position);
        }
        self
    }

    /// A measure of how much memory it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let sizes = self.errors.iter().map(|error| error.message.len());
        size_of::<Self>() + sizes.sum::<usize>() + self.errors.len() * size_of::<ServerError>()
    }

    pub(super) fn into_errors(self) -> Vec<ServerError> {
        self.errors
    }
}

impl From<parser::Error> for Fault {
    fn from(error: parser::Error) -> Self {
        Self::of_errors(Code::ParseFailed, [error.into()])
    }
}

impl From<AuthError> for Fault {
    fn from(error: AuthError) -> Self {
        let mut message = String::new();
        let _ = write!(message, "{error}");
        match error {
            AuthError::Invalid => Self::new(Code::Unauthenticated, message),
            AuthError::Forbidden => Self::new(Code::Forbidden, message),
            AuthError::RateLimited { retry_after } => Self {
                retry_after: Some(retry_after),
                ..Self::new(Code::RateLimited, message)
            },
            AuthError::Unavailable(cause) => {
                tracing::error!(error = format!("{cause:#}"), "credentials can't be checked");
                Self::new(Code::Unavailable, message)
            }
        }
    }
}

/// What a caller reads instead of an internal cause.
pub(super) const INTERNAL_MESSAGE: &str = "Something went wrong on our side.";

/// Gives an error its code.
pub(super) fn with_code(mut error: ServerError, code: Code) -> ServerError {
    let extensions = error
        .extensions
        .get_or_insert_with(ErrorExtensionValues::default);
    extensions.set("code", Value::from(code.as_str()));
    error
}
