//! The dashboard, in a real browser, with real spaces.

use reqwest::Response;
use serde_json::{Value, json};
use spaceport_tests::{BUSYBOX, Client, Database, Home, Installation, browser, client::id, vscode};

/// Serves a page, writes what its parameter says, and then a line a second.
const WRITES: &str = "mkdir /tmp/page; echo '<h1>Served inside</h1>' > /tmp/page/index.html; \
    httpd -p 8000 -h /tmp/page; echo greeting $GREETING; \
    i=0; while :; do i=$((i+1)); echo tick $i; sleep 1; done";

/// One whose spaces run and have something of everything.
fn lively() -> Value {
    json!({
        "image": BUSYBOX, "command": ["sh", "-c", WRITES], "cpu": 1.0,
        "description": "A shell that says hello.",
        "features": ["TERMINAL", "SSH", "FILES", "PORT_FORWARD", "TUNNELS"],
        "ports": [{ "name": "web", "port": 8000 }],
        "volumes": [{ "name": "work", "mountPath": "/work", "sizeGib": 1 }],
        "env": [
            { "name": "GREETING", "value": "${GREETING}" },
            { "name": "SECRET", "value": "${SECRET}" },
        ],
        "variables": [
            { "name": "GREETING", "description": "What it says.", "default": "hello" },
            { "name": "SECRET", "description": "What it doesn't say.", "secret": true },
        ],
    })
}

/// One whose spaces end as soon as they have started.
fn broken() -> Value {
    json!({ "image": BUSYBOX, "command": ["sh", "-c", "echo last words; exit 3"] })
}

async fn only_space(owner: &Client) -> String {
    let found = owner
        .query("{ spaces(first: 1) { nodes { id } } }", json!({}))
        .await;
    let id = found["spaces"]["nodes"][0]["id"].as_str();
    id.expect("a space").to_owned()
}

/// Deletes one of two spaces, changes the other and makes a third.
async fn change_list(owner: &Client, template: &str, doomed: &str) {
    owner.delete_space(doomed).await;
    let input = json!({ "spaceId": only_space(owner).await, "description": "changed while away" });
    owner.mutate("updateSpace", input).await.value("space");
    owner.create_space(template, "newborn").await;
}

/// Deletes the one that was made meanwhile.
async fn delete_newborn(owner: &Client) {
    let found = owner
        .query("{ spaces(first: 2) { nodes { id name } } }", json!({}))
        .await;
    let spaces = found["spaces"]["nodes"].as_array().expect("spaces");
    let newborn = spaces.iter().find(|it| it["name"] == "newborn");
    owner.delete_space(&id(newborn.expect("the third"))).await;
}

/// Whether the program runs in the space that whoever restarts it has started before.
fn runs_program(home: &Home, space: &str) -> bool {
    home.docker.inside(space, "ps | grep -q '[s]leep 4242'").0
}

/// Leaves a person with a role that allows little beyond making spaces.
async fn restrict(admin: &Client, person: &Client) {
    let permissions = ["CREATE_SPACES", "USE_TERMINAL", "USE_SSH"];
    let role = json!({ "name": "Maker", "permissions": permissions });
    let role = admin.mutate("createRole", role).await.value("role");
    let input = json!({ "userId": person.viewer_id().await, "roleIds": [role["id"]] });
    admin.mutate("updateUser", input).await.value("user");
}

/// Ends every sign-in of a person but the one that this is asked with.
async fn end_sign_ins(owner: &Client) {
    let found = owner
        .query("{ viewer { sessions { id current } } }", json!({}))
        .await;
    let sessions = found["viewer"]["sessions"].as_array().expect("sign-ins");
    let others = sessions.iter().filter(|it| it["current"] == false);
    for session in others {
        let input = json!({ "sessionId": session["id"] });
        owner.mutate("revokeSession", input).await.value("session");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_live_on_the_dashboard_whatever_happens_around_them() {
    let home = Installation::start(Database::Sqlite).await;
    let admin = home.admin().await;
    admin.create_template("lively", lively()).await;
    let broken = admin.create_template("broken", broken()).await;
    let limits = json!({ "spaces": 3, "computeUnits": 2, "storageUnits": 5, "tunnels": 2 });
    let ada = admin.create_user("ada", json!({ "limits": limits })).await;
    let grace = admin.create_user("grace", json!({})).await;
    let setting = json!({
        "home": home.api_url("/"),
        "owner": { "name": "ada", "token": ada.token() },
        "guest": { "name": "grace", "token": grace.token() },
        "password": "their password",
        "templates": { "good": "lively", "bad": "broken", "badId": broken },
        "pictures": browser::pictures("dashboard"),
    });
    let servers = [home.api_address(), home.edge_address()];
    let act = async |request: &str| match request {
        "start a program in the space" => {
            let space = only_space(&ada).await;
            home.docker
                .read_inside(&space, "sleep 4242 > /dev/null 2>&1 &");
            assert!(runs_program(&home, &space));
        }
        "see that the program is gone" => {
            assert!(!runs_program(&home, &only_space(&ada).await));
        }
        "delete the newborn" => delete_newborn(&ada).await,
        "let them share no more" => restrict(&admin, &ada).await,
        "end the sign-ins" => end_sign_ins(&ada).await,
        "kill the API" => home.api.kill(),
        "start the API" => home.start_api().await,
        other => match other.strip_prefix("change the list: ") {
            Some(doomed) => change_list(&ada, &broken, doomed).await,
            None => panic!("asked for {other}"),
        },
    };
    browser::converse("dashboard.mjs", setting, &servers, act).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_told_what_their_quota_lacks_and_lose_nothing() {
    let home = Installation::plan(Database::Sqlite).without_edge().start();
    let home = home.await;
    let admin = home.admin().await;
    let modest = admin.create_template("modest", lively()).await;
    let hungry = json!({ "image": BUSYBOX, "command": ["sleep", "600"], "computeUnits": 3 });
    let hungry = admin.create_template("hungry", hungry).await;
    let limits = json!({ "spaces": 2, "computeUnits": 2 });
    let ada = admin.create_user("ada", json!({ "limits": limits })).await;
    let setting = json!({
        "home": home.api_url("/"),
        "owner": { "name": "ada", "token": ada.token() },
        "password": "their password",
        "templates": {
            "modest": { "name": "modest", "id": modest },
            "hungry": { "name": "hungry", "id": hungry },
        },
        "pictures": browser::pictures("dashboard-quota"),
    });
    browser::run("dashboard-quota.mjs", setting, &[home.api_address()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_use_the_dashboard_by_the_keyboard_alone() {
    let home = Installation::plan(Database::Sqlite).without_edge().start();
    let home = home.await;
    let admin = home.admin().await;
    let writes = "i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo line $i; done; sleep 600";
    let blueprint =
        json!({ "image": BUSYBOX, "command": ["sh", "-c", writes], "features": ["TUNNELS"] });
    let template = admin.create_template("writes", blueprint).await;
    let ada = admin.create_user("ada", json!({})).await;
    admin.create_user("grace", json!({})).await;
    ada.run_space(&template, "lab").await;
    let other = ada.create_space(&template, "other").await;
    let setting = json!({
        "home": home.api_url("/"),
        "owner": { "name": "ada", "token": ada.token() },
        "guest": "grace",
        "password": "their password",
        "spaces": { "other": other },
        "pictures": browser::pictures("dashboard-keys"),
    });
    browser::run("dashboard-keys.mjs", setting, &[home.api_address()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dashboard_is_right_where_things_are_long_or_wrong_or_gone() {
    let home = Installation::start(Database::Sqlite).await;
    let admin = home.admin().await;
    let good = admin.create_template("lively", lively()).await;
    let bad = admin.create_template("broken", broken()).await;
    let limits = json!({ "spaces": 3, "computeUnits": 1, "storageUnits": 5, "tunnels": 2 });
    let ada = admin.create_user("ada", json!({ "limits": limits })).await;
    admin.create_user("grace", json!({})).await;
    let setting = json!({
        "home": home.api_url("/"),
        "owner": { "name": "ada", "token": ada.token() },
        "guest": "grace",
        "password": "their password",
        "templates": { "good": good, "bad": bad },
        "pictures": browser::pictures("dashboard-edges"),
    });
    let servers = [home.api_address(), home.edge_address()];
    browser::run("dashboard-edges.mjs", setting, &servers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_see_how_the_apps_of_a_space_are() {
    let plan = Installation::plan(Database::Sqlite).set("SPACEPORT_APPS_SECONDS", "1");
    let home = plan.without_edge().start().await;
    let image = vscode::image(&home);
    let admin = home.admin().await;
    let blueprint = json!({ "image": image.name(), "features": ["TERMINAL", "VSCODE_TUNNEL"] });
    let template = admin.create_template("tunnelled", blueprint).await;
    let ada = admin.create_user("ada", json!({})).await;
    admin.create_user("grace", json!({})).await;
    let space = ada.create_space(&template, "lab").await;
    let input = json!({ "spaceId": space, "userName": "grace" });
    ada.mutate("shareSpace", input).await.value("space");
    let setting = json!({
        "home": home.api_url("/"),
        "space": space,
        "owner": "ada",
        "guest": "grace",
        "password": "their password",
        "login": { "url": vscode::LOGIN_URL, "code": vscode::LOGIN_CODE },
        "tunnel": { "name": vscode::NAME, "url": vscode::URL },
        "pictures": browser::pictures("dashboard-apps"),
    });
    let act = async |request: &str| {
        let file = match request {
            "let the program ask" => vscode::ASK,
            "sign the program in" => vscode::SIGNED_IN,
            "break the program" => vscode::BREAK,
            other => panic!("asked for {other}"),
        };
        home.docker.read_inside(&space, &format!("touch {file}"));
    };
    let servers = [home.api_address()];
    browser::converse("dashboard-apps.mjs", setting, &servers, act).await;
}

/// What is in a header of an answer.
fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.and_then(|it| it.to_str().ok()).unwrap_or_default()
}

/// An answer with which a browser is told to load nothing from elsewhere, to show it in nobody's frame
/// and to tell nobody where it was.
async fn strict(home: &Home, path: &str) -> Response {
    let response = reqwest::get(home.api_url(path)).await.expect("an answer");
    assert_eq!(response.status(), 200, "{path}");
    assert_eq!(
        header(&response, "x-content-type-options"),
        "nosniff",
        "{path}"
    );
    assert_eq!(
        header(&response, "referrer-policy"),
        "no-referrer",
        "{path}"
    );
    let policy = header(&response, "content-security-policy");
    let rules: Vec<_> = policy.split(';').map(str::trim).collect();
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(rules.contains(&rule), "{path} lacks {rule}: {policy}");
    }
    let others = rules
        .iter()
        .filter(|it| !it.ends_with(" 'self'") && !it.ends_with(" 'none'"));
    assert_eq!(others.count(), 0, "{path}: {policy}");
    response
}

/// What of its own a page loads first.
fn assets(page: &str) -> Vec<&str> {
    let assets: Vec<_> = page
        .split('"')
        .filter(|it| it.contains("/assets/"))
        .collect();
    assert!(assets.len() >= 2, "a script and a style: {page}");
    assets
}

#[tokio::test]
async fn every_answer_of_the_pages_says_what_browsers_may_load() {
    let plan = Installation::plan(Database::Sqlite).set("SPACEPORT_GRAPHIQL", "true");
    let home = plan.without_edge().start().await;
    for path in ["/", "/new", "/spaces/x", "/account", "/graphiql"] {
        let page = strict(&home, path).await;
        assert_eq!(
            header(&page, "content-type"),
            "text/html; charset=utf-8",
            "{path}"
        );
        for asset in assets(&page.text().await.expect("a page")) {
            strict(&home, asset).await;
        }
    }
}

#[tokio::test]
async fn who_reads_pages_is_told_by_one_that_there_is_none() {
    let home = Installation::shared(Database::Sqlite).await;
    let get = async |path: &str, accept: &str| {
        let request = reqwest::Client::new().get(home.api_url(path));
        let got = request.header("accept", accept).send().await.unwrap();
        let tag = got.headers().get("etag").cloned();
        let tagged = tag.is_some();
        (got.status().as_u16(), tagged, got.text().await.unwrap())
    };
    let (_, _, page) = get("/", "text/html").await;
    for place in ["/spaces", "/spaces/", "/spaces/x/logs", "/new/", "/account"] {
        assert_eq!(
            get(place, "text/html").await,
            (200, true, page.clone()),
            "{place}"
        );
    }
    for nowhere in ["/nowhere", "/graphql/nowhere", "/account/nowhere"] {
        let (status, tagged, text) = get(nowhere, "text/html,*/*;q=0.8").await;
        assert_eq!((status, tagged), (404, false), "{nowhere}");
        assert_eq!(text, page);
        assert_eq!(get(nowhere, "application/json").await.2, "");
    }
}
