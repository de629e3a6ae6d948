//! GraphQL over HTTP, WebSockets and server-sent events, as the audits and the reference clients of
//! those protocols find it.

use serde_json::json;
use spaceport_tests::{BUSYBOX, Client, Database, Home, Installation, node};

/// Delivers at once, and goes on.
const SUBSCRIPTION: &str = "subscription { quotaChanged { spaces { used } } }";

async fn home() -> (Home, Client, String) {
    let home = Installation::shared(Database::Sqlite).await;
    let admin = home.admin().await;
    let url = home.api_url("/graphql");
    (home, admin, url)
}

#[tokio::test]
async fn every_audit_of_graphql_over_http_passes() {
    let (_home, admin, url) = home().await;
    node::run("graphql-http-audits.mjs", &[&url, admin.token()]).await;
}

#[tokio::test]
async fn the_websocket_protocol_is_spoken_to_the_letter() {
    let (_home, admin, url) = home().await;
    node::run("graphql-ws.mjs", &[&url, admin.token(), SUBSCRIPTION]).await;
}

#[tokio::test]
async fn the_event_stream_protocol_is_spoken_to_the_letter() {
    let (_home, admin, url) = home().await;
    node::run("graphql-sse.mjs", &[&url, admin.token(), SUBSCRIPTION]).await;
}

#[tokio::test]
async fn documents_are_judged_as_the_reference_implementation_does() {
    let (_home, admin, url) = home().await;
    node::run("validation.mjs", &[&url, admin.token()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reference_clients_drive_every_subscription() {
    let (home, admin, url) = home().await;
    let speaking = json!({
        "image": BUSYBOX,
        "command": ["sh", "-c", "while :; do echo a line; sleep 0.2; done"],
    });
    let template = admin.create_template("driven", speaking).await;
    let user = admin.create_user("driving", json!({})).await;
    let space = user.run_space(&template, "driven").await;
    let edge_token = std::fs::read_to_string(home.data_dir().join("edge.token")).unwrap();
    let arguments = [&url, user.token(), edge_token.trim(), &space];
    node::run("subscriptions.mjs", &arguments).await;
}
