//! Signing in and out.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use serde_json::json;
use spaceport_tests::{Cli, Database, Home, Installation, eventually, in_time};

use crate::people::cli_sign_in::Page;

const PASSWORD: &[u8] = b"their password\n";

async fn house(user: &str) -> (Home, Cli) {
    let home = Installation::shared(Database::Sqlite).await;
    home.admin().await.create_user(user, json!({})).await;
    let cli = Cli::stranger();
    (home, cli)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_in_with_a_password_stays_until_they_sign_out() {
    let (home, cli) = house("cli-password").await;
    let url = home.api_url("");
    let login = ["login", &url, "--user", "cli-password", "--password-stdin"];
    let wrong = cli.run_with(&login, b"wrong\n").await;
    wrong.failed(3, "INVALID_CREDENTIALS");
    let ran = cli.run_with(&login, PASSWORD).await.succeeded();
    assert!(ran.out.contains("cli-password"), "{ran:?}");

    let kept = cli.home().join(".config/spaceport/config.toml");
    let mode = fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let who = cli.json(&["whoami"]).await;
    assert_eq!(who["userName"], "cli-password");
    assert_eq!(who["url"], url.as_str());
    let text = cli.run(&["whoami"]).await.succeeded();
    assert!(text.out.contains("cli-password"), "{text:?}");

    cli.run(&["logout"]).await.succeeded();
    assert!(!fs::read_to_string(&kept).unwrap().contains("token"));
    cli.run(&["whoami"]).await.failed(3, "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_signs_in_from_standard_input_or_from_the_environment() {
    let (home, cli) = house("cli-token").await;
    let user = home
        .anonymous()
        .sign_in("cli-token", "their password")
        .await;
    let token = user.create_token(json!({})).await;
    let (url, line) = (home.api_url(""), format!("{}\n", token.token()));
    let login = ["login", &url, "--name", "home", "--token"];
    cli.run_with(&login, line.as_bytes()).await.succeeded();
    let who = cli.json(&["whoami"]).await;
    assert_eq!(who["installation"], "home");
    let bad = cli.run_with(&login, b"spt_nothing\n").await;
    bad.failed(3, "UNAUTHENTICATED");

    let other = Cli::of(&home, &token);
    assert_eq!(other.json(&["whoami"]).await["userName"], "cli-token");
    let stale = Cli::nobody(&home).set("SPACEPORT_TOKEN", "spt_nothing");
    stale.run(&["whoami"]).await.failed(3, "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_installations_are_told_apart_by_name() {
    let (home, cli) = house("cli-names").await;
    let url = home.api_url("");
    for name in ["one", "two"] {
        let login = [
            "login",
            &url,
            "--name",
            name,
            "--user",
            "cli-names",
            "--password-stdin",
        ];
        cli.run_with(&login, PASSWORD).await.succeeded();
    }
    assert_eq!(cli.json(&["whoami"]).await["installation"], "two");
    cli.run(&["logout"]).await.succeeded();
    cli.run(&["whoami"]).await.failed(3, "UNAUTHENTICATED");
    let one = cli.json(&["whoami", "-i", "one"]).await;
    assert_eq!(one["installation"], "one");
    cli.run(&["whoami", "-i", "none"]).await.failed(4, "none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_signs_the_command_line_in() {
    let (home, cli) = house("cli-browser").await;
    let user = home
        .anonymous()
        .sign_in("cli-browser", "their password")
        .await;
    // A browser that only says where it was sent.
    let (script, asked) = (cli.home().join("browser"), cli.home().join("asked"));
    let program = format!(
        "#!/bin/sh\necho \"$1\" > {0}.new && mv {0}.new {0}\n",
        asked.display()
    );
    fs::write(&script, program).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let cli = cli.set("BROWSER", &script.display().to_string());
    for (answer, status) in [("no", 1), ("yes", 0)] {
        let _ = fs::remove_file(&asked);
        let url = home.api_url("");
        let mut login = cli.command(&["login", &url, "--browser"]);
        let mut login = login.spawn().unwrap();
        eventually("the browser opens", async || asked.exists()).await;
        let url = fs::read_to_string(&asked).unwrap().trim().to_owned();
        let mut page = Page::at(&home, url).signed_in(&user).await;
        let to = page.answer(answer).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        // Whoever knows nothing of what was asked brings nothing.
        let stray = format!("{}?code=x&state=y", to.split('?').next().unwrap());
        let stray = http.get(stray).send().await.unwrap();
        assert_eq!(stray.status(), 404);
        let shown = http.get(&to).timeout(Duration::from_secs(20)).send().await;
        assert_eq!(shown.unwrap().status(), 200);
        let ended = in_time("the end of the sign-in", login.wait()).await;
        assert_eq!(ended.unwrap().code(), Some(status), "{answer}");
    }
    let who = cli.json(&["whoami"]).await;
    assert_eq!(who["userName"], "cli-browser");
}
