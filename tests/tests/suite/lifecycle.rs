//! The whole story of a space, from the mutation to the public URL.

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use spaceport_tests::{
    BASE, Database, Home, Installation, Transport, client::id, docker::label, in_time,
    on_both_databases,
};
use tokio_tungstenite::tungstenite::Message;

on_both_databases!(
    a_space_goes_from_a_mutation_to_a_public_url_and_leaves_nothing_behind,
    asking_for_what_is_already_so_succeeds_and_changes_nothing,
    what_a_state_does_not_allow_is_refused,
    a_restart_replaces_the_container_and_keeps_the_volumes,
    a_repeated_creation_gives_the_same_space,
);

/// Serves its volume on port 8000, and echoes WebSocket frames (RFC 6455) on port 9000.
pub(crate) const SERVE: &str = r#"
cat > /tmp/echo.py <<'PYTHON'
import base64, hashlib, socketserver
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        key = None
        while line := self.rfile.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"sec-websocket-key": key = value.strip()
        magic = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key + magic).digest())
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                         b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        while head := self.rfile.read(2):
            length = head[1] & 127
            if length == 126: length = int.from_bytes(self.rfile.read(2), "big")
            mask = self.rfile.read(4)
            body = bytes(b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(length)))
            size = bytes([length]) if length < 126 else b"\x7e" + length.to_bytes(2, "big")
            self.wfile.write(head[:1] + size + body)
            if head[0] & 15 == 8: return
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
Server(("", 9000), Echo).serve_forever()
PYTHON
python3 /tmp/echo.py &
[ -e /home/dev/work/index.html ] || echo "the first page" > /home/dev/work/index.html
cd /home/dev/work && exec python3 -m http.server 8000
"#;

async fn a_space_goes_from_a_mutation_to_a_public_url_and_leaves_nothing_behind(
    database: Database,
) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin
        .create_template(
            "story",
            json!({
                "image": BASE, "command": ["sh", "-c", SERVE], "memoryMib": 256,
                "volumes": [{ "name": "work", "mountPath": "/home/dev/work", "sizeGib": 1 }],
                "ports": [{ "name": "web", "port": 8000 }],
            }),
        )
        .await;
    let user = admin.create_user("storyteller", json!({})).await;
    let space = user.create_space(&template, "story").await;

    let mut follower = user.follow(Transport::WebSocket, &space).await;
    let first = follower.next().await;
    assert_eq!(first["change"], "SNAPSHOT");
    assert_eq!(first["space"]["status"], "CREATED");
    user.ask("startSpace", &space).await;
    follower
        .until("RUNNING", |it| it["status"] == "RUNNING")
        .await;
    assert_eq!(follower.statuses(), ["CREATED", "STARTING", "RUNNING"]);

    let (web, echo) = (
        user.create_tunnel(&space, 8000).await,
        user.create_tunnel(&space, 9000).await,
    );
    let url = web["url"].as_str().unwrap();
    assert!(url.starts_with("https://story-8000--storyteller.tunnels.localhost:"));
    let visitor = home.visitor();
    let page = visitor
        .get_until(url, "the page", |it| it.status == 200)
        .await;
    assert_eq!(page.body, "the first page\n");
    let page = visitor.get_http2(url).await;
    assert_eq!((page.status, page.version), (200, reqwest::Version::HTTP_2));
    assert_eq!(page.body, "the first page\n");
    echoes(&home, echo["url"].as_str().unwrap()).await;

    home.docker
        .read_inside(&space, "echo 'the second page' > /home/dev/work/index.html");
    user.ask("stopSpace", &space).await;
    follower
        .until("STOPPED", |it| it["status"] == "STOPPED")
        .await;
    let page = visitor
        .get_until(url, "not running", |it| it.status == 503)
        .await;
    assert_eq!(page.code(), "SPACE_NOT_RUNNING");
    assert!(page.header("retry-after").parse::<u32>().is_ok());
    assert!(page.body.contains("story"), "{}", page.body);
    assert_eq!(home.docker.containers(&space), Vec::<String>::new());

    user.ask("startSpace", &space).await;
    follower
        .until("RUNNING", |it| it["status"] == "RUNNING")
        .await;
    let page = visitor
        .get_until(url, "the page", |it| it.status == 200)
        .await;
    assert_eq!(
        page.body, "the second page\n",
        "the volume's content is kept"
    );

    user.ask("deleteSpace", &space).await;
    follower
        .until("DELETED", |it| it["status"] == "DELETED")
        .await;
    assert_eq!(
        follower.statuses(),
        [
            "CREATED", "STARTING", "RUNNING", "STOPPING", "STOPPED", "STARTING", "RUNNING",
            "DELETING", "DELETED"
        ]
    );
    let revisions = follower
        .history
        .iter()
        .map(|it| it["space"]["revision"].as_i64());
    assert!(
        revisions.is_sorted_by(|a, b| a < b),
        "{:?}",
        follower.history
    );

    assert_eq!(home.docker.containers(&space), Vec::<String>::new());
    assert_eq!(home.docker.volumes(&space), Vec::<String>::new());
    nothing_mounted(&home, &space);
    let page = visitor
        .get_until(url, "nothing there", |it| it.status == 404)
        .await;
    assert_eq!(page.code(), "UNKNOWN_HOST");
    let tunnels = user.query("{ tunnels { nodes { id } } }", json!({})).await;
    assert_eq!(tunnels["tunnels"]["nodes"], json!([]));
    let quota = user.quota().await;
    for resource in ["spaces", "computeUnits", "storageUnits", "tunnels"] {
        assert_eq!(quota[resource]["used"], 0, "{resource}");
    }
    let again = user.create_space(&template, "story").await;
    assert_ne!(again, space, "the name is free again");
}

async fn echoes(home: &Home, url: &str) {
    let visitor = home.visitor();
    // It answers as the edge does while its program hasn't begun to listen.
    let not_yet = ["UNKNOWN_HOST", "NOTHING_LISTENS"];
    visitor
        .get_until(url, "the echo", |it| !not_yet.contains(&it.code()))
        .await;
    let mut socket = visitor.websocket(url).await;
    for text in ["short".to_owned(), "long ".repeat(1000)] {
        socket.send(Message::text(text.clone())).await.unwrap();
        let echo = in_time("an echo", socket.next()).await.unwrap().unwrap();
        assert_eq!(echo, Message::text(text));
    }
    socket.close(None).await.unwrap();
}

/// No mount and no file of any volume is left below the data directory.
fn nothing_mounted(home: &Home, space: &str) {
    let volumes = home.data_dir().join("volumes");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let ours = mounts.lines().filter(|it| it.contains(&label(space)));
    assert_eq!(ours.count(), 0);
    for entry in std::fs::read_dir(volumes).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(!name.contains(&label(space)), "{name}");
    }
}

async fn asking_for_what_is_already_so_succeeds_and_changes_nothing(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("already-so", json!({})).await;
    let user = admin.create_user("insistent", json!({})).await;
    let space = user.run_space(&template, "twice").await;
    let before = user.space(&space).await;
    let container = home.docker.container(&space);
    let again = user.ask("startSpace", &space).await;
    assert_eq!(again["revision"], before["revision"]);
    assert_eq!(home.docker.container(&space), container);
    let stopped = user.stop_space(&space).await;
    let again = user.ask("stopSpace", &space).await;
    assert_eq!(again["revision"], stopped["revision"]);
    let deleted = user.delete_space(&space).await;
    assert_eq!(deleted["status"], "DELETED");
}

async fn what_a_state_does_not_allow_is_refused(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("refusing", json!({})).await;
    let user = admin.create_user("impossible", json!({})).await;
    let space = user.create_space(&template, "gone").await;
    user.delete_space(&space).await;
    let start = user.mutate("startSpace", json!({ "spaceId": space })).await;
    assert!(!start.succeeded());
    let code = &start.codes()[0];
    assert!(
        ["INVALID_TRANSITION", "NOT_FOUND"].contains(&code.as_str()),
        "{code}"
    );
    let taken = user.create_space(&template, "taken").await;
    let second = json!({ "templateId": template, "name": "taken" });
    let second = user.mutate("createSpace", second).await;
    assert_eq!(second.codes(), ["NAME_TAKEN"]);
    let renamed = json!({ "spaceId": taken, "name": "better", "revision": 0 });
    let renamed = user.mutate("updateSpace", renamed).await;
    assert_eq!(renamed.codes(), ["REVISION_CONFLICT"]);
}

async fn a_restart_replaces_the_container_and_keeps_the_volumes(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let volume = json!([{ "name": "data", "mountPath": "/data", "sizeGib": 1 }]);
    let template = admin
        .create_template("restarted", json!({ "volumes": volume }))
        .await;
    let user = admin.create_user("restarter", json!({})).await;
    let space = user.run_space(&template, "again").await;
    home.docker
        .read_inside(&space, "echo kept > /data/file; echo lost > /tmp/file");
    let before = home.docker.container(&space);
    let mut follower = user.follow(Transport::WebSocket, &space).await;
    follower.next().await;
    user.ask("restartSpace", &space).await;
    follower
        .until("RUNNING", |it| it["status"] == "RUNNING")
        .await;
    assert_ne!(home.docker.container(&space), before);
    assert_eq!(home.docker.read_inside(&space, "cat /data/file"), "kept");
    assert!(!home.docker.inside(&space, "cat /tmp/file").0);
}

async fn a_repeated_creation_gives_the_same_space(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("idempotent", json!({})).await;
    let user = admin.create_user("repeater", json!({})).await;
    let input = json!({ "templateId": template, "name": "once", "idempotencyKey": "k" });
    let first = id(&user
        .mutate("createSpace", input.clone())
        .await
        .value("space"));
    let second = id(&user.mutate("createSpace", input).await.value("space"));
    assert_eq!(first, second);
    assert_eq!(user.quota().await["spaces"]["used"], 1);
}
