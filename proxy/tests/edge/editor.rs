//! The editor, which types into its space for whoever's page may ask it.

use http::{Method, Version};
use serde_json::json;
use spaceport_domain::agent::{App, AppState, Status};

use crate::{
    apps::{COOKIE, DEVELOPER, OWNER, Street, person},
    inside::{Inside, host},
    visitor::{Got, request},
};

/// A space whose command serves the editor, and something else that is an app.
struct Editor {
    street: Street,
    /// Where the editor is: by its own name and by that of its port.
    hosts: [String; 2],
}

impl Editor {
    async fn open() -> Self {
        let street = Street::open().await;
        let mut space = street.space("RUNNING");
        space["features"] = json!(["CODE_SERVER", "PORT_FORWARD"]);
        space["ports"] = json!([{"name": "code", "port": street.house.space.address.port()}]);
        street.house.say(space).await;
        let permissions = [&DEVELOPER[..], &["USE_CODE_SERVER"]].concat();
        let owner = person(OWNER, &permissions, &["session_1"]);
        street.house.say(owner).await;
        let hosts = [
            "code--lab--ada.apps.localhost".to_owned(),
            street.host.clone(),
        ];
        Self { street, hosts }
    }

    /// What the owner gets for `path` of `host`.
    async fn get(&self, host: &str, path: &str, fields: &[(&str, &str)]) -> Got {
        let ticket = self.street.ticket_for(OWNER, json!({"host": host}));
        let cookie = format!("{COOKIE}={ticket}");
        let fields = [&[("cookie", cookie.as_str())], fields].concat();
        let asked = request(Method::GET, host, path, &fields);
        self.street
            .house
            .visitor()
            .ask(Version::HTTP_11, asked)
            .await
    }
}

fn policies(got: &Got) -> Vec<&str> {
    let fields = got.headers.get_all("content-security-policy").iter();
    fields.map(|it| it.to_str().unwrap()).collect()
}

#[tokio::test]
async fn the_editor_answers_no_page_but_its_own() {
    let editor = Editor::open().await;
    let kin = "https://3000--lab--ada.apps.localhost";
    let websocket = [
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let frame = [
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "iframe"),
        ("referer", kin),
    ];
    for host in &editor.hosts {
        let own = format!("https://{host}");
        let answer = editor.get(host, "/x", &[("origin", &own)]).await;
        assert_eq!(answer.status, 200, "{host}");
        let by_websocket = [&websocket[..], &[("origin", kin)]].concat();
        for asked in [&[("origin", kin)][..], &frame, &by_websocket] {
            let refused = editor.get(host, "/x", asked).await;
            let seen = (refused.status, refused.code());
            assert_eq!(seen, (403, Some("CROSS_ORIGIN")), "{host} {asked:?}");
        }
    }
    // It asks others, as pages of one space do.
    let mut plain = editor.street.space("RUNNING");
    plain["features"] = json!(["CODE_SERVER", "PORT_FORWARD"]);
    editor.street.house.say(plain).await;
    let from = [("origin", "https://code--lab--ada.apps.localhost")];
    let answer = editor.get(&editor.street.host, "/x", &from).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn the_editor_is_shown_in_frames_of_its_own_origin_alone() {
    let editor = Editor::open().await;
    for host in &editor.hosts {
        let answer = editor.get(host, "/x", &[]).await;
        assert_eq!(policies(&answer), ["frame-ancestors 'self'"], "{host}");
        // What it says itself holds, too.
        let answer = editor.get(host, "/policy", &[]).await;
        let both = [
            "frame-ancestors *; img-src 'self'",
            "frame-ancestors 'self'",
        ];
        assert_eq!(policies(&answer), both, "{host}");
    }
    // A port that isn't the editor's says by itself who shows it.
    let plain = editor.street.space("RUNNING");
    editor.street.house.say(plain).await;
    let answer = editor.get(&editor.street.host, "/x", &[]).await;
    assert_eq!((answer.status, policies(&answer)), (200, vec![]));
}

#[tokio::test]
async fn a_link_opens_the_editor_and_does_not_say_what_it_opens() {
    let editor = Editor::open().await;
    let link = |site| {
        [
            ("sec-fetch-site", site),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ]
    };
    let path = "/a/b?folder=/home/dev/work/repository&payload=[]";
    for host in &editor.hosts {
        let before = *editor.street.house.space.shared.requests.borrow();
        for site in ["cross-site", "same-site"] {
            let page = editor.get(host, path, &link(site)).await;
            assert_eq!(page.status, 200);
            let body = String::from_utf8(page.body.to_vec()).unwrap();
            let onward = format!("content=\"0;url=https://{host}/a/b\"");
            assert!(body.contains(&onward), "{body}");
            assert!(!body.contains("repository"), "{body}");
            assert_eq!(page.headers["cache-control"], "no-store");
            let policy = policies(&page).concat();
            assert!(policy.contains("default-src 'none'"), "{policy}");
        }
        // What would be another host to who reads it by itself is none.
        let page = editor
            .get(host, "//evil.example/?a", &link("cross-site"))
            .await;
        let body = String::from_utf8(page.body.to_vec()).unwrap();
        let onward = format!("url=https://{host}//evil.example/\"");
        assert!(body.contains(&onward), "{body}");
        assert_eq!(*editor.street.house.space.shared.requests.borrow(), before);

        for site in ["none", "same-origin"] {
            let answer = editor.get(host, path, &link(site)).await;
            assert_eq!(answer.json()["target"], path, "{site}");
        }
        let bare = editor.get(host, "/a/b", &link("cross-site")).await;
        assert_eq!(bare.json()["target"], "/a/b");
    }
    // Other apps are led into by whole links.
    let plain = editor.street.space("RUNNING");
    editor.street.house.say(plain).await;
    let answer = editor
        .get(&editor.street.host, path, &link("cross-site"))
        .await;
    assert_eq!(answer.json()["target"], path);
}

#[tokio::test]
async fn whoever_comes_before_the_editor_is_told_and_the_page_looks_again() {
    let inside = Inside::open().await;
    let mut space = inside.space("RUNNING");
    space["features"] = json!(["CODE_SERVER"]);
    let permissions = [&DEVELOPER[..], &["USE_CODE_SERVER"]].concat();
    for change in [space, person(OWNER, &permissions, &["session_1"])] {
        inside.street.house.say(change).await;
    }
    let app = |state, reason: Option<&str>| App {
        reason: reason.map(str::to_owned),
        ..App::new(state)
    };
    for (app, told, seconds) in [
        (None, "nothing in it listens on port 13337", Some("3")),
        (
            Some(app(AppState::Starting, None)),
            "The editor is starting.",
            Some("1"),
        ),
        // It doesn't take connections yet.
        (
            Some(app(AppState::Running, None)),
            "The editor is starting.",
            Some("1"),
        ),
        (
            Some(app(AppState::Waiting, Some("no <b>\u{202e}memory"))),
            "started again soon: no &lt;b&gt;memory",
            Some("3"),
        ),
        (
            Some(app(AppState::Absent, None)),
            "its image has no editor",
            None,
        ),
    ] {
        *inside.agent.shared.status.lock().unwrap() = Some(Status {
            apps: app.into_iter().map(|it| ("code".to_owned(), it)).collect(),
            ..Status::default()
        });
        let fields = [("accept", "text/html")];
        let got = inside
            .ask_with(Version::HTTP_11, Method::GET, &host("code"), "/", &fields)
            .await;
        assert_eq!(
            (got.status, got.code()),
            (502, Some("NOTHING_LISTENS")),
            "{told}"
        );
        let page = String::from_utf8(got.body.to_vec()).unwrap();
        assert!(page.contains(told), "{page}");
        let refresh = seconds.map(|it| format!("http-equiv=\"refresh\" content=\"{it}\""));
        assert_eq!(page.contains("http-equiv"), refresh.is_some(), "{page}");
        assert!(refresh.is_none_or(|it| page.contains(&it)), "{page}");
        let later = got
            .headers
            .get("retry-after")
            .map(|it| it.to_str().unwrap());
        assert_eq!(later, seconds);
    }
}
