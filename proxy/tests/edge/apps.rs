//! Apps: who enters, how, and for how long.

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Method, Version};
use http_body_util::{BodyExt, Empty};
use serde_json::{Value, json};
use tokio_tungstenite::{client_async, tungstenite::client::IntoClientRequest};

use crate::{
    harness::{House, routes},
    soon,
    visitor::{Got, as_h1, request},
};

pub(crate) const OWNER: u128 = 1;
const STRANGER: u128 = 2;
pub(crate) const COOKIE: &str = "__Host-spaceport-app";

/// A house whose space has an app at its server's port.
pub(crate) struct Street {
    pub(crate) house: House,
    pub(crate) host: String,
}

fn user(number: u128) -> String {
    format!("user_{number:032x}")
}

fn space_id(number: u128) -> String {
    format!("space_{number:032x}")
}

pub(crate) fn person(number: u128, permissions: &[&str], sign_ins: &[&str]) -> Value {
    json!({"userId": user(number), "permissions": permissions, "signIns": sign_ins})
}

pub(crate) const DEVELOPER: [&str; 1] = ["USE_PORT_FORWARD"];

impl Street {
    pub(crate) async fn open() -> Self {
        Self::open_with(&[]).await
    }

    pub(crate) async fn open_with(settings: &[(&'static str, &str)]) -> Self {
        let house = House::open_with(settings).await;
        let host = format!("{}--lab--ada.apps.localhost", house.space.address.port());
        let street = Self { house, host };
        street.house.say(street.space("RUNNING")).await;
        for number in [OWNER, STRANGER] {
            let person = person(number, &DEVELOPER, &["session_1"]);
            street.house.say(person).await;
        }
        street
    }

    pub(crate) fn space(&self, status: &str) -> Value {
        let tunnel = "web--ada.tunnels.localhost";
        let mut space = routes(1, status, self.house.space.address, tunnel);
        space["spaceName"] = "lab".into();
        space["features"] = json!(["PORT_FORWARD"]);
        space
    }

    pub(crate) fn ticket_for(&self, number: u128, changes: Value) -> String {
        let mut claims = json!({
            "aud": "spaceport-edge", "sub": user(number), "sid": "session_1", "host": self.host,
            "space": space_id(1),
            "scopes": ["READ", "SPACES"], "as_of": 1, "iat": 0, "exp": 4_000_000_000_u64,
        });
        let changes = changes.as_object().unwrap().clone();
        claims.as_object_mut().unwrap().extend(changes);
        self.house.api.keys.sign(&claims)
    }

    async fn ask(&self, method: Method, path: &str, fields: &[(&str, &str)]) -> Got {
        let asked = request(method, &self.host, path, fields);
        self.house.visitor().ask(Version::HTTP_11, asked).await
    }

    async fn get_as(&self, ticket: &str, fields: &[(&str, &str)]) -> Got {
        let cookie = format!("a=1; {COOKIE}={ticket}; b=2");
        let fields = [&[("cookie", cookie.as_str())], fields].concat();
        self.ask(Method::GET, "/x", &fields).await
    }

    async fn outcome(&self, ticket: &str) -> (u16, Option<String>) {
        let got = self.get_as(ticket, &[]).await;
        (got.status, got.code().map(str::to_owned))
    }
}

/// Where browsers are told to forget what they keep for a host.
fn forgets(got: &Got) -> bool {
    match text(got, "clear-site-data") {
        "" => false,
        said => {
            assert_eq!(said, "\"cache\", \"storage\"");
            true
        }
    }
}

fn text<'a>(got: &'a Got, name: &str) -> &'a str {
    got.headers.get(name).map_or("", |it| it.to_str().unwrap())
}

#[tokio::test]
async fn a_page_is_sent_to_sign_in_and_comes_back_to_where_it_wanted() {
    let street = Street::open_with(&[("SPACEPORT_API_PUBLIC_URL", "https://api.example/")]).await;
    let page = [("accept", "text/html")];
    let sent = street.ask(Method::GET, "/deep/link?x=1&y=%2F", &page).await;
    assert_eq!(sent.status, 303);
    let to = format!("https://{}/deep/link?x=1&y=%2F", street.host);
    let location: http::Uri = text(&sent, "location").parse().unwrap();
    assert_eq!(location.host(), Some("api.example"));
    assert_eq!(location.path(), "/apps/sign-in");
    let query: Vec<_> = form_urlencoded::parse(location.query().unwrap().as_bytes()).collect();
    assert_eq!(query, [("to".into(), to.as_str().into())]);

    let ticket = street.ticket_for(OWNER, json!({}));
    street.house.api.expect_code("c1", ticket.clone());
    let enter = "/.spaceport/enter?code=c1&to=%2Fdeep%2Flink%3Fx%3D1%26y%3D%252F";
    let entered = street.ask(Method::GET, enter, &[]).await;
    assert_eq!(entered.status, 303);
    assert_eq!(text(&entered, "location"), "/deep/link?x=1&y=%2F");
    assert_eq!(text(&entered, "cache-control"), "no-store");
    let cookie = text(&entered, "set-cookie");
    let expected = format!("{COOKIE}={ticket}; Path=/; Max-Age=");
    assert!(cookie.starts_with(&expected), "{cookie}");
    assert!(
        cookie.ends_with("; Secure; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    assert!(!cookie.to_lowercase().contains("domain"), "{cookie}");

    // The code is good once, and what follows it leads nowhere else.
    let again = street.ask(Method::GET, enter, &[]).await;
    assert_eq!((again.status, again.code()), (403, Some("SIGN_IN_FAILED")));
    street.house.api.expect_code("c2", ticket);
    let enter = "/.spaceport/enter?code=c2&to=%2F%2Fevil.example";
    let entered = street.ask(Method::GET, enter, &[]).await;
    assert_eq!(text(&entered, "location"), "/");
}

#[tokio::test]
async fn a_link_with_somebody_elses_code_takes_nobodys_way_in_away() {
    let street = Street::open().await;
    let (owner, stranger) = (
        street.ticket_for(OWNER, json!({})),
        street.ticket_for(STRANGER, json!({})),
    );
    let enter = async |code: &str, ticket: &str, known: &str, fields: &[(&str, &str)]| {
        street.house.api.expect_code(code, ticket.to_owned());
        let cookie = format!("{COOKIE}={known}");
        let fields = [&[("cookie", cookie.as_str())], fields].concat();
        let path = format!("/.spaceport/enter?code={code}");
        street.ask(Method::GET, &path, &fields).await
    };
    let kept = enter("c1", &stranger, &owner, &[]).await;
    assert_eq!((kept.status, text(&kept, "set-cookie")), (303, ""));
    // Who can't enter as who they are may become somebody else, also by the page that says so.
    let changed = enter("c2", &owner, &stranger, &[]).await;
    assert!(text(&changed, "set-cookie").contains(&owner));
    let nothing = street.get_as(&stranger, &[("accept", "text/html")]).await;
    let page = std::str::from_utf8(&nothing.body).unwrap();
    assert!(page.contains("/apps/sign-in?to=https%3A%2F%2F"), "{page}");
    // No picture and no frame of another page enters.
    for kind in ["image", "iframe", "empty"] {
        let refused = enter("c3", &owner, "none", &[("sec-fetch-dest", kind)]).await;
        assert_eq!(refused.code(), Some("SIGN_IN_FAILED"), "{kind}");
    }
}

#[tokio::test]
async fn what_is_no_page_is_told_to_sign_in_and_reaches_no_space() {
    let street = Street::open().await;
    let before = *street.house.space.shared.requests.borrow();
    for (method, fields) in [
        (Method::GET, vec![]),
        (Method::POST, vec![("accept", "text/html")]),
        (
            Method::GET,
            vec![("accept", "text/html"), ("sec-fetch-mode", "cors")],
        ),
        (
            Method::GET,
            vec![
                ("upgrade", "websocket"),
                ("connection", "upgrade"),
                ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ],
        ),
    ] {
        let got = street.ask(method, "/x", &fields).await;
        assert_eq!((got.status, got.code()), (401, Some("SIGN_IN_REQUIRED")));
    }
    for (path, status) in [("/.spaceport/other", 404), ("/.spaceport/enter", 403)] {
        let got = street.ask(Method::GET, path, &[]).await;
        assert_eq!(got.status, status, "{path}");
    }
    assert_eq!(*street.house.space.shared.requests.borrow(), before);
}

#[tokio::test]
async fn a_ticket_is_good_for_one_host_until_it_ends_and_from_the_api_alone() {
    let street = Street::open().await;
    let good = street.ticket_for(OWNER, json!({}));
    let answer = street.get_as(&good, &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.echoed("cookie"), ["a=1; b=2"]);
    let again = (401, Some("SIGN_IN_REQUIRED".to_owned()));
    for changes in [
        json!({"host": "8001--lab--ada.apps.localhost"}),
        json!({"exp": 1}),
        json!({"aud": "spaceport-api"}),
        json!({"sid": "session_2", "as_of": 3}),
        json!({"sub": user(9)}),
    ] {
        let bad = street.ticket_for(OWNER, changes.clone());
        assert_eq!(street.outcome(&bad).await, again, "{changes}");
    }
    // Signed by somebody else.
    let other = Street::open()
        .await
        .ticket_for(OWNER, json!({"host": street.host}));
    assert_eq!(street.outcome(&other).await, again);
    let (payload, _) = good.rsplit_once('.').unwrap();
    assert_eq!(street.outcome(&format!("{payload}.AAAA")).await, again);
    assert_eq!(street.outcome("none").await, again);
}

#[tokio::test]
async fn who_has_no_right_finds_the_same_nothing_as_where_there_is_nothing() {
    let street = Street::open().await;
    let stranger = street.ticket_for(STRANGER, json!({}));
    let denied = street.get_as(&stranger, &[]).await;
    let missing = format!(
        "{}--none--ada.apps.localhost",
        street.house.space.address.port()
    );
    let ticket = street.ticket_for(STRANGER, json!({"host": missing}));
    let cookie = format!("{COOKIE}={ticket}");
    let asked = request(Method::GET, &missing, "/x", &[("cookie", &cookie)]);
    let nothing = street.house.visitor().ask(Version::HTTP_11, asked).await;
    let seen = |got: &Got| {
        let mut headers = got.headers.clone();
        headers.remove("x-request-id");
        headers.remove("date");
        let body = String::from_utf8(got.body.to_vec()).unwrap();
        let (body, _) = body.split_once("(request").unwrap();
        (got.status, headers, body.to_owned())
    };
    assert_eq!(denied.status, 404);
    assert_eq!(seen(&denied), seen(&nothing));

    // Each of these takes the right away, and giving it back gives it back.
    let owner = street.ticket_for(OWNER, json!({}));
    assert_eq!(street.outcome(&owner).await.0, 200);
    let mut barred = street.space("RUNNING");
    barred["features"] = json!([]);
    for (taken, given) in [
        (barred, street.space("RUNNING")),
        (
            person(OWNER, &[], &["session_1"]),
            person(OWNER, &DEVELOPER, &["session_1"]),
        ),
    ] {
        street.house.say(taken).await;
        assert_eq!(street.outcome(&owner).await.0, 404);
        street.house.say(given).await;
        assert_eq!(street.outcome(&owner).await.0, 200);
    }
}

#[tokio::test]
async fn a_stopped_space_is_started_by_who_may() {
    let street = Street::open().await;
    street.house.say(street.space("STOPPED")).await;
    let owner = street.ticket_for(OWNER, json!({}));
    let got = street.get_as(&owner, &[("accept", "text/html")]).await;
    assert_eq!((got.status, got.code()), (503, Some("SPACE_NOT_RUNNING")));
    let page = std::str::from_utf8(&got.body).unwrap();
    assert!(page.contains("/apps/start?to=https%3A%2F%2F"), "{page}");
    let tunnel = street.house.get("web--ada.tunnels.localhost", "/").await;
    assert_eq!(tunnel.status, 503);
    assert!(!String::from_utf8_lossy(&tunnel.body).contains("/apps/start"));
}

#[tokio::test]
async fn what_is_open_ends_with_the_right_and_with_the_sign_in() {
    let street = Street::open().await;
    let changes = [
        person(OWNER, &[], &["session_1"]),
        person(OWNER, &DEVELOPER, &[]),
        street.space("STOPPED"),
    ];
    for change in changes {
        let cookie = format!("{COOKIE}={}", street.ticket_for(OWNER, json!({})));
        let visitor = street.house.visitor();
        // An event stream in the middle, a request that waits, and a WebSocket.
        let asked = |path| {
            as_h1(request(
                Method::GET,
                &street.host,
                path,
                &[("cookie", &cookie)],
            ))
        };
        let mut stream = visitor.h1(&street.host).await;
        let stream = soon(stream.send_request(asked("/events"))).await.unwrap();
        let mut stream = stream.into_body();
        soon(stream.frame()).await.unwrap().unwrap();
        let mut waiting = visitor.h1(&street.host).await;
        let requests = *street.house.space.shared.requests.borrow();
        let waiting =
            tokio::spawn(waiting.send_request(asked("/wait").map(|_| Empty::<Bytes>::new())));
        street.house.space.requests(requests + 1).await;
        let mut opening = format!("wss://{}/websocket", street.host)
            .into_client_request()
            .unwrap();
        opening
            .headers_mut()
            .insert("cookie", cookie.parse().unwrap());
        let connection = visitor.connect(&street.host, &["http/1.1"]).await.unwrap();
        let opened = soon(Box::pin(client_async(opening, connection))).await;
        let (mut socket, _) = opened.unwrap();

        street.house.say(change).await;
        assert!(soon(stream.frame()).await.is_none_or(|it| it.is_err()));
        let waited = soon(waiting).await.unwrap().unwrap();
        assert_eq!(waited.status(), 404);
        while let Some(Ok(_)) = soon(socket.next()).await {}
        street.house.say(street.space("RUNNING")).await;
        street
            .house
            .say(person(OWNER, &DEVELOPER, &["session_1"]))
            .await;
    }
}

#[tokio::test]
async fn who_has_entered_goes_on_without_the_api_and_after_a_restart_of_the_edge() {
    let mut street = Street::open().await;
    let owner = street.ticket_for(OWNER, json!({}));
    assert_eq!(street.outcome(&owner).await.0, 200);
    street.house.api.stop();
    assert_eq!(street.outcome(&owner).await.0, 200);
    street.house.shut_edge_down().await;
    street.house.start_edge();
    assert_eq!(street.outcome(&owner).await.0, 200);
    // Nobody new comes in, and the code isn't lost.
    let enter = street
        .ask(Method::GET, "/.spaceport/enter?code=c1", &[])
        .await;
    assert_eq!(
        (enter.status, enter.code()),
        (503, Some("SIGN_IN_UNAVAILABLE"))
    );
}

#[tokio::test]
async fn who_has_entered_goes_on_without_the_api_only_as_long_as_is_set() {
    let setting = [("SPACEPORT_EDGE_APP_OFFLINE_SECONDS", "15")];
    let mut street = Street::open_with(&setting).await;
    street.house.api.stop();
    let owner = street.ticket_for(OWNER, json!({}));
    assert_eq!(street.outcome(&owner).await.0, 200);
    let cookie = format!("{COOKIE}={owner}");
    let asked = as_h1(request(
        Method::GET,
        &street.host,
        "/events",
        &[("cookie", &cookie)],
    ));
    let mut stream = street.house.visitor().h1(&street.host).await;
    let stream = soon(stream.send_request(asked)).await.unwrap();
    let mut stream = stream.into_body();
    soon(stream.frame()).await.unwrap().unwrap();
    assert!(soon(stream.frame()).await.is_none_or(|it| it.is_err()));
    assert_eq!(street.outcome(&owner).await.0, 401);
    let tunnel = street.house.get("web--ada.tunnels.localhost", "/").await;
    assert_eq!(tunnel.status, 200);
}

#[tokio::test]
async fn a_ticket_is_no_way_into_the_next_space_of_the_same_name() {
    let street = Street::open().await;
    let old = street.ticket_for(OWNER, json!({}));
    let stranger = street.ticket_for(STRANGER, json!({"space": null}));
    let cookie = format!("{COOKIE}={old}");
    let asked = as_h1(request(
        Method::GET,
        &street.host,
        "/events",
        &[("cookie", &cookie)],
    ));
    let mut stream = street.house.visitor().h1(&street.host).await;
    let mut stream = soon(stream.send_request(asked)).await.unwrap().into_body();
    soon(stream.frame()).await.unwrap().unwrap();

    street.house.say(street.space("DELETED")).await;
    assert!(soon(stream.frame()).await.is_none_or(|it| it.is_err()));
    let nothing = (404, Some("UNKNOWN_HOST".to_owned()));
    assert_eq!(street.outcome(&old).await, nothing);
    let mut next = street.space("RUNNING");
    next["spaceId"] = space_id(2).into();
    street.house.say(next).await;
    let before = *street.house.space.shared.requests.borrow();
    let again = (401, Some("SIGN_IN_REQUIRED".to_owned()));
    for not_for_it in [
        json!({}),
        json!({"space": null}),
        json!({"space": space_id(3)}),
    ] {
        let ticket = street.ticket_for(OWNER, not_for_it);
        assert_eq!(street.outcome(&ticket).await, again);
        let page = street.get_as(&ticket, &[("accept", "text/html")]).await;
        assert_eq!(page.status, 303);
    }
    assert_eq!(*street.house.space.shared.requests.borrow(), before);
    let new = street.ticket_for(OWNER, json!({"space": space_id(2)}));
    assert_eq!(street.outcome(&new).await.0, 200);
    // Who may not know of either learns of neither.
    assert_eq!(street.outcome(&stranger).await, nothing);
}

#[tokio::test]
async fn what_a_browser_keeps_for_a_host_is_of_one_space() {
    let street = Street::open().await;
    let here = street.ticket_for(OWNER, json!({}));
    let ended = street.ticket_for(OWNER, json!({"exp": 1}));
    let other = street.ticket_for(OWNER, json!({"space": space_id(2)}));
    let by_worker = [
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "empty"),
    ];
    for (number, (shown, is_home)) in [(&here, true), (&ended, true), (&other, false)]
        .into_iter()
        .enumerate()
    {
        let cookie = format!("{COOKIE}={shown}");
        let cookie = [("cookie", cookie.as_str())];
        let enter = async |fields: &[(&str, &str)]| {
            street.house.api.expect_code("c", here.clone());
            let fields = [&cookie[..], fields].concat();
            street
                .ask(Method::GET, "/.spaceport/enter?code=c", &fields)
                .await
        };
        let entered = enter(&[]).await;
        assert_eq!(
            (entered.status, forgets(&entered)),
            (303, !is_home),
            "{number}"
        );
        // A worker of another space gets no ticket, and ends.
        let handed_on = enter(&by_worker).await;
        let is_in = !text(&handed_on, "set-cookie").is_empty();
        assert_eq!(
            (is_in, forgets(&handed_on)),
            (is_home, !is_home),
            "{number}"
        );
        let told = enter(&[("sec-fetch-dest", "image")]).await;
        assert_eq!((told.status, forgets(&told)), (403, false), "{number}");
        // Nor does it stay by letting nothing through.
        let worker = [("service-worker", "script")];
        let looked = street.get_as(shown, &worker).await;
        assert_eq!(forgets(&looked), !is_home, "{number}");
    }
    let first = street.ask(Method::GET, "/x", &[("service-worker", "script")]);
    assert!(forgets(&first.await));
    // Whoever may not enter any more doesn't learn by that whether the space is still there.
    for space in [1, 2] {
        let ticket = street.ticket_for(STRANGER, json!({"space": space_id(space)}));
        let worker = [("service-worker", "script")];
        assert!(forgets(&street.get_as(&ticket, &worker).await), "{space}");
    }
    assert!(!forgets(&street.get_as(&other, &[]).await));
}
