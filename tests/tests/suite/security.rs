//! The security rules of the edge, each against the real programs: two people, one of them hostile,
//! with a real space each.

mod revocation;
pub(crate) mod stage;

use reqwest::{Method, Version};
use serde_json::json;
use spaceport_tests::{Client, Database, Home, Installation, edge::Answer};

use self::stage::{COOKIE, Stage, echoed, values};
pub(crate) use self::stage::{code_for, cookie_of};

async fn home() -> Home {
    Installation::shared(Database::Sqlite).await
}

const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

#[tokio::test]
async fn rule_1_only_the_sockets_peer_says_for_whom_a_request_is_and_the_authority_where_it_goes() {
    let stage = Stage::open(home().await, "r1").await;
    let (_, mine) = stage.tunnel(&stage.ada).await;
    let (_, theirs) = stage.tunnel(&stage.mallory).await;
    let other = theirs.trim_start_matches("https://");
    let claims = [
        ("x-forwarded-for", "192.0.2.66"),
        ("x_forwarded_for", "192.0.2.66"),
        ("x-forwarded-host", other),
        ("x-forwarded-proto", "http"),
        ("x-real-ip", "192.0.2.66"),
        ("forwarded", "for=192.0.2.66;host=evil.example"),
        ("x-spaceport-user", "admin"),
    ];
    for version in VERSIONS {
        let url = format!("{mine}/who");
        let answer = stage
            .visitor
            .send(version, Method::GET, &url, &claims)
            .await;
        let request = echoed(&answer);
        let host = mine.trim_start_matches("https://");
        let forwarded = format!("for=127.0.0.1;host=\"{host}\";proto=https");
        for (name, expected) in [
            ("host", vec![host]),
            ("x-forwarded-for", vec!["127.0.0.1"]),
            ("x_forwarded_for", vec![]),
            ("x-forwarded-host", vec![host]),
            ("x-forwarded-proto", vec!["https"]),
            ("x-real-ip", vec![]),
            ("forwarded", vec![forwarded.as_str()]),
            ("x-spaceport-user", vec![]),
        ] {
            assert_eq!(values(&request, name), expected, "{name}, {version:?}");
        }
    }
    let reached = stage.seen(&stage.mallory).await;
    assert!(
        reached.iter().all(|it| it["target"] != "/who"),
        "{reached:?}"
    );
}

#[tokio::test]
async fn rule_2_a_sign_in_is_for_one_host_and_its_code_is_good_once_for_one_host_and_user() {
    let stage = Stage::open(home().await, "r2").await;
    let (ada, mallory) = (&stage.ada, &stage.mallory);
    let url = stage.open_app(&ada.client, ada, "8000").await;
    let entered = stage.visitor.get(&url).await;
    let set = entered.header("set-cookie").to_lowercase();
    assert!(
        set.starts_with(&format!("{}=", COOKIE.to_lowercase())),
        "{set}"
    );
    for attribute in ["; path=/;", "; secure", "; httponly", "; samesite=lax"] {
        assert!(set.contains(attribute), "{attribute}: {set}");
    }
    assert!(!set.contains("domain"), "{set}");
    assert_eq!(entered.headers.get_all("set-cookie").iter().count(), 1);
    let cookie = cookie_of(&entered);
    let with = [("cookie", cookie.as_str())];
    assert_eq!(stage.get(ada, "/", &with).await.status, 200);

    // Neither on another port of the same space, nor in another space, nor in its built-in app.
    for (person, app) in [(ada, "8001"), (ada, "code"), (mallory, "8000")] {
        let url = stage.app_url(person, app, "/");
        let answer = stage.visitor.get_with(&url, &with).await;
        let told = (answer.status, answer.code());
        assert_eq!(told, (401, "SIGN_IN_REQUIRED"), "{app}");
    }

    let again = stage.visitor.get(&url).await;
    assert_eq!((again.status, again.code()), (403, "SIGN_IN_FAILED"));
    // Mallory has got hold of a code of Ada's, before she used it.
    let stolen = stage.open_app(&ada.client, ada, "8000").await;
    let (_, query) = stolen.split_once('?').expect("a code");
    let own = stage.app_url(mallory, "8000", &format!("/.spaceport/enter?{query}"));
    assert_eq!(stage.visitor.get(&own).await.code(), "SIGN_IN_FAILED");
    assert_eq!(stage.visitor.get(&stolen).await.code(), "SIGN_IN_FAILED");
    // Who asks for a code gets one that says who they are.
    let input = json!({ "spaceId": ada.space, "app": "8000" });
    let refused = mallory.client.mutate("openApp", input).await;
    assert_eq!(refused.codes(), ["NOT_FOUND"]);
}

#[tokio::test]
async fn rule_2_what_lets_into_a_space_does_not_let_into_the_next_one_of_its_name() {
    let stage = Stage::open(home().await, "r2-next").await;
    let ada = &stage.ada;
    let cookie = stage.enter(&ada.client, ada, "8000").await;
    let url = stage.app_url(ada, "8000", "/kept");
    let unused = [
        stage.open_app(&ada.client, ada, "8000").await,
        stage.code_for(&ada.client, &url).await,
    ];
    let fields = [("cookie", cookie.as_str())];
    assert_eq!(stage.get(ada, "/kept", &fields).await.status, 200);
    ada.client.delete_space(&ada.space).await;
    let gone = async || stage.get(ada, "/kept", &fields).await.status == 404;
    spaceport_tests::eventually("the space is gone", gone).await;

    let next = ada.client.run_space(&stage.template, ada.space_name).await;
    let person = stage.ada.in_space(next);
    let entered = async || {
        let cookie = stage.enter(&person.client, &person, "8000").await;
        let fields = [("cookie", cookie.as_str())];
        stage.get(&person, "/seen", &fields).await.status == 200
    };
    spaceport_tests::eventually("the next space serves", entered).await;
    let page = [("cookie", cookie.as_str()), ("accept", "text/html")];
    for version in VERSIONS {
        let answer = stage
            .visitor
            .send(version, Method::GET, &url, &fields)
            .await;
        assert_eq!((answer.status, answer.code()), (401, "SIGN_IN_REQUIRED"));
        let sent = stage.visitor.send(version, Method::GET, &url, &page).await;
        assert_eq!(sent.status, 303);
        assert!(
            sent.header("location")
                .starts_with(&stage.home.api_url("/apps/sign-in?"))
        );
    }
    let websocket = stage.app_url(ada, "8000", "/websocket");
    let opened = stage.visitor.websocket_with(&websocket, &fields).await;
    assert_eq!(opened.err(), Some(401));
    for code in unused {
        assert_eq!(stage.visitor.get(&code).await.code(), "SIGN_IN_FAILED");
    }
    let seen = stage.seen(&person).await;
    assert!(seen.iter().all(|it| it["target"] != "/kept"), "{seen:?}");
}

#[tokio::test]
async fn rule_3_a_space_never_gets_our_cookie_and_gets_everything_else_untouched() {
    let stage = Stage::open(home().await, "r3").await;
    let mallory = &stage.mallory;
    // An administrator looks into the hostile space.
    let ticket = stage.enter(&stage.admin, mallory, "8000").await;
    let secret = ticket.split_once('=').expect("a value").1;
    let cookies = format!("a=1; {ticket}; b=\"2\"");
    let fields = [
        ("cookie", cookies.as_str()),
        ("authorization", "Basic eDp5"),
    ];
    for version in VERSIONS {
        let url = stage.app_url(mallory, "8000", "/hostile?%2e=%2F&a=b%20c");
        let answer = stage
            .visitor
            .send(version, Method::GET, &url, &fields)
            .await;
        let request = echoed(&answer);
        assert_eq!(values(&request, "cookie"), ["a=1; b=\"2\""]);
        assert_eq!(values(&request, "authorization"), ["Basic eDp5"]);
        assert_eq!(request["target"], "/hostile?%2e=%2F&a=b%20c");
        // Nor does it overwrite the cookie, set one for its neighbours, or speak as the edge.
        let set: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
        assert_eq!(
            set,
            ["session=forged; Path=/", "own=kept; Path=/; HttpOnly"]
        );
        assert_eq!(answer.code(), "");
    }
    // The same where no sign-in is asked for, in spellings that a server might understand.
    let (_, tunnel) = stage.tunnel(mallory).await;
    for spelling in [
        ticket.clone(),
        ticket.to_uppercase(),
        format!("\"{COOKIE}\"={secret}"),
        format!(" {COOKIE} = {secret} "),
    ] {
        let fields = [("cookie", spelling.as_str())];
        let answer = stage.visitor.get_with(&tunnel, &fields).await;
        let told = answer.body.to_lowercase();
        assert!(!told.contains(&secret.to_lowercase()), "{spelling}: {told}");
    }
}

#[tokio::test]
async fn rule_4_a_page_of_another_space_asks_nothing_with_a_visitors_cookie() {
    let stage = Stage::open(home().await, "r4").await;
    let (ada, mallory) = (&stage.ada, &stage.mallory);
    let ticket = stage.enter(&ada.client, ada, "8000").await;
    let origin = |person, app| {
        let url = stage.app_url(person, app, "");
        url.trim_end_matches('/').to_owned()
    };
    let (own, kin, hostile) = (
        origin(ada, "8000"),
        origin(ada, "8001"),
        origin(mallory, "8000"),
    );
    let (_, tunnel) = stage.tunnel(mallory).await;
    for (origin, allowed) in [
        (own.as_str(), true),
        (&kin, true),
        (&hostile, false),
        (&tunnel, false),
        ("null", false),
        ("https://evil.example", false),
    ] {
        let url = stage.app_url(ada, "8000", "/asked");
        for version in VERSIONS {
            for method in [Method::GET, Method::POST, Method::DELETE] {
                let fields = [("cookie", ticket.as_str()), ("origin", origin)];
                let answer = stage.visitor.send(version, method, &url, &fields).await;
                let expected = if allowed { 200 } else { 403 };
                assert_eq!(answer.status, expected, "{origin} {version:?}");
                assert_eq!(answer.code(), if allowed { "" } else { "CROSS_ORIGIN" });
            }
        }
        let url = stage.app_url(ada, "8000", "/websocket");
        let fields = [("cookie", ticket.as_str()), ("origin", origin)];
        let opened = stage.visitor.websocket_with(&url, &fields).await;
        assert_eq!(opened.err(), (!allowed).then_some(403), "{origin}");
    }
    // Nothing refused has reached the space: 2 origins × 2 versions × 3 methods have.
    let seen = stage.seen(ada).await;
    let asked = seen.iter().filter(|it| it["target"] == "/asked").count();
    assert_eq!(asked, 12);

    // The editor answers its own pages alone, under either of its names.
    for app in ["code", "8002"] {
        let ticket = stage.enter(&ada.client, ada, app).await;
        let url = stage.app_url(ada, app, "/editor");
        let own = origin(ada, app);
        for (origin, status) in [(own.as_str(), 200), (&kin, 403)] {
            let fields = [("cookie", ticket.as_str()), ("origin", origin)];
            let answer = stage.visitor.get_with(&url, &fields).await;
            assert_eq!(answer.status, status, "{origin} {app}");
        }
    }

    // Frames, images and scripts of a hostile page bring no origin, but their kind.
    let link = [
        ("cookie", ticket.as_str()),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    assert_eq!(stage.get(ada, "/", &link).await.status, 200);
    let mut frame = link;
    frame[3].1 = "iframe";
    assert_eq!(stage.get(ada, "/", &frame).await.code(), "CROSS_ORIGIN");
}

#[tokio::test]
async fn rule_5_what_is_not_ones_own_looks_like_what_does_not_exist() {
    let stage = Stage::open(home().await, "r5").await;
    let (ada, mallory) = (&stage.ada, &stage.mallory);
    let guest_name = "guest-r5";
    let guest = stage.admin.create_user(guest_name, json!({})).await;
    let share = json!({ "spaceId": ada.space, "userName": guest_name });
    ada.client.mutate("shareSpace", share).await.value("space");

    // Nobody known: the same way to the sign-in for everything below the domain.
    let page = [("accept", "text/html")];
    let there = stage.app_url(ada, "8000", "/deep?x=1");
    let nowhere = there.replace("--lab--", "--none--");
    let (to_there, to_nowhere) = (
        stage.visitor.get_with(&there, &page).await,
        stage.visitor.get_with(&nowhere, &page).await,
    );
    assert_eq!((to_there.status, to_nowhere.status), (303, 303));
    let location = to_there.header("location").replace("--lab--", "--none--");
    assert_eq!(location, to_nowhere.header("location"));

    // Signed in without rights: the page of the API gives a code for either name.
    let signed_in = async |client: &Client, url: &str| -> Answer {
        let code = stage.code_for(client, url).await;
        let entered = stage.visitor.get(&code).await;
        assert_eq!(entered.status, 303, "{}", entered.body);
        let cookie = cookie_of(&entered);
        let fields = [("cookie", cookie.as_str())];
        stage.visitor.get_with(url, &fields).await
    };
    let plain = |answer: &Answer| {
        let mut headers = answer.headers.clone();
        for varying in ["x-request-id", "date"] {
            headers.remove(varying);
        }
        let (body, _) = answer.body.split_once("(request").expect("a plain answer");
        (answer.status, headers, body.to_owned())
    };
    let missing = signed_in(&mallory.client, &nowhere).await;
    assert_eq!((missing.status, missing.code()), (404, "UNKNOWN_HOST"));
    for denied in [&mallory.client, &guest] {
        let answer = signed_in(denied, &there).await;
        assert_eq!(plain(&answer), plain(&missing));
    }
    for allowed in [&ada.client, &stage.admin] {
        assert_eq!(signed_in(allowed, &there).await.status, 200);
    }
}

#[tokio::test]
async fn rule_7_one_request_is_one_request_to_the_space_too() {
    let stage = Stage::open(home().await, "r7").await;
    let (_, tunnel) = stage.tunnel(&stage.ada).await;
    let authority = tunnel.trim_start_matches("https://");
    let (host, _) = authority.split_once(':').expect("a port");
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
    let length = smuggled.len();
    for fields in [
        format!("content-length: {length}\r\ntransfer-encoding: chunked"),
        format!("transfer-encoding: chunked\r\ncontent-length: {length}"),
        "transfer-encoding: xchunked".to_owned(),
        "transfer-encoding: chunked\r\ntransfer-encoding: identity".to_owned(),
        format!("content-length: 0\r\ncontent-length: {length}"),
        format!("content-length: +{length}"),
        format!("content-length : {length}"),
    ] {
        let text = format!(
            "POST /first HTTP/1.1\r\nhost: {authority}\r\n{fields}\r\n\r\n0\r\n\r\n{smuggled}"
        );
        stage.visitor.raw(host, &text).await;
    }
    // What speaks to the next hop only stays here, also what is only said to.
    let text = format!(
        "GET /%2e%2e/%2Fa?%00=b%20c HTTP/1.1\r\nhost: {authority}\r\nconnection: close, x-hop\r\n\
         x-hop: 1\r\nte: gzip\r\nproxy-authorization: Basic eDp5\r\nupgrade: h2c\r\n\r\n"
    );
    let answer = stage.visitor.raw(host, &text).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let seen = stage.seen(&stage.ada).await;
    let is_smuggled = |it: &&serde_json::Value| it["target"] == "/smuggled";
    assert_eq!(seen.iter().find(is_smuggled), None);
    let kept = seen
        .iter()
        .find(|it| it["target"] == "/%2e%2e/%2Fa?%00=b%20c")
        .expect("the path as it was sent");
    for name in [
        "x-hop",
        "te",
        "proxy-authorization",
        "upgrade",
        "connection",
    ] {
        let values = values(kept, name);
        assert!(values.is_empty(), "{name}: {values:?}");
    }
}

#[tokio::test]
async fn rule_8_paths_of_the_edges_own_never_reach_a_space() {
    let stage = Stage::open(home().await, "r8").await;
    let mallory = &stage.mallory;
    let (_, tunnel) = stage.tunnel(mallory).await;
    let ticket = stage.enter(&mallory.client, mallory, "8000").await;
    let fields = [("cookie", ticket.as_str())];
    for path in [
        "/.well-known/acme-challenge/token",
        "/.spaceport/enter",
        "/.spaceport/anything",
    ] {
        for base in [&tunnel, &stage.app_url(mallory, "8000", "")] {
            let url = format!("{base}{path}");
            let answer = stage.visitor.get_with(&url, &fields).await;
            assert!(!answer.code().is_empty(), "{url}: {}", answer.body);
        }
    }
    let seen = stage.seen(mallory).await;
    let reached =
        |it: &&serde_json::Value| it["target"].as_str().is_some_and(|it| it.starts_with("/."));
    assert_eq!(seen.iter().find(reached), None);
    // The edge's own health and metrics are not where visitors come in.
    for path in ["/metrics", "/healthz", "/readyz"] {
        let request = echoed(&stage.visitor.get(&format!("{tunnel}{path}")).await);
        assert_eq!(request["target"], path);
    }
}

#[tokio::test]
async fn rule_9_a_public_tunnel_gets_no_credential_and_is_not_the_platform() {
    let stage = Stage::open(home().await, "r9").await;
    let (_, tunnel) = stage.tunnel(&stage.mallory).await;
    let ticket = stage.enter(&stage.ada.client, &stage.ada, "8000").await;
    let session = "spaceport-session=secret; __Host-spaceport-session=secret";
    let fields = [("cookie", format!("{ticket}; {session}; own=1"))];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let request = echoed(&stage.visitor.get_with(&tunnel, &fields).await);
    assert_eq!(values(&request, "cookie"), ["own=1"]);
    // Nothing is asked of who comes, and nothing of the edge's own there is indexed.
    let nothing = tunnel.replace("https://", "https://none-");
    for accept in ["text/html", "*/*"] {
        let answer = stage
            .visitor
            .get_with(&nothing, &[("accept", accept)])
            .await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.header("x-robots-tag"), "noindex");
        assert_eq!(answer.header("set-cookie"), "");
        assert_eq!(answer.header("location"), "");
    }
}
