//! Making, running, watching and deleting spaces.

use serde_json::{Value, json};
use spaceport_tests::{Cli, Client, Database, Home, Installation, eventually};

const SLEEPS: [&str; 3] = ["sh", "-c", "echo hello from here; exec sleep 1000"];

async fn house(name: &str, blueprint: Value) -> (Home, Client, Cli) {
    let home = Installation::shared(Database::Sqlite).await;
    let admin = home.admin().await;
    admin.create_template(name, blueprint).await;
    let user = admin.create_user(name, json!({})).await;
    let cli = Cli::of(&home, &user);
    (home, user, cli)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_space_lives_from_its_making_to_its_deletion() {
    let variable = json!({ "name": "GREETING", "default": "hi" });
    let blueprint = json!({ "command": SLEEPS, "variables": [variable] });
    let (_home, _, cli) = house("cli-life", blueprint).await;
    let templates = cli.json(&["template", "ls"]).await;
    let named = |it: &&Value| it["name"] == "cli-life";
    let template = templates.as_array().unwrap().iter().find(named);
    assert_eq!(
        template.unwrap()["version"]["variables"][0]["default"],
        "hi"
    );

    let create = [
        "space",
        "create",
        "lab",
        "-t",
        "cli-life",
        "-p",
        "GREETING=a=b",
        "--start",
    ];
    let made = cli.json(&create).await;
    assert_eq!(made["status"], "RUNNING");
    assert_eq!(made["parameters"][0]["value"], "a=b");
    let listed = cli.json(&["space", "ls"]).await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["name"], "lab");
    let table = cli.run(&["space", "ls"]).await.succeeded();
    assert!(table.out.starts_with("NAME  OWNER"), "{table:?}");
    assert!(table.out.contains("running"), "{table:?}");
    let shown = cli
        .run(&["space", "show", "cli-life/lab"])
        .await
        .succeeded();
    assert!(shown.out.contains("GREETING=a=b"), "{shown:?}");
    // It runs before it has said a word.
    eventually("it has said something", async || {
        let logs = cli.run(&["space", "logs", "lab", "--no-follow"]).await;
        let said = logs.succeeded().out;
        assert!(["", "hello from here\n"].contains(&said.as_str()), "{said}");
        !said.is_empty()
    })
    .await;

    assert_eq!(
        cli.json(&["space", "stop", "lab"]).await["status"],
        "STOPPED"
    );
    assert_eq!(
        cli.json(&["space", "start", "lab"]).await["status"],
        "RUNNING"
    );
    assert_eq!(
        cli.json(&["space", "restart", "lab"]).await["status"],
        "RUNNING"
    );
    let asked = cli.run(&["space", "rm", "lab"]).await;
    asked.failed(2, "--yes");
    cli.run(&["space", "rm", "lab", "--yes"]).await.succeeded();
    cli.run(&["space", "show", "lab"])
        .await
        .failed(4, "NOT_FOUND");
    assert_eq!(cli.json(&["space", "ls"]).await, json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_fails_says_why_and_what_the_space_last_wrote() {
    let command = ["sh", "-c", "echo the last words; exit 3"];
    let (_home, _, cli) = house("cli-fails", json!({ "command": command })).await;
    let start = ["space", "create", "lab", "-t", "cli-fails", "--start"];
    let failed = cli.run(&start).await.failed(1, "EXITED_EARLY");
    assert!(failed.err.contains("the last words"), "{failed:?}");
    assert!(failed.err.contains("exit status 3"), "{failed:?}");
    let again = ["space", "start", "lab", "--json"];
    let again = cli.run(&again).await.failed(1, "EXITED_EARLY");
    let told = again.err.lines().last().unwrap();
    let told: Value = serde_json::from_str(told).unwrap();
    assert_eq!(told["error"]["code"], "EXITED_EARLY");
    cli.run(&["space", "start", "lab", "--no-wait"])
        .await
        .succeeded();
    cli.run(&["space", "rm", "lab", "-y"]).await.succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_sees_each_change_also_over_a_restart_of_the_api() {
    let home = Installation::start(Database::Sqlite).await;
    let admin = home.admin().await;
    let template = admin.create_template("watched", json!({})).await;
    let user = admin.create_user("watcher", json!({})).await;
    let space = user.create_space(&template, "lab").await;
    let cli = Cli::of(&home, &user);
    let mut watch = cli.start(&["space", "watch", "--json"]);
    let first: Value = serde_json::from_str(&watch.line().await).unwrap();
    assert_eq!(first["space"]["name"], "lab");
    home.crash_api().await;
    user.ask("startSpace", &space).await;
    let mut seen = Vec::new();
    while seen.last().is_none_or(|it| it != "RUNNING") {
        let event: Value = serde_json::from_str(&watch.line().await).unwrap();
        assert_ne!(event["change"], "SNAPSHOT", "it is resumed: {event}");
        seen.push(event["space"]["status"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen, ["STARTING", "RUNNING"]);
    user.delete_space(&space).await;
}
