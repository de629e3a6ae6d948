//! Rule 6: taking a right away ends what is open.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use spaceport_tests::{Client, Database, Installation, eventually, in_time};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use super::stage::{Person, Stage};

/// A second is promised. This leaves room for a busy machine, and none for what ends by itself.
const SOON: Duration = Duration::from_secs(10);

/// A WebSocket and an event stream, both in use.
struct Streams {
    socket: WebSocketStream<TlsStream<TcpStream>>,
    events: reqwest::Response,
}

impl Streams {
    async fn open(stage: &Stage, base: &str, cookie: Option<&str>) -> Self {
        let cookie = cookie.unwrap_or("none=1");
        let socket = stage
            .visitor
            .websocket_with(&format!("{base}/websocket"), &[("cookie", cookie)])
            .await;
        let events = stage
            .visitor
            .open(&format!("{base}/stream"), &[("cookie", cookie)])
            .await;
        let mut streams = Self {
            socket: socket.expect("the upgrade"),
            events,
        };
        let first = in_time("an event", streams.events.chunk()).await;
        assert!(first.expect("a stream").is_some());
        streams.echo().await;
        streams
    }

    async fn echo(&mut self) {
        let message = Message::text("still here");
        self.socket.send(message.clone()).await.expect("sent");
        let echo = in_time("an echo", self.socket.next()).await;
        assert_eq!(echo.expect("open").expect("open"), message);
    }

    /// Waits until both have ended, which is to be soon.
    async fn end(mut self, why: &str) {
        let ended = timeout(SOON, async {
            while let Some(Ok(_)) = self.socket.next().await {}
            while let Ok(Some(_)) = self.events.chunk().await {}
        });
        assert!(ended.await.is_ok(), "not in time: {why}");
    }
}

impl Stage {
    /// What `client` has open in Ada's app.
    async fn streams_of(&self, client: &Client) -> Streams {
        let cookie = self.enter(client, &self.ada, "8000").await;
        let base = self.app_url(&self.ada, "8000", "");
        Streams::open(self, &base, Some(&cookie)).await
    }

    /// An administrator of this test's own.
    async fn administrator(&self, name: &str) -> (Client, String) {
        let roles = self.admin.query("{ roles { id name } }", json!({})).await;
        let roles = roles["roles"].as_array().expect("roles").iter();
        let ids: Vec<&Value> = roles.map(|role| &role["id"]).collect();
        let client = self
            .admin
            .create_user(name, json!({ "roleIds": ids }))
            .await;
        let id = client.viewer_id().await;
        (client, id)
    }
}

#[tokio::test]
async fn rule_6_losing_a_right_ends_what_is_open_and_nothing_else() {
    let home = Installation::shared(Database::Sqlite).await;
    let stage = Stage::open(home, "r6").await;
    let (ada, admin) = (&stage.ada, &stage.admin);
    let mut bystander = stage.streams_of(admin).await;

    // A sign-out; another sign-in of the same user goes on.
    let again = stage.home.anonymous();
    let again = again.sign_in(&ada.name, "their password").await;
    let streams = stage.streams_of(&again).await;
    let mut others = stage.streams_of(&ada.client).await;
    again.sign_out().await;
    streams.end("the end of what ran on a sign-in").await;
    others.echo().await;

    // A token that is taken back.
    let token = ada
        .client
        .create_token(json!({ "scopes": ["SPACES"] }))
        .await;
    let streams = stage.streams_of(&token).await;
    token.sign_out().await;
    streams.end("the end of what ran on a token").await;

    // A role that is taken, and an account that is disabled.
    let (helper, id) = stage.administrator("helper-r6").await;
    let streams = stage.streams_of(&helper).await;
    let change = json!({ "userId": id, "roleIds": [] });
    admin.mutate("updateUser", change).await.value("user");
    streams.end("the end of what a role allowed").await;
    let (helper, id) = stage.administrator("helper2-r6").await;
    let streams = stage.streams_of(&helper).await;
    let input = json!({ "userId": id });
    admin.mutate("disableUser", input).await.value("user");
    streams.end("the end of what a disabled user did").await;

    // A tunnel that is disabled, and one that is deleted.
    let (tunnel, base) = stage.tunnel(ada).await;
    let streams = Streams::open(&stage, &base, None).await;
    let change = json!({ "tunnelId": tunnel, "enabled": false });
    ada.client
        .mutate("updateTunnel", change)
        .await
        .value("tunnel");
    streams.end("the end of a disabled tunnel").await;
    let change = json!({ "tunnelId": tunnel, "enabled": true });
    ada.client
        .mutate("updateTunnel", change)
        .await
        .value("tunnel");
    let probe = format!("{base}/seen");
    let serves = async || stage.visitor.get(&probe).await.status == 200;
    eventually("the tunnel serves again", serves).await;
    let streams = Streams::open(&stage, &base, None).await;
    let input = json!({ "tunnelId": tunnel });
    ada.client
        .mutate("deleteTunnel", input)
        .await
        .value("tunnel");
    streams.end("the end of a deleted tunnel").await;

    // A space that is handed over leaves its former owner, and the administrator, whose address of
    // it is gone.
    others.echo().await;
    bystander.echo().await;
    let input = json!({ "spaceId": ada.space, "userName": stage.mallory.name });
    ada.client
        .mutate("transferSpace", input)
        .await
        .value("space");
    others.end("the end of what an owner had open").await;
    bystander.end("the end of what an address led to").await;
    let moved = Person {
        name: stage.mallory.name.clone(),
        client: stage.mallory.client.clone(),
        space_name: ada.space_name,
        space: ada.space.clone(),
    };
    let cookie = stage.enter(&moved.client, &moved, "8000").await;
    let base = stage.app_url(&moved, "8000", "");
    let streams = Streams::open(&stage, &base, Some(&cookie)).await;
    moved.client.ask("deleteSpace", &moved.space).await;
    streams.end("the end of a deleted space").await;
}

#[tokio::test]
async fn rule_6_without_the_api_who_has_entered_goes_on_and_nobody_new_enters() {
    let home = Installation::start(Database::Sqlite).await;
    let stage = Stage::open(home, "r6b").await;
    let mut streams = stage.streams_of(&stage.ada.client).await;
    let cookie = stage.enter(&stage.ada.client, &stage.ada, "8000").await;
    let unused = stage.open_app(&stage.ada.client, &stage.ada, "8000").await;
    stage.home.api.kill();
    streams.echo().await;
    let answer = stage.get(&stage.ada, "/", &[("cookie", &cookie)]).await;
    assert_eq!(answer.status, 200);
    let refused = stage.visitor.get(&unused).await;
    assert_eq!(
        (refused.status, refused.code()),
        (503, "SIGN_IN_UNAVAILABLE")
    );
    // A sign-out that the edge learns of when the API is back.
    stage.home.start_api().await;
    stage.ada.client.sign_out().await;
    streams.end("the end of what ran on the sign-in").await;
    let answer = stage.get(&stage.ada, "/", &[("cookie", &cookie)]).await;
    assert_eq!((answer.status, answer.code()), (401, "SIGN_IN_REQUIRED"));
}
