//! The web terminal, in a real browser and against a real space.

use serde_json::json;
use spaceport_tests::{
    BASE, BUSYBOX, Client, Database, Image, Installation, browser, eventually, program::Program,
};

async fn share(owner: &Client, space: &str, guest: &str) {
    let input = json!({ "spaceId": space, "userName": guest });
    owner.mutate("shareSpace", input).await.value("space");
}

/// Starts an edge beside the one that runs, and waits until it has taken over.
async fn upgrade(from: &Program) -> Program {
    let successor = from.another("successor.log");
    successor.start();
    eventually("the predecessor drains", async || {
        assert!(successor.is_running(), "{}", successor.log());
        from.log().contains("open connections go on here")
    })
    .await;
    successor
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_work_in_terminals_whatever_happens_around_them() {
    let home = Installation::start(Database::Sqlite).await;
    let admin = home.admin().await;
    let blueprint = json!({ "image": BASE, "memoryMib": 512, "features": ["TERMINAL"] });
    let template = admin.create_template("terminals", blueprint).await;
    let ada = admin.create_user("ada", json!({})).await;
    let grace = admin.create_user("grace", json!({})).await;
    let space = ada.run_space(&template, "lab").await;
    share(&ada, &space, "grace").await;
    let port = home.edge_address().port();
    let setting = json!({
        "graphql": home.api_url("/graphql"),
        "space": space,
        "owner": { "name": "ada", "token": ada.token() },
        "guest": { "name": "grace", "token": grace.token() },
        "app": format!("https://term--lab--ada.apps.localhost:{port}"),
        "pictures": browser::pictures("terminal"),
    });
    let servers = [home.api_address(), home.edge_address()];
    let mut successor = None;
    let act = async |request: &str| match request {
        "kill the API" => home.api.kill(),
        "start the API" => home.start_api().await,
        "upgrade the edge" => successor = Some(upgrade(&home.edge).await),
        "end the old edge" => home.edge.kill(),
        other => panic!("asked for {other}"),
    };
    browser::converse("terminal.mjs", setting, &servers, act).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_has_the_shell_that_the_image_has() {
    let home = Installation::shared(Database::Sqlite).await;
    let admin = home.admin().await;
    let user = admin.create_user("shells", json!({})).await;
    let empty = Image::of(None, home.name());
    empty.make_empty();
    let opened = async |image: &str, name: &str| {
        let blueprint = json!({ "image": image, "memoryMib": 64, "features": ["TERMINAL"] });
        let template = admin
            .create_template(&format!("shell-{name}"), blueprint)
            .await;
        let space = user.run_space(&template, name).await;
        let app = json!({ "spaceId": space, "app": "term" });
        user.mutate("openApp", app).await.value("url")
    };
    let setting = json!({
        "withSh": opened(BUSYBOX, "with-sh").await,
        "withNone": opened(empty.name(), "with-none").await,
        "pictures": browser::pictures("shells"),
    });
    browser::run("shells.mjs", setting, &[home.edge_address()]).await;
}
