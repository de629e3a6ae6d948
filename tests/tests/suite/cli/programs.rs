//! Running programs in spaces.

use serde_json::json;
use spaceport_tests::{Cli, Client, Database, Home, Installation, in_time};

async fn running(home: &Home, name: &str) -> (Client, Cli, String) {
    let admin = home.admin().await;
    let blueprint = json!({ "command": ["sleep", "100000"], "features": ["TERMINAL"] });
    let template = admin.create_template(name, blueprint).await;
    let user = admin.create_user(name, json!({})).await;
    let space = user.run_space(&template, "lab").await;
    let cli = Cli::of(home, &user);
    (user, cli, space)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_has_its_input_its_outputs_and_its_end() {
    let home = Installation::shared(Database::Sqlite).await;
    let (user, cli, space) = running(&home, "cli-exec").await;
    let script = "echo out; echo err >&2; exit 7";
    let ran = cli.run(&["exec", "lab", "--", "sh", "-c", script]).await;
    assert_eq!((ran.status, &*ran.out, &*ran.err), (7, "out\n", "err\n"));
    let killed = cli
        .run(&["exec", "lab", "--", "sh", "-c", "kill -9 $$"])
        .await;
    assert_eq!(killed.status, 137);
    let input: Vec<u8> = (0..=255_u8).cycle().take(1_000_000).collect();
    let echoed = cli.run_with(&["exec", "lab", "--", "cat"], &input).await;
    assert!(echoed.succeeded().bytes == input);
    let script = "pwd; echo $GREETING; test -t 0 || echo none";
    let exec = [
        "exec",
        "-w",
        "/tmp",
        "-e",
        "GREETING=a b",
        "lab",
        "--",
        "sh",
        "-c",
        script,
    ];
    let told = cli.run(&exec).await.succeeded();
    assert_eq!(told.out, "/tmp\na b\nnone\n");
    let absent = cli.run(&["exec", "lab", "--", "no-such-program"]).await;
    absent.failed(4, "NOT_FOUND");
    let terminal = [
        "exec",
        "-t",
        "lab",
        "--",
        "sh",
        "-c",
        "test -t 0 && stty size",
    ];
    let terminal = cli.run(&terminal).await.succeeded();
    assert_eq!(terminal.out, "24 80\r\n");
    user.delete_space(&space).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_is_the_programs() {
    let home = Installation::shared(Database::Sqlite).await;
    let (user, cli, space) = running(&home, "cli-signal").await;
    let script = "trap 'echo told; exit 5' TERM; echo ready; while :; do sleep 0.1; done";
    let mut exec = cli.start(&["exec", "lab", "--", "sh", "-c", script]);
    assert_eq!(exec.line().await, "ready");
    let pid = exec.child.id().unwrap().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-TERM", &pid])
        .status();
    assert!(sent.unwrap().success());
    assert_eq!(exec.line().await, "told");
    let ended = in_time("the end", exec.child.wait()).await.unwrap();
    assert_eq!(ended.code(), Some(5));
    user.delete_space(&space).await;
}
