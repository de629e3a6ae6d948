use std::{sync::atomic::Ordering, time::Duration};

use futures_util::SinkExt as _;
use serde_json::json;
use tokio_tungstenite::tungstenite::{Message, http::header};

use super::{
    super::super::{ConnectionLimits, TransportConfig},
    served, served_with, until,
};

#[tokio::test]
async fn another_subprotocol_is_not_acceptable() {
    let served = served(ConnectionLimits::default()).await;
    let (mut client, response) = served.open(&[]).await.unwrap();
    assert!(
        !response
            .headers()
            .contains_key(header::SEC_WEBSOCKET_PROTOCOL)
    );
    let expected = (4406, "Subprotocol not acceptable".to_owned());
    assert_eq!(client.closed().await, expected);
}

#[tokio::test]
async fn initialisation_has_a_deadline() {
    let served = served(ConnectionLimits {
        init_timeout: Duration::from_millis(30),
        ..ConnectionLimits::default()
    })
    .await;
    let expected = (4408, "Connection initialisation timeout".to_owned());
    assert_eq!(served.client().await.closed().await, expected);
    // Once it was asked for, authentication may take its time: more than who came later has.
    let mut slow = served.client().await;
    slow.init("Bearer slow").await;
    let doorman = &served.site.doorman;
    until(|| doorman.asked.load(Ordering::Relaxed) == 1).await;
    assert_eq!(served.client().await.closed().await, expected);
    doorman.opening.notify_one();
    assert_eq!(slow.read().await, json!({"type": "connection_ack"}));
}

#[tokio::test]
async fn operations_wait_for_the_acknowledgement() {
    let served = served(ConnectionLimits::default()).await;
    let mut early = served.client().await;
    early.subscribe("1", "{ hello }").await;
    assert_eq!(early.closed().await, (4401, "Unauthorized".to_owned()));
    let mut hasty = served.client().await;
    hasty.init("Bearer slow").await;
    hasty.subscribe("1", "{ hello }").await;
    assert_eq!(hasty.closed().await, (4401, "Unauthorized".to_owned()));
}

#[tokio::test]
async fn one_initialisation_is_enough() {
    let served = served(ConnectionLimits::default()).await;
    let expected = (4429, "Too many initialisation requests".to_owned());
    let mut twice = served.ready("Bearer good").await;
    twice.init("Bearer good").await;
    assert_eq!(twice.closed().await, expected);
    let mut hasty = served.client().await;
    hasty.init("Bearer slow").await;
    hasty.init("Bearer slow").await;
    assert_eq!(hasty.closed().await, expected);
}

#[tokio::test]
async fn an_id_names_one_operation() {
    let served = served(ConnectionLimits::default()).await;
    let mut client = served.ready("Bearer good").await;
    client.subscribe("a", "subscription { forever }").await;
    client.subscribe("a", "{ hello }").await;
    let expected = (4409, "Subscriber for a already exists".to_owned());
    assert_eq!(client.closed().await, expected);
}

#[tokio::test]
async fn invalid_messages_close_the_socket() {
    let served = served(ConnectionLimits::default()).await;
    for message in [
        Message::text("nonsense"),
        Message::text("{\"type\": \"start\"}"),
        Message::text("[".repeat(1000)),
        Message::binary(b"{\"type\": \"ping\"}".to_vec()),
    ] {
        let mut client = served.ready("Bearer good").await;
        client.0.send(message).await.unwrap();
        assert_eq!(client.closed().await.0, 4400);
    }
}

#[tokio::test]
async fn the_end_of_the_sign_in_closes_the_socket() {
    let served = served(ConnectionLimits::default()).await;
    let mut client = served.ready("Bearer good").await;
    client.subscribe("1", "subscription { forever }").await;
    until(|| served.site.schema.running() == 1).await;
    served.site.doorman.ending.cancel();
    let expected = (4403, "The sign-in has ended".to_owned());
    assert_eq!(client.closed().await, expected);
    until(|| served.site.schema.running() == 0).await;
}

#[tokio::test]
async fn a_stopping_server_says_so() {
    let config = TransportConfig::default();
    let shutdown = config.shutdown.clone();
    let served = served_with(config).await;
    let mut client = served.ready("Bearer good").await;
    shutdown.cancel();
    assert_eq!(client.closed().await.0, 1001);
}
