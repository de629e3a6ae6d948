use serde_json::json;
use tokio_tungstenite::tungstenite::http::header;

use super::{super::super::ConnectionLimits, next, served, until};

#[tokio::test]
async fn operations_of_every_kind_run() {
    let served = served(ConnectionLimits::default()).await;
    let mut client = served.ready("Bearer good").await;
    client.subscribe("q", "{ hello caller }").await;
    let data = json!({"hello": "world", "caller": "somebody"});
    assert_eq!(client.read().await, next("q", &data));
    assert_eq!(client.read().await, json!({"type": "complete", "id": "q"}));
    client
        .subscribe("m", "mutation { write(n: 1, afterMs: 0) }")
        .await;
    assert_eq!(client.read().await, next("m", &json!({"write": 1})));
    assert_eq!(client.read().await, json!({"type": "complete", "id": "m"}));
    client.subscribe("s", "subscription { count(to: 2) }").await;
    assert_eq!(client.read().await, next("s", &json!({"count": 1})));
    assert_eq!(client.read().await, next("s", &json!({"count": 2})));
    assert_eq!(client.read().await, json!({"type": "complete", "id": "s"}));
    // The id is free again.
    client.subscribe("s", "{ hello }").await;
    assert_eq!(client.read().await, next("s", &json!({"hello": "world"})));
}

#[tokio::test]
async fn what_was_not_run_is_an_error_and_what_failed_is_a_result() {
    let served = served(ConnectionLimits::default()).await;
    let mut client = served.ready("Bearer good").await;
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { panicking }", "INTERNAL"),
        ("{ panicking }", "INTERNAL"),
    ] {
        client.subscribe("1", query).await;
        let message = client.read().await;
        assert_eq!(
            (&message["type"], &message["id"]),
            (&json!("error"), &json!("1"))
        );
        assert_eq!(message["payload"][0]["extensions"]["code"], code);
    }
    client
        .subscribe("1", "subscription { partial { hello failing } }")
        .await;
    let message = client.read().await;
    assert_eq!(message["type"], "next");
    assert_eq!(message["payload"]["data"]["partial"]["hello"], "world");
    assert_eq!(
        message["payload"]["errors"][0]["extensions"]["code"],
        "INTERNAL"
    );
    assert_eq!(client.read().await, json!({"type": "complete", "id": "1"}));
    client.subscribe("1", "subscription { refused }").await;
    let message = client.read().await;
    assert_eq!(
        message["payload"]["errors"][0]["extensions"]["code"],
        "NOT_FOUND"
    );
    assert_eq!(client.read().await, json!({"type": "complete", "id": "1"}));
}

#[tokio::test]
async fn a_completed_operation_stops_and_frees_its_id() {
    let served = served(ConnectionLimits::default()).await;
    let mut client = served.ready("Bearer good").await;
    client.subscribe("1", "subscription { forever }").await;
    until(|| served.site.schema.running() == 1).await;
    client.complete("1").await;
    until(|| served.site.schema.running() == 0).await;
    client.complete("unknown").await;
    client.subscribe("1", "{ hello }").await;
    assert_eq!(client.read().await, next("1", &json!({"hello": "world"})));
}

#[tokio::test]
async fn a_client_that_leaves_stops_its_operations() {
    let served = served(ConnectionLimits::default()).await;
    let mut client = served.ready("Bearer good").await;
    client.subscribe("1", "subscription { forever }").await;
    until(|| served.site.schema.running() == 1).await;
    drop(client);
    until(|| served.site.schema.running() == 0).await;
}

#[tokio::test]
async fn credentials_decide_who_gets_in() {
    let served = served(ConnectionLimits::default()).await;
    for (credentials, code) in [
        ("Bearer bad", 4403),
        ("Bearer barred", 4403),
        ("Bearer limited", 1013),
        ("Bearer broken", 1013),
        ("Bearer panicking", 4500),
    ] {
        let mut client = served.client().await;
        client.init(credentials).await;
        assert_eq!(client.closed().await.0, code, "{credentials}");
    }
    let mut nobody = served.client().await;
    nobody.say(json!({"type": "connection_init"})).await;
    assert_eq!(nobody.read().await, json!({"type": "connection_ack"}));
    nobody.subscribe("1", "{ caller }").await;
    assert_eq!(nobody.read().await, next("1", &json!({"caller": "nobody"})));
    let headers = [
        (header::SEC_WEBSOCKET_PROTOCOL, "graphql-transport-ws"),
        (header::AUTHORIZATION, "Bearer good"),
    ];
    let (mut known, _) = served.open(&headers).await.unwrap();
    known.say(json!({"type": "connection_init"})).await;
    assert_eq!(known.read().await, json!({"type": "connection_ack"}));
    known.subscribe("1", "{ caller }").await;
    assert_eq!(
        known.read().await,
        next("1", &json!({"caller": "somebody"}))
    );
}

#[tokio::test]
async fn pings_are_answered_before_and_after_initialisation() {
    let served = served(ConnectionLimits::default()).await;
    let mut client = served.client().await;
    client
        .say(json!({"type": "ping", "payload": {"n": 1}}))
        .await;
    assert_eq!(
        client.read().await,
        json!({"type": "pong", "payload": {"n": 1}})
    );
    client.say(json!({"type": "pong"})).await;
    client.init("Bearer good").await;
    assert_eq!(client.read().await, json!({"type": "connection_ack"}));
    client.say(json!({"type": "ping"})).await;
    assert_eq!(client.read().await, json!({"type": "pong"}));
}
