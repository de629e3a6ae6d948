use std::time::Duration;

use axum::{
    body::Body,
    http::{Request, Response, header},
};
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;

use super::{
    super::{ConnectionLimits, TransportConfig, TransportLimits},
    Site,
    http::get,
};

fn site() -> Site {
    Site::new(TransportConfig::default())
}

fn ask(query: &str) -> Request<Body> {
    get(query, "text/event-stream")
}

fn signed_in(query: &str) -> Request<Body> {
    let mut request = ask(query);
    let headers = request.headers_mut();
    headers.insert(header::AUTHORIZATION, "Bearer good".parse().unwrap());
    request
}

async fn text(response: Response<Body>) -> String {
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "text/event-stream; charset=utf-8"
    );
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.into()).unwrap()
}

async fn until(done: impl Fn() -> bool) {
    while !done() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_subscription_is_a_stream_of_events() {
    let stream = text(site().send(ask("subscription { count(to: 2) }")).await).await;
    assert_eq!(
        stream,
        ":\n\n\
         event: next\ndata: {\"data\":{\"count\":1}}\n\n\
         event: next\ndata: {\"data\":{\"count\":2}}\n\n\
         event: complete\ndata:\n\n"
    );
}

#[tokio::test]
async fn a_query_is_a_stream_of_one_event() {
    let stream = text(site().send(ask("{ hello }")).await).await;
    assert_eq!(
        stream,
        ":\n\nevent: next\ndata: {\"data\":{\"hello\":\"world\"}}\n\nevent: complete\ndata:\n\n"
    );
}

#[tokio::test]
async fn what_is_wrong_with_the_document_is_told_in_the_stream() {
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "subscription { a: count(to: 1) b: count(to: 1) }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("subscription { refused }", "NOT_FOUND"),
        ("subscription { panicking }", "INTERNAL"),
    ] {
        let stream = text(site().send(ask(query)).await).await;
        assert!(stream.contains(&format!("\"code\":\"{code}\"")), "{stream}");
        assert!(stream.ends_with("event: complete\ndata:\n\n"), "{stream}");
    }
}

#[tokio::test]
async fn what_is_no_request_is_told_by_status() {
    let site = site();
    let mutation = site.send(ask("mutation { write(n: 1, afterMs: 0) }")).await;
    assert_eq!(mutation.status(), 405);
    let mut bad = ask("{ hello }");
    let headers = bad.headers_mut();
    headers.insert(header::AUTHORIZATION, "Bearer bad".parse().unwrap());
    assert_eq!(site.send(bad).await.status(), 401);
    let empty = Request::get("/graphql").header(header::ACCEPT, "text/event-stream");
    let empty = empty.body(Body::empty()).unwrap();
    assert_eq!(site.send(empty).await.status(), 400);
}

#[tokio::test]
async fn a_subscription_needs_no_accept_of_its_own() {
    let response = site()
        .send(get("subscription { count(to: 1) }", "*/*"))
        .await;
    assert!(text(response).await.contains("event: next"));
}

#[tokio::test]
async fn the_stream_is_kept_alive() {
    let site = Site::new(TransportConfig {
        limits: TransportLimits {
            connection: ConnectionLimits {
                ping_interval: Duration::from_millis(10),
                ..ConnectionLimits::default()
            },
            ..TransportLimits::default()
        },
        ..TransportConfig::default()
    });
    let response = site.send(ask("subscription { forever }")).await;
    let mut frames = response.into_body().into_data_stream();
    for _ in 0..3 {
        assert_eq!(frames.next().await.unwrap().unwrap().as_ref(), b":\n\n");
    }
}

#[tokio::test]
async fn the_end_of_the_sign_in_ends_the_stream() {
    let site = site();
    let response = site.send(signed_in("subscription { forever }")).await;
    until(|| site.schema.running() == 1).await;
    site.doorman.ending.cancel();
    let stream = text(response).await;
    assert!(stream.contains("\"code\":\"UNAUTHENTICATED\""), "{stream}");
    assert!(stream.ends_with("event: complete\ndata:\n\n"), "{stream}");
    until(|| site.schema.running() == 0).await;
}

#[tokio::test]
async fn a_stopping_server_ends_streams_without_completing_them() {
    let config = TransportConfig::default();
    let shutdown = config.shutdown.clone();
    let response = Site::new(config)
        .send(ask("subscription { forever }"))
        .await;
    shutdown.cancel();
    assert_eq!(text(response).await, ":\n\n");
}

#[tokio::test]
async fn a_client_that_leaves_stops_its_subscription() {
    let site = site();
    let response = site.send(ask("subscription { forever }")).await;
    until(|| site.schema.running() == 1).await;
    drop(response);
    until(|| site.schema.running() == 0).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_back_its_source_and_is_cut_off() {
    let site = Site::new(TransportConfig {
        limits: TransportLimits {
            connections: 1,
            connection: ConnectionLimits {
                write_timeout: Duration::from_millis(50),
                ..ConnectionLimits::default()
            },
            ..TransportLimits::default()
        },
        ..TransportConfig::default()
    });
    let _unread = site.send(ask("subscription { fast }")).await;
    assert_eq!(site.send(ask("{ hello }")).await.status(), 503);
    loop {
        if site.send(ask("{ hello }")).await.status() == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(*site.schema.made.lock().unwrap() <= 3);
}
