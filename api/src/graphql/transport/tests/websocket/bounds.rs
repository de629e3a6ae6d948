use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::tungstenite::{self, http::header};

use super::{
    super::super::{ConnectionLimits, TransportConfig, TransportLimits},
    next, served, served_with, until,
};

#[tokio::test]
async fn silent_clients_are_cut_off_and_living_ones_are_not() {
    let served = served(ConnectionLimits {
        ping_interval: Duration::from_millis(20),
        idle_timeout: Duration::from_millis(100),
        close_timeout: Duration::from_millis(20),
        ..ConnectionLimits::default()
    })
    .await;
    let mut silent = served.ready("Bearer good").await;
    silent.subscribe("1", "subscription { forever }").await;
    until(|| served.site.schema.running() == 1).await;
    // It does not read, so its library answers no ping.
    until(|| served.site.schema.running() == 0).await;
    let mut living = served.ready("Bearer good").await;
    living.subscribe("1", "subscription { forever }").await;
    let quiet = tokio::time::timeout(Duration::from_millis(300), living.read()).await;
    assert!(quiet.is_err());
    assert_eq!(served.site.schema.running(), 1);
}

#[tokio::test]
async fn messages_and_operations_are_bounded() {
    let served = served(ConnectionLimits {
        operations: 2,
        message_bytes: 1024,
        ..ConnectionLimits::default()
    })
    .await;
    let mut client = served.ready("Bearer good").await;
    for id in ["1", "2", "3"] {
        client.subscribe(id, "subscription { forever }").await;
    }
    let message = client.read().await;
    assert_eq!(
        (&message["type"], &message["id"]),
        (&json!("error"), &json!("3"))
    );
    assert_eq!(
        message["payload"][0]["extensions"]["code"],
        "TOO_MANY_OPERATIONS"
    );
    client.complete("1").await;
    client.subscribe("3", "{ hello }").await;
    assert_eq!(client.read().await, next("3", &json!({"hello": "world"})));
    assert_eq!(client.read().await, json!({"type": "complete", "id": "3"}));
    client.subscribe("4", &"{ hello }".repeat(200)).await;
    assert_eq!(client.closed().await, (1009, "Message too big".to_owned()));
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_back_its_source_and_is_cut_off() {
    let served = served(ConnectionLimits {
        write_timeout: Duration::from_millis(200),
        close_timeout: Duration::from_millis(20),
        ..ConnectionLimits::default()
    })
    .await;
    let mut slow = served.ready("Bearer good").await;
    slow.subscribe("1", "subscription { forever }").await;
    slow.subscribe("2", "subscription { fast }").await;
    until(|| served.site.schema.running() == 1).await;
    // Others are served meanwhile.
    let mut other = served.ready("Bearer good").await;
    other.subscribe("1", "{ hello }").await;
    assert_eq!(other.read().await, next("1", &json!({"hello": "world"})));
    until(|| served.site.schema.running() == 0).await;
    let made = *served.site.schema.made.lock().unwrap();
    // Only what fits the buffers of the two sockets was made.
    assert!(made < 64 * 1024, "{made}");
}

#[tokio::test]
async fn many_operations_share_a_socket() {
    let served = served(ConnectionLimits {
        operations: 2_000,
        ..ConnectionLimits::default()
    })
    .await;
    let mut client = served.ready("Bearer good").await;
    for n in 0..1_000 {
        client
            .subscribe(&format!("f{n}"), "subscription { forever }")
            .await;
    }
    until(|| served.site.schema.running() == 1_000).await;
    client.subscribe("last", "{ hello }").await;
    assert_eq!(
        client.read().await,
        next("last", &json!({"hello": "world"}))
    );
}

#[tokio::test]
async fn foreign_pages_are_refused() {
    let served = served_with(TransportConfig {
        allowed_origins: vec!["https://console.example.com".to_owned()],
        ..TransportConfig::default()
    })
    .await;
    let own = format!("http://{}", served.address);
    for (origin, allowed) in [
        (own.as_str(), true),
        ("https://console.example.com", true),
        ("https://evil.example.com", false),
        ("null", false),
    ] {
        let protocol = (header::SEC_WEBSOCKET_PROTOCOL, "graphql-transport-ws");
        let opened = served.open(&[protocol, (header::ORIGIN, origin)]).await;
        match opened {
            Ok(_) => assert!(allowed, "{origin}"),
            Err(tungstenite::Error::Http(response)) => {
                assert!(!allowed, "{origin}");
                assert_eq!(response.status(), 403);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn connections_are_bounded() {
    let served = served_with(TransportConfig {
        limits: TransportLimits {
            connections: 1,
            ..TransportLimits::default()
        },
        ..TransportConfig::default()
    })
    .await;
    let first = served.ready("Bearer good").await;
    let refused = served.open(&[]).await;
    assert!(matches!(refused, Err(tungstenite::Error::Http(response)) if response.status() == 503));
    drop(first);
    while served.open(&[]).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
