//! Disabling and deleting users.

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use spaceport_tests::{Client, Database, Installation, Transport, client::id, on_both_databases};

on_both_databases!(
    a_disabled_user_is_shut_out_and_their_spaces_stop,
    a_request_under_way_starts_nothing_once_its_user_is_disabled,
    a_user_with_spaces_is_not_deleted_unless_they_are_dealt_with,
    a_deleted_user_leaves_a_free_name_and_no_space,
    an_heir_gets_every_space_as_it_runs,
    an_heir_without_room_gets_nothing,
    somebody_is_always_left_who_may_manage_users,
);

const FOLLOW: &str = "subscription { spacesChanged { change } }";

fn user_id(id: &str) -> Value {
    json!({ "userId": id })
}

async fn sign_in_codes(client: &Client, user: &str, password: &str) -> Vec<String> {
    let input = json!({ "userName": user, "password": password });
    client.mutate("signIn", input).await.codes()
}

async fn a_disabled_user_is_shut_out_and_their_spaces_stop(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("disabled", json!({})).await;
    let user = admin.create_user("disabled", json!({})).await;
    let token = user.create_token(json!({})).await;
    let space = user.run_space(&template, "runs").await;
    let mut following = Vec::new();
    for (client, transport) in [
        (&user, Transport::WebSocket),
        (&token, Transport::EventStream),
    ] {
        let mut subscription = client.subscribe(transport, FOLLOW, json!({})).await;
        subscription.next_data().await;
        following.push(subscription);
    }

    let id = user.viewer_id().await;
    let payload = admin.mutate("disableUser", user_id(&id)).await;
    assert!(!payload.value("user")["disabledAt"].is_null());
    for subscription in &mut following {
        subscription.end().await;
    }
    assert!(!user.is_let_in().await && !token.is_let_in().await);
    assert_eq!(
        sign_in_codes(&home.anonymous(), "disabled", "their password").await,
        ["FORBIDDEN"]
    );
    assert_eq!(
        sign_in_codes(&home.anonymous(), "disabled", "another password").await,
        ["INVALID_CREDENTIALS"],
        "who doesn't know the password doesn't learn of it"
    );
    let stopped = admin.space_is(&space, "STOPPED").await;
    assert_eq!(stopped["desiredStatus"], "STOPPED");
    admin
        .mutate("disableUser", user_id(&id))
        .await
        .value("user");

    let payload = admin.mutate("enableUser", user_id(&id)).await;
    assert_eq!(payload.value("user")["disabledAt"], Value::Null);
    assert!(token.is_let_in().await, "tokens hold again");
    assert!(!user.is_let_in().await, "sign-ins have ended for good");
    let user = home.anonymous().sign_in("disabled", "their password").await;
    assert_eq!(user.space(&space).await["status"], "STOPPED");
}

async fn a_request_under_way_starts_nothing_once_its_user_is_disabled(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("hasty", json!({})).await;
    let user = admin.create_user("hasty", json!({})).await;
    let space = user.create_space(&template, "hasty").await;
    let id = user.viewer_id().await;
    let start = json!({ "input": { "spaceId": space } });
    let document =
        "mutation ($input: SpaceIdInput!) { startSpace(input: $input) { problems { code } } }";
    let hammering = join_all((0..24).map(|_| user.answer(document, start.clone())));
    let (_, payload) = join(hammering, admin.mutate("disableUser", user_id(&id))).await;
    payload.value("user");
    let space = admin.space(&space).await;
    assert_ne!(space["desiredStatus"], "RUNNING", "{space}");
}

async fn a_user_with_spaces_is_not_deleted_unless_they_are_dealt_with(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("held", json!({})).await;
    let user = admin.create_user("held", json!({})).await;
    let space = user.create_space(&template, "held").await;
    let id = user.viewer_id().await;
    let refusing = json!({ "userId": id, "spaces": { "policy": "REFUSE" } });
    let refused = admin.mutate("deleteUser", refusing.clone()).await;
    assert_eq!(refused.codes(), ["HAS_SPACES"]);
    assert_eq!(refused.problems()[0]["__typename"], "ConflictProblem");
    assert!(user.is_let_in().await, "nothing was changed");
    user.delete_space(&space).await;
    let deleted = admin.mutate("deleteUser", refusing.clone()).await;
    assert!(!deleted.value("user")["deletedAt"].is_null());
    assert!(!user.is_let_in().await);
    let again = admin.mutate("deleteUser", refusing).await;
    assert_eq!(again.codes(), ["NOT_FOUND"]);
}

async fn a_deleted_user_leaves_a_free_name_and_no_space(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("goes", json!({})).await;
    let user = admin.create_user("goes", json!({})).await;
    let token = user.create_token(json!({})).await;
    let running = user.run_space(&template, "running").await;
    let idle = user.create_space(&template, "idle").await;
    user.create_tunnel(&running, 80).await;
    let deleting = json!({ "userId": user.viewer_id().await, "spaces": { "policy": "DELETE" } });
    admin.mutate("deleteUser", deleting).await.value("user");
    assert!(!user.is_let_in().await && !token.is_let_in().await);
    assert_eq!(
        sign_in_codes(&home.anonymous(), "goes", "their password").await,
        ["INVALID_CREDENTIALS"]
    );
    for space in [&running, &idle] {
        admin.space_is(space, "DELETED").await;
        let gone = admin.space(space).await;
        assert_eq!(gone["owner"]["userName"], "goes", "the record stays");
    }
    let next = admin.create_user("goes", json!({})).await;
    assert_eq!(next.quota().await["spaces"]["used"], 0);
    assert!(next.space(&running).await.is_null());
    let users = "{ users(first: 100) { nodes { userName } } }";
    let users = admin.query(users, json!({})).await;
    let named = users["users"]["nodes"].as_array().expect("a list").iter();
    assert_eq!(named.filter(|it| it["userName"] == "goes").count(), 1);
}

async fn an_heir_gets_every_space_as_it_runs(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let volumes = json!([{ "name": "data", "mountPath": "/data", "sizeGib": 2 }]);
    let blueprint = json!({ "computeUnits": 3, "volumes": volumes });
    let template = admin.create_template("inherited", blueprint).await;
    let user = admin.create_user("testator", json!({})).await;
    let heir = admin
        .create_user("heir", json!({ "limits": { "computeUnits": 3 } }))
        .await;
    let running = user.run_space(&template, "running").await;
    let idle = user.create_space(&template, "idle").await;
    let tunnel = user.create_tunnel(&running, 80).await;
    let before = user.space(&running).await;
    let mut following = heir
        .follow_all(Transport::WebSocket, Some("0".to_owned()))
        .await;
    let input = json!({
        "userId": user.viewer_id().await, "spaces": { "transferTo": "heir" },
    });
    admin.mutate("deleteUser", input).await.value("user");
    following
        .until("the space", |space| space["id"] == running.as_str())
        .await;
    let after = heir.space(&running).await;
    assert_eq!(after["status"], "RUNNING");
    assert_eq!(
        after["startedAt"], before["startedAt"],
        "it went on running"
    );
    assert_eq!(after["owner"]["userName"], "heir");
    let moved = &after["tunnels"][0];
    assert_eq!(moved["id"], tunnel["id"]);
    let url = moved["url"].as_str().expect("a URL");
    assert!(url.contains("--heir."), "{url}");
    assert_eq!(heir.space(&idle).await["name"], "idle");
    let quota = heir.quota().await;
    assert_eq!(quota["computeUnits"], json!({ "used": 3, "limit": 3 }));
    assert_eq!(quota["storageUnits"]["used"], 4);
    assert_eq!(quota["tunnels"]["used"], 1);
    heir.delete_space(&running).await;
}

async fn an_heir_without_room_gets_nothing(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("crowded", json!({})).await;
    let user = admin.create_user("crowded", json!({})).await;
    let space = user.create_space(&template, "same").await;
    user.create_space(&template, "other").await;
    let heir = admin
        .create_user("narrow", json!({ "limits": { "spaces": 2 } }))
        .await;
    heir.create_space(&template, "same").await;
    let id = user.viewer_id().await;
    let to = |name: &str| json!({ "userId": id, "spaces": { "transferTo": name } });
    let refused = admin.mutate("deleteUser", to("narrow")).await;
    assert_eq!(refused.codes(), ["QUOTA_EXCEEDED", "NAME_TAKEN"]);
    let quota = &refused.problems()[0];
    assert_eq!(
        (&quota["limit"], &quota["used"], &quota["requested"]),
        (&json!(2), &json!(1), &json!(2))
    );
    for name in ["nobody", "crowded"] {
        assert!(!admin.mutate("deleteUser", to(name)).await.succeeded());
    }
    let heir = heir.viewer_id().await;
    admin
        .mutate("disableUser", user_id(&heir))
        .await
        .value("user");
    let refused = admin.mutate("deleteUser", to("narrow")).await;
    assert_eq!(refused.codes(), ["INVALID_TRANSITION"]);
    assert_eq!(user.space(&space).await["owner"]["userName"], "crowded");
}

async fn somebody_is_always_left_who_may_manage_users(database: Database) {
    let home = Installation::plan(database).without_edge().start().await;
    let admin = home.admin().await;
    let me = admin.viewer_id().await;
    let away = json!({ "userId": me, "spaces": { "policy": "DELETE" } });
    for (mutation, input) in [
        ("disableUser", user_id(&me)),
        ("deleteUser", away),
        ("updateUser", json!({ "userId": me, "roleIds": [] })),
    ] {
        let refused = admin.mutate(mutation, input).await;
        assert_eq!(refused.codes(), ["LAST_MANAGER"], "{mutation}");
    }
    let roles = admin.query("{ roles { id name } }", json!({})).await;
    let mut roles = roles["roles"].as_array().expect("a list").iter();
    let role = id(roles.find(|it| it["name"] == "Admin").expect("built in"));
    for round in 0..4 {
        let name = format!("manager-{round}");
        let other = admin.create_user(&name, json!({ "roleIds": [role] })).await;
        let them = other.viewer_id().await;
        let strip = json!({ "userId": me, "roleIds": [] });
        let (mine, theirs) = join(
            admin.mutate("disableUser", user_id(&them)),
            other.answer(
                "mutation ($input: UpdateUserInput!) { updateUser(input: $input) { problems { code } } }",
                json!({ "input": strip }),
            ),
        )
        .await;
        let left = async |client: &Client| {
            let (_, answer) = client.answer("{ users { nodes { id } } }", json!({})).await;
            let users = answer["data"]["users"]["nodes"].as_array().map(Vec::len);
            users.is_some_and(|count| count > 1)
        };
        let (i_am, they_are) = (left(&admin).await, left(&other).await);
        assert!(i_am || they_are, "{mine:?} {theirs:?}");
        if !i_am {
            let again = json!({ "userId": me, "roleIds": [role] });
            other.mutate("updateUser", again).await.value("user");
        }
    }
}
