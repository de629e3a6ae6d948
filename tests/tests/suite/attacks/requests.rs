//! Requests that are too long, too slow, or another page's.

use serde_json::json;
use spaceport_tests::{Database, Home, Installation, meter};

use super::{Wire, post, status};

const QUERY: &str = r#"{"query":"{ __typename }"}"#;
const JSON: &str = "Content-Type: application/json\r\n";

async fn impatient() -> Home {
    let plan = Installation::plan(Database::Sqlite).without_edge();
    plan.set("SPACEPORT_API_HEADER_SECONDS", "1")
        .set("SPACEPORT_API_BODY_SECONDS", "1")
        .start()
        .await
}

async fn answer(home: &Home, request: &str) -> String {
    let mut wire = Wire::open(home.api_address()).await;
    wire.send(request).await;
    wire.rest().await
}

#[tokio::test]
async fn a_long_body_is_refused_before_it_is_read() {
    let home = Installation::shared(Database::Sqlite).await;
    let head = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let announced = format!("{head}Content-Length: 1000000000\r\n\r\n{{");
    assert_eq!(status(&answer(&home, &announced).await), "413");
}

#[tokio::test]
async fn a_body_of_unknown_length_is_read_no_further_than_the_limit() {
    let home = Installation::shared(Database::Sqlite).await;
    let pid = home.api.pid();
    let before = meter::read(pid).rss_kib;
    let mut wire = Wire::open(home.api_address()).await;
    let head = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    wire.send(head).await;
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let mut sent = 0;
    // It would go on for 256 MiB, of which the kernel's buffers take some.
    while sent < 4096 && wire.send(&chunk).await {
        sent += 1;
    }
    assert!(sent < 4096, "everything was taken");
    let answer = wire.rest().await;
    assert!(answer.is_empty() || status(&answer) == "413", "{answer}");
    let after = meter::read(pid).rss_kib;
    assert!(after < before * 2, "from {before} KiB to {after} KiB");
}

#[tokio::test]
async fn a_long_head_is_refused() {
    let home = Installation::shared(Database::Sqlite).await;
    let many = (0..200).map(|number| format!("X-{number}: a\r\n"));
    assert_eq!(
        status(&answer(&home, &post(&many.collect::<String>(), QUERY)).await),
        "431"
    );
    let long = format!("X-Long: {}\r\n", "x".repeat(200_000));
    assert_eq!(status(&answer(&home, &post(&long, QUERY)).await), "431");
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let home = impatient().await;
    for begun in [
        "",
        "P",
        "POST /graphql HTTP/1.1\r\nHost: loc",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut wire = Wire::open(home.api_address()).await;
        wire.send(begun).await;
        let said = wire.rest().await;
        assert!(!said.contains(" 200 "), "{begun:?}: {said}");
    }
}

#[tokio::test]
async fn a_connection_that_has_nothing_more_to_ask_is_closed() {
    let home = impatient().await;
    let mut wire = Wire::open(home.api_address()).await;
    wire.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    assert_eq!(status(&wire.rest().await), "200");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let home = impatient().await;
    let head =
        format!("POST /graphql HTTP/1.1\r\nHost: localhost\r\n{JSON}Content-Length: 100\r\n\r\n{{");
    let said = answer(&home, &head).await;
    assert_eq!(status(&said), "408", "{said}");
}

#[tokio::test]
async fn a_page_of_another_site_can_change_nothing() {
    let home = Installation::shared(Database::Sqlite).await;
    let admin = home.admin().await;
    let authorization = format!("Authorization: Bearer {}\r\n", admin.token());
    let mutation = "mutation%20%7B%20signOut%20%7B%20problems%20%7B%20code%20%7D%20%7D%20%7D";
    let get = format!(
        "GET /graphql?query={mutation} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{authorization}\r\n"
    );
    let said = answer(&home, &get).await;
    assert_eq!(status(&said), "405");
    assert!(said.to_ascii_lowercase().contains("allow: post"), "{said}");
    let mutation = json!({ "query": "mutation { signOut { problems { code } } }" }).to_string();
    for simple in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: multipart/form-data; boundary=a\r\n",
        "Content-Type: text/plain; application/json\r\n",
        "Content-Type: application/json\r\nContent-Type: text/plain\r\n",
    ] {
        let said = answer(&home, &post(&format!("{simple}{authorization}"), &mutation)).await;
        assert_eq!(status(&said), "415", "{simple:?}");
    }
    // Nobody was signed out.
    admin.query("{ viewer { id } }", json!({})).await;
}

#[tokio::test]
async fn batches_and_compressed_bodies_are_not_taken() {
    let home = Installation::shared(Database::Sqlite).await;
    let batch = format!("[{}]", [QUERY; 100].join(","));
    let said = answer(&home, &post(JSON, &batch)).await;
    assert!(said.contains("BAD_REQUEST"), "{said}");
    let compressed = format!("{JSON}Content-Encoding: gzip\r\n");
    assert_eq!(
        status(&answer(&home, &post(&compressed, QUERY)).await),
        "415"
    );
}
