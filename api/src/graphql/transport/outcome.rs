//! What an operation came to, as it is sent.

use std::{collections::BTreeMap, sync::Arc};

use async_graphql::{Response, ServerError, Value};
use axum::http::{HeaderMap, StatusCode};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::{
    StatusProfile,
    fault::{Code, ERRORS_MAX, Fault, INTERNAL_MESSAGE, with_code},
};

/// What an operation came to.
#[derive(Debug)]
pub(super) struct Outcome {
    body: Body,
    /// Headers a resolver asked for.
    pub(super) headers: HeaderMap,
    /// What the refusal was, when nothing was executed.
    refusal: Option<Code>,
}

/// A response in the form of <https://spec.graphql.org/October2021/#sec-Response-Format>.
#[derive(Debug)]
enum Body {
    Made(Made),
    /// A response that was written for several clients.
    Written(Arc<RawValue>),
}

/// Errors first, and no `data` at all when nothing was executed.
#[derive(Debug, Serialize)]
struct Made {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ServerError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extensions: BTreeMap<String, Value>,
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.body {
            Body::Made(made) => made.serialize(serializer),
            Body::Written(json) => json.as_ref().serialize(serializer),
        }
    }
}

impl Outcome {
    /// Gives every error a code, and hides what is ours to know.
    pub(super) fn new(response: Response, request_id: &str) -> Self {
        // Errors of execution have the path of the field that failed; those before have none.
        let refused = response.data == Value::Null
            && !response.errors.is_empty()
            && response.errors.iter().all(|error| error.path.is_empty());
        let shown = if refused { ERRORS_MAX } else { usize::MAX };
        let errors = response.errors.into_iter().take(shown);
        let errors: Vec<_> = errors
            .map(|error| presentable(error, refused, request_id))
            .collect();
        let refusal = refused.then_some(Code::ValidationFailed);
        Self {
            body: Body::Made(Made {
                errors,
                data: (!refused).then_some(response.data),
                extensions: response.extensions,
            }),
            headers: response.http_headers,
            refusal,
        }
    }

    pub(super) fn refused(fault: Fault, request_id: &str) -> Self {
        let code = fault.code;
        let errors = fault.into_errors().into_iter();
        Self {
            body: Body::Made(Made {
                errors: errors
                    .map(|error| presentable(error, true, request_id))
                    .collect(),
                data: None,
                extensions: BTreeMap::new(),
            }),
            headers: HeaderMap::new(),
            refusal: Some(code),
        }
    }

    /// What was written for several clients.
    pub(super) fn written(json: Arc<RawValue>) -> Self {
        Self {
            body: Body::Written(json),
            headers: HeaderMap::new(),
            refusal: None,
        }
    }

    /// The response in JSON, to be sent to several clients; `None` when there is any error, which
    /// may be one of one client alone.
    pub(super) fn write(&self) -> Option<Arc<RawValue>> {
        if self.is_refusal() || !self.errors().is_empty() {
            return None;
        }
        serde_json::value::to_raw_value(self).ok().map(Arc::from)
    }

    /// Whether nothing was executed.
    pub(super) fn is_refusal(&self) -> bool {
        self.refusal.is_some()
    }

    pub(super) fn errors(&self) -> &[ServerError] {
        match &self.body {
            Body::Made(made) => &made.errors,
            Body::Written(_) => &[],
        }
    }

    /// The status of an `application/graphql-response+json` answer.
    pub(super) fn status(&self, profile: StatusProfile) -> StatusCode {
        match (self.refusal, profile) {
            (Some(code), profile) => code.status(profile),
            (None, StatusProfile::Draft) if !self.errors().is_empty() => partial_success(),
            (None, _) => StatusCode::OK,
        }
    }
}

/// 294, which the registry of status codes does not know yet.
fn partial_success() -> StatusCode {
    StatusCode::from_u16(294).unwrap_or(StatusCode::OK)
}

/// Fails closed: an error without a code is shown only where async-graphql wrote it, which is
/// before execution, or when it could not read an argument.
fn presentable(mut error: ServerError, refused: bool, request_id: &str) -> ServerError {
    let code = error
        .extensions
        .as_ref()
        .and_then(|known| known.get("code"));
    let internal = match code {
        Some(Value::String(code)) => code == Code::Internal.as_str(),
        Some(_) => false,
        None if refused => {
            return match LIMIT_MESSAGES
                .iter()
                .find(|(text, _)| *text == error.message)
            {
                Some((_, limit)) => {
                    let mut error = with_code(error, Code::DocumentTooComplex);
                    let extensions = error.extensions.get_or_insert_default();
                    extensions.set("limit", *limit);
                    error
                }
                None => with_code(error, Code::ValidationFailed),
            };
        }
        None if is_coercion(&error) => return with_code(error, Code::BadUserInput),
        None => {
            tracing::error!(
                request.id = request_id,
                error = error.message,
                path = ?error.path,
                "a resolver failed without a code"
            );
            INTERNAL_MESSAGE.clone_into(&mut error.message);
            error.extensions = None;
            error = with_code(error, Code::Internal);
            true
        }
    };
    if internal {
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("requestId", request_id);
    }
    error
}

/// What async-graphql says, without a code, of limits set on the schema.
const LIMIT_MESSAGES: [(&str, &str); 2] = [
    ("Query is too complex.", "complexity"),
    ("Query is nested too deep.", "depth"),
];

fn is_coercion(error: &ServerError) -> bool {
    let starts = [
        "Failed to parse \"",
        "Expected input type \"",
        "Invalid value for argument",
    ];
    error.source.is_none() && starts.iter().any(|start| error.message.starts_with(start))
}

#[cfg(test)]
mod tests {
    use async_graphql::{PathSegment, Pos};
    use serde_json::{Value as Json, json};

    use super::*;

    fn error(message: &str, path: &[&str]) -> ServerError {
        let path = path
            .iter()
            .map(|name| PathSegment::Field((*name).to_owned()));
        ServerError::new(message, None::<Pos>).with_path(path.collect())
    }

    fn sent(response: Response) -> Json {
        serde_json::to_value(Outcome::new(response, "r1")).unwrap()
    }

    #[test]
    fn what_was_not_executed_has_no_data() {
        let body = sent(Response::from_errors(vec![error("no such field", &[])]));
        assert_eq!(
            body,
            json!({"errors": [{
                "message": "no such field",
                "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"},
            }]})
        );
    }

    #[test]
    fn a_failed_root_has_data_null() {
        let body = sent(Response::from_errors(vec![error("secret", &["viewer"])]));
        assert_eq!(body["data"], Json::Null);
        assert!(body.as_object().unwrap().contains_key("data"));
    }

    #[test]
    fn uncoded_failures_are_hidden() {
        let body = sent(Response::from_errors(vec![error(
            "password=1",
            &["viewer"],
        )]));
        let error = &body["errors"][0];
        assert_eq!(error["message"], INTERNAL_MESSAGE);
        assert_eq!(
            error["extensions"],
            json!({"code": "INTERNAL", "requestId": "r1"})
        );
    }

    #[test]
    fn coded_failures_are_shown() {
        let coded = with_code(error("slow down", &["spaces"]), Code::RateLimited);
        let body = sent(Response::from_errors(vec![coded]));
        assert_eq!(body["errors"][0]["message"], "slow down");
        assert_eq!(
            body["errors"][0]["extensions"],
            json!({"code": "RATE_LIMITED"})
        );
    }

    #[test]
    fn statuses_follow_the_profile() {
        let refused = Outcome::new(Response::from_errors(vec![error("a", &[])]), "");
        assert_eq!(refused.status(StatusProfile::Audits), 400);
        assert_eq!(refused.status(StatusProfile::Draft), 422);
        let partial = Outcome::new(Response::from_errors(vec![error("a", &["b"])]), "");
        assert_eq!(partial.status(StatusProfile::Audits), 200);
        assert_eq!(partial.status(StatusProfile::Draft), 294);
        let whole = Outcome::new(Response::new(Value::from(1)), "");
        assert_eq!(whole.status(StatusProfile::Draft), 200);
    }
}
