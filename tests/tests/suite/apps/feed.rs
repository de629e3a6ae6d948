//! What the edge is told, by which it judges who enters what.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use spaceport_tests::{
    Client, Database, Home, Installation, Subscription, Transport, client::id, in_time,
    on_both_databases,
};

on_both_databases!(
    the_edge_is_told_what_a_space_offers_and_whose_it_is,
    the_edge_is_told_at_once_what_people_may_do_and_what_they_are_known_by,
    the_edge_is_told_at_once_which_keys_somebody_has,
    who_can_not_act_is_known_to_the_edge_by_nothing,
    nobody_but_the_edge_reads_its_feed,
);

const FEED: &str = "subscription ($after: String) { routesChanged(after: $after) { cursor change \
    spaces { spaceId ownerName features ports { name port } } \
    people { userId permissions signIns sshKeys { id publicKey } } } }";

/// The edge's feed, from its beginning or from behind a cursor.
struct Feed {
    subscription: Subscription,
    cursor: Value,
}

impl Feed {
    async fn open(home: &Home, after: Value) -> Self {
        let variables = json!({ "after": after });
        let edge = home.as_edge();
        Self {
            subscription: edge
                .subscribe(Transport::EventStream, FEED, variables)
                .await,
            cursor: after,
        }
    }

    async fn next(&mut self) -> Value {
        let event = self.subscription.next_data().await["routesChanged"].take();
        self.cursor = event["cursor"].clone();
        event
    }

    /// Reads on until a space is told of, and gives what is said.
    async fn space(&mut self, space: &str) -> Value {
        in_time("a space", async {
            loop {
                let event = self.next().await;
                let mut spaces = event["spaces"].as_array().expect("a list").iter();
                if let Some(told) = spaces.find(|it| it["spaceId"] == space) {
                    return told.clone();
                }
            }
        })
        .await
    }

    /// Reads on until somebody is told of like this.
    async fn person(&mut self, what: &str, user: &str, is_so: impl Fn(&Value) -> bool) {
        in_time(what, async {
            loop {
                let event = self.next().await;
                let mut people = event["people"].as_array().expect("a list").iter();
                if people.any(|it| it["userId"] == user && is_so(it)) {
                    return;
                }
            }
        })
        .await;
    }
}

fn is_known_by(person: &Value, sign_in: &Value) -> bool {
    let sign_ins = person["signIns"].as_array().expect("a list");
    sign_ins.contains(sign_in)
}

fn may(person: &Value, permission: &str) -> bool {
    let permissions = person["permissions"].as_array().expect("a list");
    permissions.iter().any(|it| it == permission)
}

fn is_nobody(person: &Value) -> bool {
    ["permissions", "signIns", "sshKeys"]
        .iter()
        .all(|told| person[told] == json!([]))
}

/// The identifier of the sign-in a client uses.
async fn session(client: &Client) -> Value {
    let document = "{ viewer { sessions { id current } } }";
    let data = client.query(document, json!({})).await;
    let mut sessions = data["viewer"]["sessions"]
        .as_array()
        .expect("a list")
        .iter();
    let current = sessions.find(|it| it["current"] == true);
    current.expect("the sign-in in use")["id"].clone()
}

async fn the_edge_is_told_what_a_space_offers_and_whose_it_is(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let ports = json!([{ "name": "web", "port": 8000 }]);
    let blueprint = json!({ "features": ["CODE_SERVER", "PORT_FORWARD"], "ports": ports });
    let template = admin.create_template("feed-offer", blueprint).await;
    let owner = admin.create_user("feed-owner", json!({})).await;
    let space = owner.create_space(&template, "first").await;
    let first = json!({
        "spaceId": space, "ownerName": "feed-owner",
        "features": ["CODE_SERVER", "PORT_FORWARD"], "ports": ports,
    });
    let mut feed = Feed::open(&home, Value::Null).await;
    assert_eq!(feed.space(&space).await, first, "in the whole table");

    // A space keeps the version it was made from.
    let blueprint = json!({
        "image": spaceport_tests::BUSYBOX, "computeUnits": 1, "features": ["VNC"],
    });
    let other = json!({ "templateId": template, "blueprint": blueprint });
    admin
        .mutate("updateTemplate", other)
        .await
        .value("template");
    let renamed = json!({ "spaceId": space, "description": "new" });
    owner.mutate("updateSpace", renamed).await.value("space");
    assert_eq!(feed.space(&space).await, first, "in a change");
    let second = owner.create_space(&template, "second").await;
    let told = feed.space(&second).await;
    assert_eq!(
        (&told["features"], &told["ports"]),
        (&json!(["VNC"]), &json!([]))
    );
}

async fn the_edge_is_told_at_once_what_people_may_do_and_what_they_are_known_by(
    database: Database,
) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let client = admin.create_user("feed-person", json!({})).await;
    let (user, session) = (client.viewer_id().await, session(&client).await);
    let mut feed = Feed::open(&home, Value::Null).await;
    feed.person("the whole table", &user, |it| {
        may(it, "USE_CODE_SERVER") && is_known_by(it, &session)
    })
    .await;
    let beginning = feed.cursor.clone();

    let role = json!({ "name": "feed-less", "permissions": ["CREATE_SPACES"] });
    let role = id(&admin.mutate("createRole", role).await.value("role"));
    let roles = json!({ "userId": user, "roleIds": [role] });
    admin.mutate("updateUser", roles).await.value("user");
    feed.person("other roles", &user, |it| {
        it["permissions"] == json!(["CREATE_SPACES"]) && is_known_by(it, &session)
    })
    .await;
    let more = json!({ "roleId": role, "permissions": ["USE_VNC"] });
    admin.mutate("updateRole", more).await.value("role");
    feed.person("another role", &user, |it| may(it, "USE_VNC"))
        .await;

    let token = client
        .mutate("createApiToken", json!({ "name": "feed" }))
        .await;
    let token = token.value("apiToken")["id"].clone();
    feed.person("a token", &user, |it| is_known_by(it, &token))
        .await;
    client
        .mutate("revokeApiToken", json!({ "tokenId": token }))
        .await
        .value("apiToken");
    feed.person("the token's end", &user, |it| !is_known_by(it, &token))
        .await;
    client.sign_out().await;
    feed.person("the sign-in's end", &user, |it| {
        may(it, "USE_VNC") && !is_known_by(it, &session)
    })
    .await;

    // Whoever was away hears of it too.
    let event = Feed::open(&home, beginning.clone()).await.next().await;
    assert_eq!(event["change"], "SPACES", "nothing begins anew");
    let mut late = Feed::open(&home, beginning).await;
    late.person("what was missed", &user, |it| {
        may(it, "USE_VNC") && !is_known_by(it, &session)
    })
    .await;
}

async fn the_edge_is_told_at_once_which_keys_somebody_has(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let client = admin.create_user("feed-keys", json!({})).await;
    let user = client.viewer_id().await;
    let mut feed = Feed::open(&home, Value::Null).await;
    feed.person("the whole table", &user, |it| it["sshKeys"] == json!([]))
        .await;
    let beginning = feed.cursor.clone();
    let (first, second) = (add_key(&client, 1).await, add_key(&client, 2).await);
    feed.person("the keys", &user, |it| {
        it["sshKeys"] == json!([first, second])
    })
    .await;
    // They are told of whether or not somebody is signed in otherwise.
    client.sign_out().await;
    let mut fresh = Feed::open(&home, Value::Null).await;
    fresh
        .person("the whole table", &user, |it| {
            it["sshKeys"] == json!([first, second]) && it["signIns"] == json!([])
        })
        .await;
    let removed = json!({ "keyId": first["id"] });
    admin.mutate("removeSshKey", removed).await.value("sshKey");
    for mut feed in [feed, fresh, Feed::open(&home, beginning).await] {
        feed.person("the removal", &user, |it| it["sshKeys"] == json!([second]))
            .await;
    }
}

/// Adds a key that nobody has the private half of, and gives what the edge is to be told of it.
async fn add_key(client: &Client, number: u8) -> Value {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    let random = uuid::Uuid::new_v4();
    blob.extend([&[number; 16], &random.as_bytes()[..]].concat());
    let public_key = format!("ssh-ed25519 {}", STANDARD.encode(blob));
    let input = json!({ "name": "feed", "publicKey": format!("{public_key} its comment") });
    let added = client.mutate("addSshKey", input).await.value("sshKey");
    json!({ "id": added["id"], "publicKey": public_key })
}

async fn who_can_not_act_is_known_to_the_edge_by_nothing(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let client = admin.create_user("feed-leaving", json!({})).await;
    let user = client.viewer_id().await;
    let key = add_key(&client, 1).await;
    let token = json!({ "name": "feed" });
    let token = client.mutate("createApiToken", token).await;
    let token = token.value("apiToken")["id"].clone();
    let mut feed = Feed::open(&home, Value::Null).await;
    let it = json!({ "userId": user });
    admin.mutate("disableUser", it.clone()).await.value("user");
    feed.person("the disabling", &user, is_nobody).await;
    let mut fresh = Feed::open(&home, Value::Null).await;
    let table = fresh.next().await;
    let people = table["people"].as_array().expect("a list");
    assert!(people.iter().all(|it| it["userId"] != user.as_str()));

    admin.mutate("enableUser", it).await.value("user");
    feed.person("the return", &user, |it| {
        may(it, "CREATE_SPACES") && is_known_by(it, &token) && it["sshKeys"] == json!([key])
    })
    .await;
    let gone = json!({ "userId": user, "spaces": { "policy": "REFUSE" } });
    admin.mutate("deleteUser", gone).await.value("user");
    feed.person("the deletion", &user, is_nobody).await;
}

async fn nobody_but_the_edge_reads_its_feed(database: Database) {
    use spaceport_tests::Message;
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    for client in [admin, home.anonymous()] {
        let mut refused = client
            .subscribe(Transport::WebSocket, FEED, json!({}))
            .await;
        match refused.next().await {
            Message::Error(errors) => {
                assert_eq!(errors[0]["extensions"]["code"], "FORBIDDEN", "{errors}");
            }
            Message::Next(event) => {
                let code = &event["errors"][0]["extensions"]["code"];
                assert_eq!((code, &event["data"]), (&json!("FORBIDDEN"), &Value::Null));
            }
            other => panic!("{other:?}"),
        }
    }
}
