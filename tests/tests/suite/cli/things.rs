//! Keys, tunnels, shares, quotas, and completion.

use std::process::Command;

use serde_json::json;
use spaceport_tests::{Cli, Database, Installation};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_added_listed_and_removed() {
    let home = Installation::shared(Database::Sqlite).await;
    let user = home.admin().await.create_user("cli-keys", json!({})).await;
    let cli = Cli::of(&home, &user);
    cli.run(&["keys", "add"]).await.failed(4, "ssh-keygen");
    std::fs::create_dir(cli.home().join(".ssh")).unwrap();
    let file = cli.home().join(".ssh/id_ed25519");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "ada@desk", "-f"])
        .arg(&file)
        .status();
    assert!(made.unwrap().success());
    let private = file.display().to_string();
    cli.run(&["keys", "add", &private]).await.failed(2, ".pub");
    let added = cli.json(&["keys", "add"]).await;
    assert_eq!(added["name"], "ada@desk");
    let listed = cli.json(&["keys", "ls"]).await;
    assert_eq!(listed[0]["fingerprint"], added["fingerprint"]);
    cli.run(&["keys", "add"]).await.failed(1, "KEY_TAKEN");
    cli.run(&["keys", "rm", "nothing"])
        .await
        .failed(4, "NOT_FOUND");
    cli.run(&["keys", "rm", "ada@desk"]).await.succeeded();
    assert_eq!(cli.json(&["keys", "ls"]).await, json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tunnels_and_shares_come_and_go() {
    let home = Installation::shared(Database::Sqlite).await;
    let admin = home.admin().await;
    let template = admin.create_template("cli-things", json!({})).await;
    let user = admin.create_user("cli-things", json!({})).await;
    let guest = admin.create_user("cli-guest", json!({})).await;
    let space = user.create_space(&template, "lab").await;
    let cli = Cli::of(&home, &user);
    let tunnel = cli
        .json(&["tunnel", "add", "lab", "8000", "--name", "web"])
        .await;
    let url = tunnel["url"].as_str().unwrap();
    assert!(
        url.starts_with("https://web--cli-things.tunnels.localhost:"),
        "{url}"
    );
    let listed = cli.json(&["tunnel", "ls"]).await;
    assert_eq!(listed[0]["space"]["name"], "lab");
    let again = ["tunnel", "add", "lab", "8000", "--name", "web"];
    cli.run(&again).await.failed(1, "NAME_TAKEN");
    cli.run(&["tunnel", "add", "lab", "0"]).await.failed(2, "");
    cli.run(&["tunnel", "rm", "web"]).await.succeeded();
    cli.run(&["tunnel", "rm", "web"])
        .await
        .failed(4, "NOT_FOUND");

    cli.run(&["share", "add", "lab", "cli-guest"])
        .await
        .succeeded();
    let theirs = Cli::of(&home, &guest);
    let shown = theirs.json(&["space", "show", "cli-things/lab"]).await;
    assert_eq!(shown["viewerRelation"], "SHARED");
    let shares = cli.json(&["share", "ls", "lab"]).await;
    assert_eq!(shares[0]["user"]["userName"], "cli-guest");
    cli.run(&["share", "rm", "lab", "cli-guest"])
        .await
        .succeeded();
    let gone = theirs.run(&["space", "show", "cli-things/lab"]).await;
    gone.failed(4, "NOT_FOUND");
    user.delete_space(&space).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_is_shown_and_its_refusal_told() {
    let home = Installation::shared(Database::Sqlite).await;
    let admin = home.admin().await;
    admin.create_template("cli-quota", json!({})).await;
    let limits = json!({ "limits": { "spaces": 1 } });
    let user = admin.create_user("cli-quota", limits).await;
    let cli = Cli::of(&home, &user);
    let quota = cli.json(&["quota"]).await;
    assert_eq!(quota["spaces"], json!({ "used": 0, "limit": 1 }));
    assert_eq!(quota["computeUnits"]["limit"], json!(null));
    let table = cli.run(&["quota"]).await.succeeded();
    assert!(table.out.contains("unlimited"), "{table:?}");
    let create = |name| ["space", "create", name, "-t", "cli-quota"];
    cli.run(&create("one")).await.succeeded();
    let refused = cli.run(&create("two")).await.failed(1, "QUOTA_EXCEEDED");
    assert!(refused.err.contains("spaceport quota"), "{refused:?}");
    cli.run(&["space", "rm", "one", "-y"]).await.succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shells_take_the_completion() {
    let cli = Cli::stranger();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = cli.run(&["completion", shell]).await.succeeded();
        assert!(script.out.contains("ssh-config"), "{shell}");
        if shell == "bash" {
            let asked = format!(
                "{}\nCOMP_WORDS=(spaceport sp); COMP_CWORD=1\n\
                _spaceport spaceport sp spaceport; echo \"${{COMPREPLY[@]}}\"",
                script.out
            );
            let offered = Command::new("bash").args(["-c", &asked]).output().unwrap();
            let offered = String::from_utf8(offered.stdout).unwrap();
            assert_eq!(offered.trim(), "space");
        }
    }
}
