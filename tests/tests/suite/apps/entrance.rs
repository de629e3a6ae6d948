//! The pages on the way in, as a browser sees them.

mod browser;

use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use spaceport_tests::{Client, Database, Home, Installation, on_both_databases};

use self::browser::{Browser, code_of, credentials, field};

on_both_databases!(
    who_signs_in_on_the_way_ends_up_at_the_app,
    who_is_signed_in_is_sent_on_at_once_until_the_sign_in_ends,
    a_wrong_password_is_told_and_counted,
    only_the_address_of_an_app_is_led_to,
    a_form_from_elsewhere_is_not_taken,
    what_a_page_loads_gets_no_code,
    who_manages_a_space_starts_it_and_nobody_else_learns_of_it,
    a_space_says_where_its_apps_are,
);

const PASSWORD: &str = "their password";

/// The URL of a port of a space, which need not exist.
fn app(home: &Home, space: &str, owner: &str) -> String {
    let port = home.edge_address().port();
    format!("https://8000--{space}--{owner}.apps.localhost:{port}/deep?x=1&y=%2F")
}

async fn is_redeemed(home: &Home, code: &str, to: &str) -> Client {
    let host = to["https://".len()..].split(':').next().expect("a host");
    let input = json!({ "code": code, "host": host });
    let edge = home.as_edge();
    edge.mutate("redeemAppCode", input).await.value("ticket");
    edge
}

async fn sessions(client: &Client) -> Vec<Value> {
    let document = "{ viewer { sessions { id userAgent current } } }";
    let data = client.query(document, json!({})).await;
    let sessions = data["viewer"]["sessions"].as_array();
    sessions.expect("a list").clone()
}

async fn who_signs_in_on_the_way_ends_up_at_the_app(database: Database) {
    let home = Installation::shared(database).await;
    let client = home
        .admin()
        .await
        .create_user("on-the-way", json!({}))
        .await;
    let mut browser = Browser::new(&home);
    // It need not exist: what may not be seen looks the same.
    let to = app(&home, "anything", "anybody");
    let form = browser.get("/apps/sign-in", &to).await;
    assert_eq!(form.status(), 200);
    assert_eq!(field(&form, "cache-control"), "no-store");
    assert_eq!(field(&form, "x-content-type-options"), "nosniff");
    let policy = field(&form, "content-security-policy").to_owned();
    let port = home.edge_address().port();
    for rule in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        &format!("form-action 'self' https://*.apps.localhost:{port};"),
    ] {
        assert!(policy.contains(rule), "{policy}");
    }
    let page = form.text().await.expect("a page");
    for part in [
        "lang=\"en\"",
        "8000--anything--anybody.apps.localhost",
        "<label for=\"user-name\">",
        "autocomplete=\"username\"",
        "<label for=\"password\">",
        "autocomplete=\"current-password\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }

    let entered = browser.sign_in(&to, "on-the-way", PASSWORD).await;
    let cookie = field(&entered, "set-cookie");
    let mut attributes: Vec<_> = cookie.split("; ").skip(1).collect();
    attributes.retain(|it| !it.starts_with("Max-Age="));
    assert_eq!(attributes, ["Path=/", "HttpOnly", "SameSite=Lax"]);
    assert!(cookie.starts_with("spaceport-session="), "{cookie}");
    assert_eq!(field(&entered, "cache-control"), "no-store");
    is_redeemed(&home, &code_of(&entered, &to), &to).await;
    assert_eq!(sessions(&client).await.len(), 2, "a sign-in like others");

    what_the_cookie_holds_is_no_bearer(&home, &browser).await;

    // The cookie is known to these pages alone.
    let asked = browser
        .http
        .post(home.api_url("/graphql"))
        .headers(browser.headers())
        .json(&json!({ "query": "{ viewer { id } }" }));
    let answer: Value = asked.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED",
        "{answer}"
    );
}

/// Over plain HTTP a browser sends the cookie to whatever listens at another port of the host.
async fn what_the_cookie_holds_is_no_bearer(home: &Home, browser: &Browser) {
    let cookie = browser.cookie.as_deref().expect("signed in");
    let (_, value) = cookie.split_once('=').expect("a value");
    let thief = home.anonymous().with_token(value);
    for document in ["{ viewer { id } }", "mutation { signOut { cursor } }"] {
        let codes = thief.error_codes(document, json!({})).await;
        assert_eq!(codes, ["UNAUTHENTICATED"], "{document}");
    }
}

async fn who_is_signed_in_is_sent_on_at_once_until_the_sign_in_ends(database: Database) {
    let home = Installation::shared(database).await;
    let client = home.admin().await.create_user("sent-on", json!({})).await;
    let mut browser = Browser::new(&home);
    let (to, other) = (app(&home, "a", "b"), app(&home, "c", "d"));
    browser.sign_in(&to, "sent-on", PASSWORD).await;
    let at_once = browser.get("/apps/sign-in", &other).await;
    is_redeemed(&home, &code_of(&at_once, &other), &other).await;

    // Others end it from elsewhere.
    let sessions_now = sessions(&client).await;
    let of_browser = sessions_now.iter().find(|it| it["current"] == false);
    let input = json!({ "sessionId": of_browser.expect("the browser's")["id"] });
    let ended = client.mutate("revokeSession", input).await;
    ended.value("session");
    assert_eq!(browser.get("/apps/sign-in", &to).await.status(), 200);

    browser.sign_in(&to, "sent-on", PASSWORD).await;
    let account = browser.get("/apps/sign-out", "").await;
    let account = account.text().await.expect("a page");
    assert!(account.contains("<strong>sent-on</strong>"), "{account}");
    let kept = browser.cookie.clone();
    let out = browser.post("/apps/sign-out", &to, &[]).await;
    assert_eq!(out.status(), 303);
    assert!(field(&out, "location").starts_with("/apps/sign-in?to="));
    assert!(field(&out, "set-cookie").contains("Max-Age=0"));
    // Not even who kept the cookie is known any more.
    browser.cookie = kept;
    assert_eq!(browser.get("/apps/sign-in", &to).await.status(), 200);
    assert_eq!(sessions(&client).await.len(), 1);

    // What GraphQL takes as a bearer is none for a browser.
    let token = client.create_token(json!({})).await;
    for bearer in [client.token(), token.token()] {
        browser.cookie = Some(format!("spaceport-session={bearer}"));
        assert_eq!(browser.get("/apps/sign-in", &to).await.status(), 200);
    }
}

async fn a_wrong_password_is_told_and_counted(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    admin.create_user("page-guessed", json!({})).await;
    let mut browser = Browser::new(&home);
    let to = app(&home, "a", "b");
    let mut tried = 0;
    let refused = loop {
        let answer = browser.sign_in(&to, "page-guessed", "a <guess>").await;
        if answer.status() != 401 {
            break answer;
        }
        assert!(field(&answer, "set-cookie").is_empty());
        let page = answer.text().await.expect("a page");
        assert!(page.contains("role=\"alert\""), "{page}");
        assert!(page.contains("value=\"page-guessed\""), "{page}");
        assert!(!page.contains("guess>"), "{page}");
        tried += 1;
        assert!(tried < 50, "somebody may guess for ever");
    };
    assert_eq!(refused.status(), 429);
    assert!(
        field(&refused, "retry-after")
            .parse::<u32>()
            .expect("seconds")
            > 0
    );
    let right = browser.sign_in(&to, "page-guessed", PASSWORD).await;
    assert_eq!(right.status(), 429, "also a right guess");
    let name = browser.sign_in(&to, "\"><script>", "x").await;
    let page = name.text().await.expect("a page");
    assert!(!page.contains("<script>"), "{page}");
}

async fn only_the_address_of_an_app_is_led_to(database: Database) {
    let home = Installation::shared(database).await;
    home.admin().await.create_user("led", json!({})).await;
    let mut browser = Browser::new(&home);
    let good = app(&home, "a", "b");
    browser.sign_in(&good, "led", PASSWORD).await;
    let port = home.edge_address().port();
    for bad in [
        String::new(),
        "/".to_owned(),
        "https://evil.example/".to_owned(),
        format!("//x.apps.localhost:{port}/"),
        format!("http://x.apps.localhost:{port}/"),
        format!("https://apps.localhost:{port}/"),
        "https://x.apps.localhost/".to_owned(),
        "https://x.apps.localhost:1/".to_owned(),
        format!("https://x.apps.localhost.:{port}/"),
        format!("https://x.APPS.localhost:{port}/"),
        format!("https://\u{e4}.apps.localhost:{port}/"),
        format!("https://x.apps.localhost:{port}@evil.example/"),
        format!("https://evil.example@x.apps.localhost:{port}/"),
        format!("https://evil.example\\.apps.localhost:{port}/"),
        format!("https://x.apps.localhost:{port}//evil.example/"),
        format!("https://x.apps.localhost:{port}/\\evil.example/"),
        format!("https://x.tunnels.localhost:{port}/"),
    ] {
        for path in ["/apps/sign-in", "/apps/start"] {
            let shown = browser.get(path, &bad).await;
            assert_eq!(shown.status(), 400, "{path} {bad:?}");
            assert!(field(&shown, "location").is_empty(), "{path} {bad:?}");
        }
        let sent = browser.sign_in(&bad, "led", PASSWORD).await;
        assert_eq!(sent.status(), 400, "{bad:?}");
        assert!(field(&sent, "location").is_empty() && field(&sent, "set-cookie").is_empty());
    }
    let twice = format!("{}&to={good}", browser.url("/apps/sign-in", &good));
    let twice = browser.http.get(twice).headers(browser.headers());
    assert_eq!(twice.send().await.unwrap().status(), 400);
    code_of(&browser.get("/apps/sign-in", &good).await, &good);
}

async fn what_a_page_loads_gets_no_code(database: Database) {
    let home = Installation::shared(database).await;
    home.admin().await.create_user("loaded", json!({})).await;
    let mut browser = Browser::new(&home);
    let to = app(&home, "a", "b");
    browser.sign_in(&to, "loaded", PASSWORD).await;
    let ask = async |mode: &'static str, dest: &'static str| {
        let request = browser.http.get(browser.url("/apps/sign-in", &to));
        let request = request.headers(browser.headers());
        let request = request.header("sec-fetch-mode", mode);
        let request = request.header("sec-fetch-dest", dest);
        request.send().await.expect("an answer")
    };
    for (mode, dest) in [
        ("no-cors", "empty"),
        ("no-cors", "image"),
        ("navigate", "iframe"),
    ] {
        // More often than there may be codes.
        for _ in 0..40 {
            let shown = ask(mode, dest).await;
            assert_eq!(shown.status(), 403, "{mode} {dest}");
            assert!(field(&shown, "location").is_empty(), "{mode} {dest}");
        }
    }
    code_of(&ask("navigate", "document").await, &to);
}

async fn a_form_from_elsewhere_is_not_taken(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("foreign-form", json!({})).await;
    let owner = admin.create_user("foreign-form", json!({})).await;
    let space = owner.create_space(&template, "lab").await;
    let mut browser = Browser::new(&home);
    let to = app(&home, "lab", "foreign-form");
    browser.sign_in(&to, "foreign-form", PASSWORD).await;
    let before = browser.cookie.clone();
    let form = [("userName", "admin"), ("password", "x")];
    for origin in [Some("https://evil.example"), Some("null"), None] {
        for path in ["/apps/sign-in", "/apps/start", "/apps/sign-out"] {
            let origin = origin.map(HeaderValue::from_static);
            let refused = browser.post_from(origin, path, &to, &form).await;
            assert_eq!(refused.status(), 403, "{path}");
            assert!(field(&refused, "set-cookie").is_empty(), "{path}");
        }
    }
    let origin = HeaderValue::from_str(&browser.api).expect("an origin");
    let other_type = browser
        .http
        .post(browser.url("/apps/sign-in", &to))
        .header("origin", &origin)
        .header("content-type", "text/plain")
        .body("userName=foreign-form&password=their+password");
    assert_eq!(other_type.send().await.unwrap().status(), 403);
    // Just too long: whoever sends much more finds the connection closed before the answer.
    let long = "x".repeat(16 << 10);
    let long = [("userName", "foreign-form"), ("password", long.as_str())];
    let refused = browser
        .post_from(Some(origin), "/apps/sign-in", &to, &long)
        .await;
    assert_eq!(refused.status(), 403);
    assert_eq!(browser.cookie, before);
    code_of(&browser.get("/apps/sign-in", &to).await, &to);
    assert_eq!(owner.space(&space).await["status"], "CREATED");
}

async fn who_manages_a_space_starts_it_and_nobody_else_learns_of_it(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("page-start", json!({})).await;
    let limits = json!({ "limits": { "computeUnits": 1 } });
    let owner = admin.create_user("page-owner", limits).await;
    let guest = admin.create_user("page-guest", json!({})).await;
    let space = owner.create_space(&template, "lab").await;
    let share = json!({ "spaceId": space, "userName": "page-guest" });
    owner.mutate("shareSpace", share).await.value("space");
    let to = app(&home, "lab", "page-owner");
    let mut browser = Browser::new(&home);
    let unknown = browser.get("/apps/start", &to).await;
    assert_eq!(unknown.status(), 200);
    let page = unknown.text().await.expect("a page");
    assert!(page.contains("action=\"/apps/start?to="), "{page}");
    assert!(page.contains("name=\"password\""), "{page}");
    // Nobody who isn't known starts anything, or is told that there is something.
    let unknown = browser.post("/apps/start", &to, &[]).await;
    assert_eq!(unknown.status(), 200);
    assert!(browser.cookie.is_none());
    let wrong = credentials("page-owner", "not their password");
    let refused = browser.post("/apps/start", &to, &wrong).await;
    assert_eq!(refused.status(), 401);
    assert!(browser.cookie.is_none());

    browser.sign_in(&to, "page-guest", PASSWORD).await;
    assert!(!guest.space(&space).await.is_null(), "the guest sees it");
    let nowhere = app(&home, "never-made", "page-owner");
    let mut pages = Vec::new();
    for there in [&to, &nowhere] {
        let shown = browser.get("/apps/start", there).await;
        assert_eq!(shown.status(), 404);
        let page = shown.text().await.expect("a page");
        pages.push(page.replace("never-made", "lab"));
        let asked = browser.post("/apps/start", there, &[]).await;
        assert_eq!(asked.status(), 404);
    }
    assert_eq!(pages[0], pages[1]);
    assert_eq!(owner.space(&space).await["status"], "CREATED");

    browser.sign_in(&to, "page-owner", PASSWORD).await;
    let shown = browser.get("/apps/start", &to).await;
    assert_eq!(shown.status(), 200);
    let page = shown.text().await.expect("a page");
    assert!(page.contains("<strong>lab</strong>"), "{page}");
    assert!(page.contains("<strong>created</strong>"), "{page}");
    let started = browser.post("/apps/start", &to, &[]).await;
    // With a code, so that the edge looks only once it knows of the start.
    assert_eq!(started.status(), 303);
    code_of(&started, &to);
    owner.space_is(&space, "RUNNING").await;
    let shown = browser.get("/apps/start", &to).await;
    let page = shown.text().await.expect("a page");
    assert!(
        page.contains(">Open</a>") && !page.contains(">Start<"),
        "{page}"
    );

    owner.create_space(&template, "second").await;
    let second = app(&home, "second", "page-owner");
    let refused = browser.post("/apps/start", &second, &[]).await;
    assert_eq!(refused.status(), 409);
    let page = refused.text().await.expect("a page");
    assert!(
        page.contains("role=\"alert\"") && page.contains("Compute units are limited"),
        "{page}"
    );
    // Who says who they are in order to start it has asked for it.
    owner.stop_space(&space).await;
    let mut newcomer = Browser::new(&home);
    let known = credentials("page-guest", PASSWORD);
    let asked = newcomer.post("/apps/start", &to, &known).await;
    assert_eq!(asked.status(), 404);
    let mut newcomer = Browser::new(&home);
    let known = credentials("page-owner", PASSWORD);
    let started = newcomer.post("/apps/start", &to, &known).await;
    assert_eq!(started.status(), 303);
    assert!(newcomer.cookie.is_some());
    code_of(&started, &to);
    owner.space_is(&space, "RUNNING").await;
    owner.delete_space(&space).await;
}

async fn a_space_says_where_its_apps_are(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let ports = json!([{ "name": "web", "port": 8000 }]);
    let template = json!({ "features": ["CODE_SERVER", "PORT_FORWARD"], "ports": ports });
    let template = admin.create_template("where", template).await;
    let owner = admin.create_user("where-owner", json!({})).await;
    let guest = admin.create_user("where-guest", json!({})).await;
    let space = owner.create_space(&template, "lab").await;
    let share = json!({ "spaceId": space, "userName": "where-guest" });
    owner.mutate("shareSpace", share).await.value("space");
    let document = "query ($id: ID!) { space(id: $id) { \
        features { feature url } ports { name port url } } }";
    let told = async |client: &Client| {
        let mut data = client.query(document, json!({ "id": space })).await;
        let space = data["space"].take();
        let features = space["features"].as_array().expect("a list").clone();
        let urls = features.iter().filter(|it| !it["url"].is_null());
        (urls.cloned().collect::<Vec<_>>(), space["ports"].clone())
    };
    let port = home.edge_address().port();
    let url = |app: &str| format!("https://{app}--lab--where-owner.apps.localhost:{port}/");
    let (features, ports) = told(&owner).await;
    let code = json!({ "feature": "CODE_SERVER", "url": url("code") });
    assert_eq!(features, [code], "the template enables no other");
    let web = json!({ "name": "web", "port": 8000, "url": url("8000") });
    assert_eq!(ports, json!([web]));
    let (features, ports) = told(&guest).await;
    assert_eq!(features, Vec::<Value>::new(), "sharing doesn't include it");
    assert_eq!(ports[0]["url"], Value::Null);
}
