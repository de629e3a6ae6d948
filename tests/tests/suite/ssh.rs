//! SSH into real spaces, with OpenSSH's own programs.

use serde_json::{Value, json};
use spaceport_tests::{
    BASE, Client, Database, Home, Installation, OpenSsh, eventually, on_both_databases,
};
use tokio::io::AsyncWriteExt;

on_both_databases!(
    a_developer_works_in_a_space_by_ssh,
    files_come_and_go_by_scp_and_sftp,
    a_session_ends_with_what_let_it_in,
    a_session_survives_the_api,
);

/// A template whose spaces take SSH.
async fn template(home: &Home, name: &str, image: &str) -> String {
    let blueprint = json!({ "image": image, "memoryMib": 256, "features": ["TERMINAL", "SSH"] });
    home.admin().await.create_template(name, blueprint).await
}

async fn user(home: &Home, name: &str) -> (Client, OpenSsh, String) {
    let user = home.admin().await.create_user(name, json!({})).await;
    let ssh = OpenSsh::at(home).await;
    let key = ssh.key_of(&user).await;
    (user, ssh, key)
}

/// Waits until a key is known at the edge.
async fn let_in(ssh: &OpenSsh, space: &str) {
    eventually("the key lets in", async || {
        ssh.ssh(space, "true").await.status == Some(0)
    })
    .await;
}

async fn a_developer_works_in_a_space_by_ssh(database: Database) {
    let home = Installation::shared(database).await;
    let template = template(&home, "ssh-work", BASE).await;
    let (user, ssh, key) = user(&home, "ssh-worker").await;
    user.run_space(&template, "desk").await;
    let_in(&ssh, "desk").await;
    let ran = ssh.ssh("desk--ssh-worker", "id -un; pwd; exit 3").await;
    assert_eq!(
        (ran.status, ran.stdout.as_str()),
        (Some(3), "dev\n/home/dev\n")
    );
    // A service that only the space itself reaches.
    let served = "python3 -c 'import http.server as s; \
        s.HTTPServer((\"127.0.0.1\", 8123), s.SimpleHTTPRequestHandler).handle_request()'";
    let mut server = ssh.program("ssh");
    let mut server = server
        .args(["-l", "desk", "desk", served])
        .spawn()
        .expect("ssh runs");
    let reached = async || {
        let mut ssh_w = ssh.program("ssh");
        ssh_w.args(["-l", "desk", "-W", "127.0.0.1:8123", "desk"]);
        ssh_w.stdin(std::process::Stdio::piped());
        let mut child = ssh_w.spawn().expect("ssh runs");
        let mut stdin = child.stdin.take().expect("its input");
        let _ = stdin.write_all(b"GET / HTTP/1.0\r\n\r\n").await;
        let output = child.wait_with_output().await.expect("an end");
        String::from_utf8_lossy(&output.stdout).starts_with("HTTP/1.0 200")
    };
    eventually("the service is reached", reached).await;
    assert!(server.wait().await.expect("an end").success());
    eventually("the sign-in is noted", async || {
        let keys = user
            .query("{ viewer { sshKeys { id lastUsedAt } } }", json!({}))
            .await;
        let keys = &keys["viewer"]["sshKeys"][0];
        keys["id"] == key.as_str() && keys["lastUsedAt"] != Value::Null
    })
    .await;
}

async fn files_come_and_go_by_scp_and_sftp(database: Database) {
    let home = Installation::shared(database).await;
    let template = template(&home, "ssh-files", BASE).await;
    let (user, ssh, _) = user(&home, "ssh-filer").await;
    user.run_space(&template, "shelf").await;
    let_in(&ssh, "shelf").await;
    std::fs::write(ssh.file("here"), vec![b'x'; 3 << 20]).expect("written");
    let copy = async |arguments: &[&str]| {
        let mut scp = ssh.program("scp");
        let ran = ssh
            .run(scp.args(["-o", "User=shelf"]).args(arguments))
            .await;
        assert_eq!(ran.status, Some(0), "{arguments:?}: {ran:?}");
    };
    copy(&["here", "shelf:there"]).await;
    let size = ssh.ssh("shelf", "stat -c '%s %U' there").await;
    assert_eq!(size.stdout, format!("{} dev\n", 3 << 20));
    copy(&["shelf:there", "back"]).await;
    assert_eq!(
        std::fs::read(ssh.file("back")).expect("a file").len(),
        3 << 20
    );
}

async fn a_session_ends_with_what_let_it_in(database: Database) {
    let home = Installation::shared(database).await;
    let template = template(&home, "ssh-ends", spaceport_tests::BUSYBOX).await;
    let (owner, owners, _) = user(&home, "ssh-owner").await;
    let (guest, guests, key) = user(&home, "ssh-guest").await;
    let space = owner.run_space(&template, "room").await;
    let share = json!({ "spaceId": space, "userName": "ssh-guest" });
    owner
        .mutate("shareSpace", share.clone())
        .await
        .value("space");
    let name = "room--ssh-owner";
    let_in(&guests, name).await;
    let mut theirs = owners.begin("room").await;

    let session = guests.begin(name).await;
    owner
        .mutate("unshareSpace", share.clone())
        .await
        .value("space");
    session.is_ended().await;
    owner.mutate("shareSpace", share).await.value("space");
    let_in(&guests, name).await;
    let session = guests.begin(name).await;
    guest.mutate("removeSshKey", json!({ "keyId": key })).await;
    session.is_ended().await;
    assert_eq!(guests.ssh(name, "true").await.status, Some(255));

    theirs.goes_on().await;
    owner.ask("stopSpace", &space).await;
    theirs.is_ended().await;
    owner.space_is(&space, "STOPPED").await;
    eventually("the edge knows", async || {
        owners.ssh("room", "true").await.status == Some(1)
    })
    .await;
    let told = owners.ssh("room", "true").await.stderr;
    assert!(told.contains("spaceport space start room"), "{told}");
}

async fn a_session_survives_the_api(database: Database) {
    let home = Installation::start(database).await;
    let template = template(&home, "ssh-alone", spaceport_tests::BUSYBOX).await;
    let (user, ssh, _) = user(&home, "ssh-lonely").await;
    user.run_space(&template, "island").await;
    let_in(&ssh, "island").await;
    let mut session = ssh.begin("island").await;
    home.api.kill();
    session.goes_on().await;
    assert_eq!(ssh.ssh("island", "echo in").await.stdout, "in\n");
    home.start_api().await;
    session.goes_on().await;
}
