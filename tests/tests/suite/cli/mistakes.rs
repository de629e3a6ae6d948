//! What goes wrong has an exit status, a code and a way on.

use serde_json::{Value, json};
use spaceport_tests::{Cli, Database, Installation, installation::free_address};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exit_statuses_tell_mistakes_apart() {
    let home = Installation::shared(Database::Sqlite).await;
    let user = home
        .admin()
        .await
        .create_user("cli-mistakes", json!({}))
        .await;
    let cli = Cli::of(&home, &user);
    cli.run(&["space", "fly"]).await.failed(2, "unrecognized");
    cli.run(&["space", "show", "No_Name"])
        .await
        .failed(2, "lower-case");
    cli.run(&["space", "show", "lab"])
        .await
        .failed(4, "NOT_FOUND");
    cli.run(&["cp", "a", "b"]).await.failed(2, "USAGE");
    let stranger = Cli::stranger();
    stranger.run(&["whoami"]).await.failed(3, "spaceport login");
    stranger.run(&["login"]).await.failed(2, "USAGE");

    let nowhere = format!("http://{}", free_address());
    let lost = Cli::stranger()
        .set("SPACEPORT_URL", &nowhere)
        .set("SPACEPORT_TOKEN", "x");
    lost.run(&["space", "ls"]).await.failed(5, "UNREACHABLE");
    let told = lost
        .run(&["space", "ls", "--json"])
        .await
        .failed(5, "UNREACHABLE");
    let told: Value = serde_json::from_str(&told.err).unwrap();
    assert_eq!(told["error"]["code"], "UNREACHABLE");
    let metrics = format!("http://{}", home.metrics_address());
    let astray = Cli::stranger()
        .set("SPACEPORT_URL", &metrics)
        .set("SPACEPORT_TOKEN", "x");
    astray.run(&["space", "ls"]).await.failed(5, "NOT_THE_API");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_whose_authority_is_unknown_is_not_believed() {
    let home = Installation::shared(Database::Sqlite).await;
    let admin = home.admin().await;
    let features = json!({ "features": ["FILES", "PORT_FORWARD"] });
    let template = admin.create_template("cli-tls", features).await;
    let user = admin.create_user("cli-tls", json!({})).await;
    let space = user.create_space(&template, "lab").await;
    let cli = Cli::of(&home, &user).set("SPACEPORT_CA", "");
    let refused = cli.run(&["forward", "lab", "0:8000"]).await;
    let refused = refused.failed(5, "TLS_UNTRUSTED");
    assert!(refused.err.contains("--ca"), "{refused:?}");
    let refused = cli.run(&["cp", "lab:x", "."]).await;
    refused.failed(5, "TLS_UNTRUSTED");
    let broken = Cli::of(&home, &user).set("SPACEPORT_CA", "/etc/hostname");
    broken.run(&["whoami"]).await.failed(1, "CA");
    user.delete_space(&space).await;
}
