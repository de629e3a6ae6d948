//! GraphQL over HTTP: <https://graphql.github.io/graphql-over-http/draft/>.
//!
//! A page of a foreign origin can make a browser send a GET or a POST, though not read the answer.
//! POST takes `application/json` alone, which browsers ask permission for. GET runs queries alone,
//! which change nothing, and callers are known by a bearer token, which browsers never add by
//! themselves. So neither needs a special header.

use std::{sync::Arc, time::Duration};

use async_graphql::{Executor, parser::types::OperationType};
use axum::{
    body::{Body as HttpBody, HttpBody as _},
    extract::{Query, Request},
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::Response,
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Serialize;

use super::{
    StatusProfile,
    accept::{self, Accepted, ResponseType},
    auth::{Authenticated, RequestInfo},
    endpoint::{Endpoint, credentials},
    event_stream,
    fault::{Code, Fault},
    operation::Operation,
    outcome::Outcome,
    params::{self, Body, Params},
};

/// Answers a GET or a POST.
pub(super) async fn answer<E: Executor>(
    endpoint: &Endpoint<E>,
    info: &RequestInfo,
    request: Request,
) -> Response {
    let profile = endpoint.config.status_profile;
    let accepted = accept::negotiate(request.headers(), profile);
    let method = request.method().clone();
    let form = accepted.response.unwrap_or(ResponseType::Json);
    let exchange = Exchange {
        endpoint,
        request_id: info.request_id.as_str().into(),
        accepted,
        form,
    };
    match exchange.run(info, request).await {
        Ok(response) => response,
        Err(fault) => refusal(fault, form, profile, &method, &info.request_id),
    }
}

/// One request on its way to its answer.
struct Exchange<'a, E> {
    endpoint: &'a Endpoint<E>,
    request_id: Arc<str>,
    accepted: Accepted,
    form: ResponseType,
}

impl<E: Executor> Exchange<'_, E> {
    /// # Errors
    ///
    /// A fault here is of HTTP: no GraphQL request was understood, or its caller is not let in.
    async fn run(&self, info: &RequestInfo, request: Request) -> Result<Response, Fault> {
        let get = request.method() == Method::GET;
        if !get && request.method() != Method::POST {
            return Err(Fault::new(
                Code::MethodNotAllowed,
                "Use POST, or GET for queries.",
            ));
        }
        if self.accepted.response.is_none() && !self.accepted.events {
            return Err(Fault::new(
                Code::NotAcceptable,
                "Answers are application/graphql-response+json, application/json or text/event-stream.",
            ));
        }
        if !get && !accept::is_json(request.headers()) {
            return Err(Fault::new(
                Code::UnsupportedMediaType,
                "A request must be application/json in UTF-8.",
            ));
        }
        let credentials = credentials(request.headers())?;
        let authenticate = &self.endpoint.authenticate;
        let caller = authenticate.authenticate(credentials, info).await?;
        let limits = &self.endpoint.config.limits;
        let body = if get {
            let pairs = query_pairs(request.uri())?;
            Body::Single(params::from_pairs(pairs, limits.json_depth)?)
        } else {
            let bytes = read(request.into_body(), limits.body_bytes, limits.body_timeout).await?;
            params::from_body(&bytes, limits.json_depth, limits.batch_operations)?
        };
        match body {
            Body::Single(params) => self.single(params, &caller, get).await,
            Body::Batch(batch) => self.batch(batch, &caller).await,
        }
    }

    async fn single(
        &self,
        params: Params,
        caller: &Authenticated,
        get: bool,
    ) -> Result<Response, Fault> {
        let operations = &self.endpoint.operations;
        let prepared = operations.prepare(params, caller, &self.request_id);
        let kind = prepared.as_ref().ok().map(|operation| operation.kind);
        if get && kind == Some(OperationType::Mutation) {
            return Err(Fault::new(Code::MethodNotAllowed, "A mutation needs POST."));
        }
        let streamed = match kind {
            Some(OperationType::Subscription) => self.accepted.events,
            _ => self.accepted.prefers_events,
        };
        if streamed {
            return event_stream::respond(self.endpoint, prepared, caller, &self.request_id);
        }
        let outcome = match prepared {
            Ok(operation) => self.execute(operation).await?,
            Err(fault) => Outcome::refused(fault, &self.request_id),
        };
        let profile = self.endpoint.config.status_profile;
        let status = status(&outcome, self.form, profile);
        let mut response = json(status, self.form, &outcome);
        let headers = response.headers_mut();
        headers.extend(outcome.headers);
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        Ok(response)
    }

    /// One after the other: a batch of mutations means their order.
    async fn batch(&self, batch: Vec<Params>, caller: &Authenticated) -> Result<Response, Fault> {
        if self.accepted.response.is_none() {
            return Err(Fault::new(
                Code::NotAcceptable,
                "A batch has no stream of events.",
            ));
        }
        let mut outcomes = Vec::with_capacity(batch.len());
        for params in batch {
            let operations = &self.endpoint.operations;
            let outcome = match operations.prepare(params, caller, &self.request_id) {
                Ok(operation) => self.execute(operation).await,
                Err(fault) => Err(fault),
            };
            outcomes
                .push(outcome.unwrap_or_else(|fault| Outcome::refused(fault, &self.request_id)));
        }
        Ok(json(StatusCode::OK, self.form, &outcomes))
    }

    async fn execute(&self, operation: Operation) -> Result<Outcome, Fault> {
        if operation.kind == OperationType::Subscription {
            return Err(Fault::new(
                Code::NotAcceptable,
                "A subscription is answered in text/event-stream, or over a WebSocket.",
            ));
        }
        Ok(self.endpoint.operations.execute(operation).await)
    }
}

/// What a 401 must say: RFC 9110, section 11.6.1.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer");

fn status(outcome: &Outcome, form: ResponseType, profile: StatusProfile) -> StatusCode {
    let status = outcome.status(profile);
    if form == ResponseType::Json && !status.is_server_error() {
        StatusCode::OK
    } else {
        status
    }
}

fn refusal(
    fault: Fault,
    form: ResponseType,
    profile: StatusProfile,
    method: &Method,
    request_id: &str,
) -> Response {
    let code = fault.code;
    let retry_after = fault.retry_after;
    let mut response = json(
        code.status(profile),
        form,
        &Outcome::refused(fault, request_id),
    );
    let headers = response.headers_mut();
    if code == Code::MethodNotAllowed {
        let allow = if method == Method::GET {
            "POST"
        } else {
            "GET, POST"
        };
        headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    if code == Code::Unauthenticated {
        headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
    }
    if let Some(after) = retry_after {
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A refusal of a request that is not for [`answer`].
pub(super) fn refuse(fault: Fault, request_id: &str) -> Response {
    let profile = StatusProfile::default();
    refusal(fault, ResponseType::Json, profile, &Method::GET, request_id)
}

fn json(status: StatusCode, form: ResponseType, body: &impl Serialize) -> Response {
    let (status, bytes) = match serde_json::to_vec(body) {
        Ok(bytes) => (status, bytes),
        Err(error) => {
            tracing::error!(%error, "a response can't be written as JSON");
            (StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
        }
    };
    let mut response = Response::new(HttpBody::from(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, form.header());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::VARY,
        HeaderValue::from_static("accept, authorization"),
    );
    response
}

fn query_pairs(uri: &Uri) -> Result<Vec<(String, String)>, Fault> {
    Query::try_from_uri(uri)
        .map(|Query(pairs)| pairs)
        .map_err(|_| Fault::new(Code::BadRequest, "The query of the URL can't be read."))
}

async fn read(body: HttpBody, limit: usize, timeout: Duration) -> Result<Bytes, Fault> {
    let too_large = || {
        Fault::new(
            Code::PayloadTooLarge,
            format!("A request may have {limit} bytes."),
        )
    };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let collected = tokio::time::timeout(timeout, Limited::new(body, limit).collect()).await;
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Fault::new(Code::BadRequest, "The body ended early.")),
        Err(_) => Err(Fault::new(
            Code::RequestTimeout,
            "The body took too long to arrive.",
        )),
    }
}
