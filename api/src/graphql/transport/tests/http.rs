use std::{fmt::Write as _, time::Duration};

use axum::{
    body::Body,
    http::{Request, Response, StatusCode, header},
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{
    super::{StatusProfile, TransportConfig, TransportLimits},
    Site,
};

const MODERN: &str = "application/graphql-response+json";

fn site() -> Site {
    Site::new(TransportConfig::default())
}

impl Site {
    pub(super) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn ask(&self, body: &Value) -> (StatusCode, Value) {
        read(self.send(post(body)).await).await
    }

    async fn query(&self, query: &str) -> (StatusCode, Value) {
        self.ask(&json!({"query": query})).await
    }
}

fn post(body: &Value) -> Request<Body> {
    Request::post("/graphql")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, MODERN)
        .body(body.to_string().into())
        .unwrap()
}

pub(super) fn get(query: &str, accept: &str) -> Request<Body> {
    let mut encoded = String::new();
    for byte in query.bytes() {
        let _ = write!(encoded, "%{byte:02x}");
    }
    Request::get(format!("/graphql?query={encoded}"))
        .header(header::ACCEPT, accept)
        .body(Body::empty())
        .unwrap()
}

async fn read(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

fn code(body: &Value) -> &str {
    body["errors"][0]["extensions"]["code"].as_str().unwrap()
}

#[tokio::test]
async fn a_query_is_answered_in_the_modern_form() {
    let response = site().send(post(&json!({"query": "{ hello }"}))).await;
    let headers = response.headers();
    assert_eq!(
        headers[header::CONTENT_TYPE],
        format!("{MODERN}; charset=utf-8")
    );
    assert!(headers.contains_key("x-request-id"));
    assert_eq!(
        read(response).await,
        (StatusCode::OK, json!({"data": {"hello": "world"}}))
    );
}

#[tokio::test]
async fn every_refusal_has_its_status_and_code() {
    let site = site();
    for (query, status, expected) in [
        ("{", 400, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", 400, "GRAPHQL_VALIDATION_FAILED"),
        (
            "query($n: String!) { echo(text: $n) }",
            400,
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "query A { hello } query B { hello }",
            400,
            "OPERATION_RESOLUTION_FAILURE",
        ),
        (
            "{ ...A } fragment A on Query { ...A }",
            400,
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "query($n: String = 1) { echo(text: $n) }",
            400,
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "{ chosen(by: {number: 1, text: \"a\"}) }",
            400,
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("subscription { count(to: 1) }", 406, "NOT_ACCEPTABLE"),
        ("{ panicking }", 500, "INTERNAL"),
        ("{ failing }", 200, "INTERNAL"),
        ("{ coded }", 200, "RATE_LIMITED"),
    ] {
        let (actual, body) = site.query(query).await;
        assert_eq!(
            (actual.as_u16(), code(&body)),
            (status, expected),
            "{query}"
        );
        assert_eq!(body.get("data").is_some(), status == 200, "{query}");
        assert!(!body.to_string().contains("hunter2"));
    }
    let defaulted = "query($n: String! = \"a\") { echo(text: $n) }";
    assert_eq!(site.query(defaulted).await.0, StatusCode::OK);
    let mistakes = "x".to_owned() + &" nothing".repeat(40);
    let many = format!("{{ own {{ {mistakes} {mistakes} {mistakes} }} }}");
    let (_, body) = site.query(&many).await;
    assert_eq!(body["errors"].as_array().map(Vec::len), Some(100));
    let deep = "{ own ".repeat(30) + "{ hello }" + &"}".repeat(30);
    let (status, body) = site.query(&deep).await;
    assert_eq!(
        (status.as_u16(), code(&body)),
        (400, "DOCUMENT_TOO_COMPLEX")
    );
    assert_eq!(body["errors"][0]["extensions"]["limit"], "depth");
}

#[tokio::test]
async fn the_draft_profile_has_codes_of_its_own() {
    let site = Site::new(TransportConfig {
        status_profile: StatusProfile::Draft,
        ..TransportConfig::default()
    });
    for (query, status) in [
        ("{ hello }", 200),
        ("{", 400),
        ("{ nothing }", 422),
        ("{ hello failing }", 294),
    ] {
        assert_eq!(site.query(query).await.0.as_u16(), status, "{query}");
    }
}

#[tokio::test]
async fn the_older_form_is_200_whenever_it_was_a_request() {
    let site = site();
    for (body, status) in [
        ("{\"query\": \"{\"}", 200),
        ("{\"query\": \"{ nothing }\"}", 200),
        ("{", 400),
    ] {
        let mut request = post(&json!(null));
        *request.body_mut() = body.into();
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, "application/json".parse().unwrap());
        assert_eq!(site.send(request).await.status().as_u16(), status, "{body}");
    }
}

#[tokio::test]
async fn get_runs_queries_alone() {
    let site = site();
    let (status, body) = read(site.send(get("{ hello }", MODERN)).await).await;
    assert_eq!(
        (status, &body["data"]["hello"]),
        (StatusCode::OK, &json!("world"))
    );
    let mutation = get("mutation { write(n: 1, afterMs: 0) }", MODERN);
    let response = site.send(mutation).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[header::ALLOW], "POST");
    assert_eq!(code(&read(response).await.1), "METHOD_NOT_ALLOWED");
    assert!(site.schema.written.lock().unwrap().is_empty());
    let named = "query A { hello } mutation B { write(n: 1, afterMs: 0) }";
    let mut request = get(named, MODERN);
    let uri = format!("{}&operationName=A", request.uri());
    *request.uri_mut() = uri.parse().unwrap();
    assert_eq!(site.send(request).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn other_methods_are_told_what_is_allowed() {
    let mut request = post(&json!({}));
    *request.method_mut() = "PUT".parse().unwrap();
    let response = site().send(request).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[header::ALLOW], "GET, POST");
}

#[tokio::test]
async fn pages_of_foreign_origins_can_send_no_body_we_take() {
    let site = site();
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ] {
        let mut request = post(&json!({"query": "mutation { write(n: 1, afterMs: 0) }"}));
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        let (status, body) = read(site.send(request).await).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(code(&body), "UNSUPPORTED_MEDIA_TYPE");
    }
    assert!(site.schema.written.lock().unwrap().is_empty());
}

#[tokio::test]
async fn callers_are_known_by_their_credentials() {
    let site = site();
    for (credentials, status, expected) in [
        ("Bearer bad", 401, "UNAUTHENTICATED"),
        ("Bearer limited", 429, "RATE_LIMITED"),
        ("Bearer barred", 403, "FORBIDDEN"),
        ("Bearer broken", 503, "UNAVAILABLE"),
    ] {
        let mut request = post(&json!({"query": "{ hello }"}));
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, credentials.parse().unwrap());
        let response = site.send(request).await;
        let challenge = response.headers().contains_key(header::WWW_AUTHENTICATE);
        let retry = response.headers().get(header::RETRY_AFTER).cloned();
        let (actual, body) = read(response).await;
        assert_eq!((actual.as_u16(), code(&body)), (status, expected));
        assert_eq!(challenge, status == 401);
        assert_eq!(retry.is_some_and(|after| after == "2"), status == 429);
        assert!(!body.to_string().contains("database"));
    }
    let (_, body) = site.query("{ caller }").await;
    assert_eq!(body["data"]["caller"], "nobody");
}

#[tokio::test]
async fn two_credentials_are_none() {
    let mut request = post(&json!({"query": "{ hello }"}));
    let headers = request.headers_mut();
    headers.append(header::AUTHORIZATION, "Bearer good".parse().unwrap());
    headers.append(header::AUTHORIZATION, "Bearer good".parse().unwrap());
    assert_eq!(
        site().send(request).await.status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn strangers_cannot_read_the_schema() {
    let site = site();
    let query = json!({"query": "{ __schema { queryType { name } } }"});
    let response = site.send(post(&query)).await;
    assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    let (status, body) = read(response).await;
    assert_eq!((status.as_u16(), code(&body)), (401, "UNAUTHENTICATED"));
    let (_, body) = site.query("{ __type(name: \"Query\") { name } }").await;
    assert_eq!(body, json!({"data": {"__type": null}}));
    let mut request = post(&query);
    let headers = request.headers_mut();
    headers.insert(header::AUTHORIZATION, "Bearer good".parse().unwrap());
    let (_, body) = read(site.send(request).await).await;
    assert_eq!(body["data"]["__schema"]["queryType"]["name"], "Query");
}

#[tokio::test]
async fn bodies_are_bounded_in_size_and_time() {
    let site = Site::new(TransportConfig {
        limits: TransportLimits {
            body_bytes: 100,
            body_timeout: Duration::from_millis(50),
            ..TransportLimits::default()
        },
        ..TransportConfig::default()
    });
    let long = json!({"query": "{ hello }".to_owned() + &" ".repeat(100)});
    let (status, body) = site.ask(&long).await;
    assert_eq!((status.as_u16(), code(&body)), (413, "PAYLOAD_TOO_LARGE"));
    let chunks = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(" "));
    let mut endless = post(&json!(null));
    *endless.body_mut() = Body::from_stream(chunks);
    assert_eq!(
        site.send(endless).await.status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let mut silent = post(&json!(null));
    *silent.body_mut() =
        Body::from_stream(futures_util::stream::pending::<Result<&str, std::io::Error>>());
    assert_eq!(
        site.send(silent).await.status(),
        StatusCode::REQUEST_TIMEOUT
    );
}

#[tokio::test]
async fn big_variables_can_not_be_copied_many_times() {
    let uses = "echo(text: $t) ".repeat(100);
    let query = format!("query($t: String!) {{ own {{ {uses} }} }}");
    let text = "x".repeat(500_000);
    let (status, body) = site()
        .ask(&json!({"query": query, "variables": {"t": text}}))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["errors"][0]["extensions"]["limit"], "variableBytes");
}

#[tokio::test]
async fn a_batch_runs_in_order() {
    let batch = json!([
        {"query": "mutation { write(n: 1, afterMs: 50) }"},
        {"query": "{ nothing }"},
        {"query": "mutation { write(n: 2, afterMs: 0) }"},
    ]);
    let (status, body) = site().ask(&batch).await;
    assert_eq!((status.as_u16(), code(&body)), (400, "BAD_REQUEST"));
    let site = Site::new(TransportConfig {
        limits: TransportLimits {
            batch_operations: 3,
            ..TransportLimits::default()
        },
        ..TransportConfig::default()
    });
    let (status, body) = site.ask(&batch).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body[0], json!({"data": {"write": 1}}));
    assert_eq!(code(&body[1]), "GRAPHQL_VALIDATION_FAILED");
    assert_eq!(*site.schema.written.lock().unwrap(), [1, 2]);
}

#[tokio::test]
async fn a_mutation_ends_even_when_its_caller_hangs_up() {
    let site = site();
    let request = post(&json!({"query": "mutation { write(n: 7, afterMs: 100) }"}));
    let answer = tokio::time::timeout(Duration::from_millis(20), site.send(request)).await;
    assert!(answer.is_err());
    while site.schema.written.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn operations_are_bounded_in_time() {
    let site = Site::new(TransportConfig {
        limits: TransportLimits {
            execution_timeout: Duration::from_millis(20),
            ..TransportLimits::default()
        },
        ..TransportConfig::default()
    });
    let (status, body) = site.query("{ stuck }").await;
    assert_eq!((status.as_u16(), code(&body)), (504, "TIMEOUT"));
}

#[tokio::test]
async fn a_text_with_a_zero_byte_is_refused_wherever_it_stands() {
    let literal = json!({"query": "{ echo(text: \"a\\u0000\") }"});
    let variable = json!({
        "query": "query($text: String!) { echo(text: $text) }",
        "variables": {"text": "a\u{0}"},
    });
    for body in [literal, variable] {
        let (status, answer) = site().ask(&body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT",
            "{answer}"
        );
    }
}
