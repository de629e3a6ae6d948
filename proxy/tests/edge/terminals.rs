//! The host of a space's terminals: its page, their list, and WebSockets to them.

use futures_util::SinkExt;
use http::{Method, Version};
use serde_json::{Value, json};
use spaceport_domain::agent::{Attach, Service, Size};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    exec::{end, frame, h1_at, text},
    harness::counts,
    inside::{Inside, host},
    visitor::Got,
};

const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

async fn ask(inside: &Inside, method: Method, path: &str, fields: &[(&str, &str)]) -> Got {
    let host = host("term");
    let asked = inside.ask_with(Version::HTTP_2, method, &host, path, fields);
    asked.await
}

#[tokio::test]
async fn the_page_is_the_edges_own_for_who_may_use_terminals() {
    let inside = Inside::open().await;
    for version in VERSIONS {
        let got = inside.ask(version, Method::GET, &host("term"), "/").await;
        // A program without the page says how to have it.
        if got.status == 501 {
            assert_eq!(got.code(), Some("PAGE_NOT_BUILT"));
        } else {
            assert_eq!((got.status, got.code()), (200, None));
            let policy = got.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("script-src 'self';"), "{policy}");
        }
        for path in ["/api", "/api/terminals/x", "/../Cargo.toml", "/assets/"] {
            let got = inside.ask(version, Method::GET, &host("term"), path).await;
            assert_eq!(
                (got.status, got.code()),
                (404, Some("UNKNOWN_HOST")),
                "{path}"
            );
        }
    }
    // Nothing of it is asked of the space.
    assert_eq!(inside.agent.asked(), []);
    for taking in inside.takings() {
        inside.street.house.say(taking).await;
        let got = inside
            .ask(Version::HTTP_2, Method::GET, &host("term"), "/")
            .await;
        assert!([401, 404, 503].contains(&got.status), "{}", got.status);
        inside.give().await;
    }
}

#[tokio::test]
async fn a_space_without_an_agent_says_what_helps() {
    let inside = Inside::open().await;
    let mut space = inside.space("RUNNING");
    space["agent"] = Value::Null;
    inside.street.house.say(space).await;
    for path in ["/", "/api/terminals"] {
        let got = ask(
            &inside,
            Method::GET,
            path,
            &[("accept", "application/json")],
        )
        .await;
        assert_eq!((got.status, got.code()), (502, Some("NO_AGENT")), "{path}");
        let message = got.json()["message"].to_string();
        assert!(message.contains("Restart it."), "{message}");
    }
}

#[tokio::test]
async fn terminals_are_listed_and_ended() {
    let inside = Inside::open().await;
    let got = ask(&inside, Method::GET, "/api/terminals", &[]).await;
    assert_eq!(got.status, 200);
    assert_eq!(got.headers["cache-control"], "no-store");
    let terminal = &got.json()["terminals"][0];
    assert_eq!(
        (&terminal["id"], &terminal["title"]),
        (&json!(7), &json!("build"))
    );
    let ended = ask(&inside, Method::DELETE, "/api/terminals/7", &[]).await;
    assert_eq!((ended.status, ended.body.len()), (204, 0));
    let none = ask(&inside, Method::DELETE, "/api/terminals/8", &[]).await;
    assert_eq!(
        (none.status, &none.json()["code"]),
        (404, &json!("NOT_FOUND"))
    );
    let asked = [
        Service::Terminals,
        Service::CloseTerminal { id: 7 },
        Service::CloseTerminal { id: 8 },
    ];
    assert_eq!(inside.agent.asked(), asked);
    // A page of another origin ends nothing.
    let foreign = [("origin", "https://evil.example")];
    let refused = ask(&inside, Method::DELETE, "/api/terminals/7", &foreign).await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, Some("CROSS_ORIGIN"))
    );
    assert_eq!(inside.agent.asked(), asked);
}

#[tokio::test]
async fn a_websocket_is_attached_to_a_terminal() {
    let inside = Inside::open().await;
    for (path, id, seen) in [
        ("/api/terminals/new?columns=80&rows=24", None, None),
        (
            "/api/terminals/7?columns=80&rows=24&seen=5",
            Some(7),
            Some(5),
        ),
    ] {
        let mut socket = h1_at(&inside, path).await;
        let terminal: Value = serde_json::from_str(&text(&mut socket).await).unwrap();
        assert_eq!(
            (&terminal["id"], &terminal["size"]["columns"]),
            (&json!(7), &json!(80))
        );
        socket
            .send(Message::binary(&b"\x00ls\r"[..]))
            .await
            .unwrap();
        assert_eq!(frame(&mut socket).await, b"\x00ls\r");
        let size = Size {
            columns: 80,
            rows: 24,
            ..Size::default()
        };
        let attach = Service::Terminal(Attach { id, size, seen });
        assert_eq!(inside.agent.asked().pop(), Some(attach));
        drop(socket);
        inside.agent.open_connections(0).await;
    }
}

#[tokio::test]
async fn a_terminal_that_is_not_there_is_refused_in_words() {
    let inside = Inside::open().await;
    let mut socket = h1_at(&inside, "/api/terminals/404?columns=80&rows=24").await;
    let refusal: Value = serde_json::from_str(&text(&mut socket).await).unwrap();
    assert_eq!(refusal, json!({"code": "NOT_FOUND", "message": "no"}));
    assert_eq!(end(&mut socket).await, 4404);
}

#[tokio::test]
async fn a_terminal_is_left_with_the_right_to_be_there() {
    let inside = Inside::open().await;
    for taking in inside.takings() {
        let mut socket = h1_at(&inside, "/api/terminals/7?columns=80&rows=24").await;
        text(&mut socket).await;
        inside.street.house.say(taking).await;
        assert_eq!(end(&mut socket).await, 1008);
        inside.agent.open_connections(0).await;
        inside.give().await;
    }
    counts(inside.street.house.edge(), "spaceport_edge_websockets 0").await;
}
