//! A space that is shared may be seen and entered, nothing more; and its owner stays in control.

use serde_json::{Value, json};
use spaceport_tests::{
    Client, Database, Home, Installation, Message, Transport, client::id, in_time,
    on_both_databases,
};

on_both_databases!(
    whom_a_space_is_shared_with_sees_it_and_manages_nothing,
    unsharing_ends_what_is_open_at_once,
    a_guest_may_leave_and_an_owner_may_not,
    a_space_is_handed_over_with_all_that_belongs_to_it,
    a_space_is_not_handed_over_where_it_does_not_fit,
    a_guest_who_returns_is_told_of_the_loss_and_of_nothing_else,
    a_change_of_roles_makes_subscriptions_begin_anew,
    sharing_twice_or_with_nobody_does_no_harm,
);

const SEEN: &str = "query ($id: ID!) { space(id: $id) { id name viewerRelation \
    shares { user { userName } } owner { userName } } }";

async fn seen(client: &Client, space: &str) -> Value {
    let mut data = client.query(SEEN, json!({ "id": space })).await;
    data["space"].take()
}

fn with(space: &str, user: &str) -> Value {
    json!({ "spaceId": space, "userName": user })
}

/// The feed that the edge follows.
async fn routes(home: &Home) -> spaceport_tests::Subscription {
    let edge = home.as_edge();
    let feed = "subscription { routesChanged { change spaces { spaceId ownerId sharedWith } } }";
    edge.subscribe(Transport::EventStream, feed, json!({}))
        .await
}

/// Reads the edge's feed until it knows the space like this.
async fn routed(
    feed: &mut spaceport_tests::Subscription,
    space: &str,
    is_so: impl Fn(&Value) -> bool,
) {
    in_time("a route", async {
        loop {
            let event = feed.next_data().await["routesChanged"].take();
            let spaces = event["spaces"].as_array().expect("a list");
            if spaces.iter().any(|it| it["spaceId"] == space && is_so(it)) {
                return;
            }
        }
    })
    .await;
}

async fn whom_a_space_is_shared_with_sees_it_and_manages_nothing(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("shared-seen", json!({})).await;
    let owner = admin.create_user("seen-owner", json!({})).await;
    let guest = admin.create_user("seen-guest", json!({})).await;
    let other = admin.create_user("seen-other", json!({})).await;
    let space = owner.create_space(&template, "seen").await;
    let tunnel = id(&owner.create_tunnel(&space, 80).await);
    assert_eq!(seen(&guest, &space).await, Value::Null);
    for user in ["seen-guest", "seen-other"] {
        owner
            .mutate("shareSpace", with(&space, user))
            .await
            .value("space");
    }

    let by_guest = seen(&guest, &space).await;
    assert_eq!(by_guest["viewerRelation"], "SHARED");
    assert_eq!(by_guest["owner"]["userName"], "seen-owner");
    assert_eq!(
        by_guest["shares"],
        json!([{ "user": { "userName": "seen-guest" } }]),
        "guests don't learn of each other"
    );
    let by_owner = seen(&owner, &space).await;
    assert_eq!(by_owner["shares"].as_array().map(Vec::len), Some(2));
    let listed = guest.query("{ spaces { nodes { id } } }", json!({})).await;
    assert_eq!(listed["spaces"]["nodes"], json!([{ "id": space }]));
    let by_name = r#"{ spaceByName(owner: "seen-owner", name: "seen") { id } }"#;
    let by_name = guest.query(by_name, json!({})).await;
    assert_eq!(by_name["spaceByName"]["id"], space.as_str());

    let only = json!({ "spaceId": space });
    for (mutation, input) in [
        ("startSpace", only.clone()),
        ("stopSpace", only.clone()),
        ("restartSpace", only.clone()),
        ("deleteSpace", only.clone()),
        (
            "updateSpace",
            json!({ "spaceId": space, "description": "mine" }),
        ),
        ("shareSpace", with(&space, "seen-other")),
        ("unshareSpace", with(&space, "seen-other")),
        ("transferSpace", with(&space, "seen-guest")),
        ("createTunnel", json!({ "spaceId": space, "port": 81 })),
    ] {
        let refused = guest.mutate(mutation, input).await;
        assert_eq!(refused.codes(), ["FORBIDDEN"], "{mutation}");
    }
    let refused = guest
        .mutate("deleteTunnel", json!({ "tunnelId": tunnel }))
        .await;
    assert_eq!(refused.codes(), ["NOT_FOUND"]);
    for field in [
        "spaceLogs(id: $id) { text }",
        "spaceStats(id: $id) { pids }",
    ] {
        let document = format!("subscription ($id: ID!) {{ {field} }}");
        let variables = json!({ "id": space });
        let mut refused = guest
            .subscribe(Transport::WebSocket, &document, variables)
            .await;
        let errors = match refused.next().await {
            Message::Error(errors) => errors,
            Message::Next(event) => event["errors"].clone(),
            end => panic!("{end:?}"),
        };
        assert_eq!(errors[0]["extensions"]["code"], "FORBIDDEN", "{field}");
    }
    assert_eq!(guest.quota().await["spaces"]["used"], 0, "the owner pays");
    drop(other);
}

async fn unsharing_ends_what_is_open_at_once(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("unshared", json!({})).await;
    let owner = admin.create_user("unshared-owner", json!({})).await;
    let guest = admin.create_user("unshared-guest", json!({})).await;
    let space = owner.create_space(&template, "unshared").await;
    let mut feed = routes(&home).await;
    let mut all = guest.follow_all(Transport::WebSocket, None).await;
    owner
        .mutate("shareSpace", with(&space, "unshared-guest"))
        .await
        .value("space");
    let first = all.next().await;
    assert_eq!(first["change"], "SHARES", "it begins with the sharing");
    assert_eq!(first["space"]["id"], space.as_str());
    routed(&mut feed, &space, |it| it["sharedWith"] != json!([])).await;
    let mut one = guest.follow(Transport::EventStream, &space).await;
    assert_eq!(one.next().await["change"], "SNAPSHOT");

    owner
        .mutate("unshareSpace", with(&space, "unshared-guest"))
        .await
        .value("space");
    routed(&mut feed, &space, |it| it["sharedWith"] == json!([])).await;
    let loss = all.next().await;
    assert_eq!(
        (&loss["change"], &loss["space"]),
        (&json!("LOST"), &Value::Null)
    );
    assert_eq!(one.next().await["change"], "LOST");
    one.completed().await;
    assert_eq!(seen(&guest, &space).await, Value::Null);

    // What happens to it now is not heard of.
    let changed = json!({ "spaceId": space, "description": "private" });
    owner.mutate("updateSpace", changed).await.value("space");
    let own = guest.create_space(&template, "own").await;
    let next = all.next().await;
    assert_eq!(next["space"]["id"], own.as_str());
}

async fn a_guest_may_leave_and_an_owner_may_not(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("left", json!({})).await;
    let owner = admin.create_user("left-owner", json!({})).await;
    let guest = admin.create_user("left-guest", json!({})).await;
    let space = owner.create_space(&template, "left").await;
    for leave in ["leaveSpace", "unshareSpace"] {
        owner
            .mutate("shareSpace", with(&space, "left-guest"))
            .await
            .value("space");
        let input = match leave {
            "leaveSpace" => json!({ "spaceId": space }),
            _ => with(&space, "left-guest"),
        };
        guest.mutate(leave, input.clone()).await.value("space");
        assert_eq!(seen(&guest, &space).await, Value::Null);
        assert_eq!(guest.mutate(leave, input).await.codes(), ["NOT_FOUND"]);
    }
    let leave = owner
        .mutate("leaveSpace", json!({ "spaceId": space }))
        .await;
    assert_eq!(leave.codes(), ["INVALID_INPUT"]);
}

async fn a_space_is_handed_over_with_all_that_belongs_to_it(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let volumes = json!([{ "name": "data", "mountPath": "/data", "sizeGib": 1 }]);
    let template = admin
        .create_template(
            "handed-over",
            json!({ "computeUnits": 2, "volumes": volumes }),
        )
        .await;
    let owner = admin.create_user("giver", json!({})).await;
    let limits =
        json!({ "limits": { "spaces": 1, "computeUnits": 2, "storageUnits": 1, "tunnels": 1 } });
    let heir = admin.create_user("heir", limits).await;
    let guest = admin.create_user("handed-guest", json!({})).await;
    let space = owner.run_space(&template, "handed").await;
    let container = home.docker.container(&space);
    home.docker.read_inside(&space, "echo kept > /data/file");
    owner
        .mutate("shareSpace", with(&space, "handed-guest"))
        .await
        .value("space");
    owner
        .mutate("shareSpace", with(&space, "heir"))
        .await
        .value("space");
    let tunnel = json!({ "spaceId": space, "port": 80, "name": "web" });
    let tunnel = owner.mutate("createTunnel", tunnel).await.value("tunnel");
    let mut former = owner.follow_all(Transport::WebSocket, None).await;
    former.next().await;
    let logs = "subscription ($id: ID!) { spaceStats(id: $id) { pids } }";
    let mut stats = owner
        .subscribe(Transport::WebSocket, logs, json!({ "id": space }))
        .await;
    stats.next_data().await;

    owner
        .mutate("transferSpace", with(&space, "heir"))
        .await
        .value("space");
    let loss = former.next().await;
    assert_eq!(loss["change"], "LOST");
    stats.completed().await;
    assert_eq!(seen(&owner, &space).await, Value::Null);
    let by_heir = seen(&heir, &space).await;
    assert_eq!(by_heir["viewerRelation"], "OWNER");
    assert_eq!(
        by_heir["shares"],
        json!([{ "user": { "userName": "handed-guest" } }])
    );
    assert_eq!(seen(&guest, &space).await["viewerRelation"], "SHARED");
    assert_eq!(
        home.docker.container(&space),
        container,
        "it goes on running"
    );
    assert_eq!(home.docker.read_inside(&space, "cat /data/file"), "kept");
    for (user, used) in [(&owner, [0, 0, 0, 0]), (&heir, [1, 2, 1, 1])] {
        let quota = user.quota().await;
        let resources = ["spaces", "computeUnits", "storageUnits", "tunnels"];
        assert_eq!(
            resources.map(|it| quota[it]["used"].as_i64().expect("a number")),
            used
        );
    }
    let tunnels = heir
        .query("{ tunnels { nodes { id url } } }", json!({}))
        .await;
    let moved = &tunnels["tunnels"]["nodes"][0];
    assert_eq!(moved["id"], tunnel["id"]);
    let url = moved["url"].as_str().expect("a URL");
    assert!(url.starts_with("https://web--heir."), "{url}");
    let visitor = home.visitor();
    // Nobody listens on the port: the edge knows the name, and where it leads.
    visitor
        .get_until(url, "the new name", |it| it.status == 502)
        .await;
    let old = tunnel["url"].as_str().expect("a URL");
    visitor
        .get_until(old, "the old name", |it| it.status == 404)
        .await;
    heir.ask("stopSpace", &space).await;
}

async fn a_space_is_not_handed_over_where_it_does_not_fit(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("unfitting", json!({})).await;
    let owner = admin.create_user("unfitting", json!({})).await;
    let space = owner.create_space(&template, "taken").await;
    // Why exactly is for who may know about users.
    let to = async |user: &str| {
        let by_owner = owner.mutate("transferSpace", with(&space, user)).await;
        let by_admin = admin.mutate("transferSpace", with(&space, user)).await;
        if by_owner.codes() != ["NOT_FOUND"] {
            assert_eq!(by_owner.codes(), ["INVALID_TRANSITION"], "{user}");
        }
        by_admin.codes()
    };
    assert_eq!(to("nobody-of-this-name").await, ["NOT_FOUND"]);
    let namesake = admin.create_user("unfitting-namesake", json!({})).await;
    namesake.create_space(&template, "taken").await;
    assert_eq!(to("unfitting-namesake").await, ["NAME_TAKEN"]);
    let full = json!({ "limits": { "spaces": 0 } });
    admin.create_user("unfitting-full", full).await;
    assert_eq!(to("unfitting-full").await, ["QUOTA_EXCEEDED"]);
    admin
        .create_user("unfitting-powerless", json!({ "roleIds": [] }))
        .await;
    assert_eq!(to("unfitting-powerless").await, ["INVALID_INPUT"]);
    assert_eq!(seen(&owner, &space).await["viewerRelation"], "OWNER");
    // To whose it is already: nothing to do.
    owner
        .mutate("transferSpace", with(&space, "unfitting"))
        .await
        .value("space");
}

async fn a_guest_who_returns_is_told_of_the_loss_and_of_nothing_else(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("returning", json!({})).await;
    let owner = admin.create_user("returned-owner", json!({})).await;
    let guest = admin.create_user("returned-guest", json!({})).await;
    let (lost, kept) = (
        owner.create_space(&template, "lost").await,
        owner.create_space(&template, "kept").await,
    );
    for space in [&lost, &kept] {
        owner
            .mutate("shareSpace", with(space, "returned-guest"))
            .await
            .value("space");
    }
    let mut away = guest.follow_all(Transport::WebSocket, None).await;
    for _ in 0..2 {
        assert_eq!(away.next().await["change"], "SNAPSHOT");
    }
    // While nobody listens: what could be seen then, of a space that can't be seen now.
    let describe = async |space: &str, text: &str| {
        let input = json!({ "spaceId": space, "description": text });
        owner.mutate("updateSpace", input).await.value("space");
    };
    let cursor = away.cursor();
    drop(away);
    describe(&lost, "while shared").await;
    describe(&kept, "while shared").await;
    owner
        .mutate("unshareSpace", with(&lost, "returned-guest"))
        .await
        .value("space");
    describe(&lost, "secret").await;
    describe(&kept, "last").await;
    for transport in [Transport::WebSocket, Transport::EventStream] {
        let mut back = guest.follow_all(transport, cursor.clone()).await;
        back.until("the last change", |space| space["revision"] == 4)
            .await;
        let told: Vec<_> = back
            .history
            .iter()
            .map(|it| (it["change"].clone(), it["space"]["id"].clone()))
            .collect();
        let updated = (json!("UPDATED"), json!(kept));
        assert_eq!(
            told,
            [updated.clone(), (json!("LOST"), Value::Null), updated]
        );
    }
}

async fn a_change_of_roles_makes_subscriptions_begin_anew(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("promoted", json!({})).await;
    let other = admin.create_user("promoted-other", json!({})).await;
    let user = admin.create_user("promoted", json!({})).await;
    let own = user.create_space(&template, "own").await;
    let mut follower = user.follow_all(Transport::WebSocket, None).await;
    assert_eq!(follower.next().await["space"]["id"], own.as_str());
    let of_other = other.create_space(&template, "others").await;
    let viewer = user.query("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
    let input = json!({ "name": "promoted", "permissions": ["MANAGE_SPACES"] });
    let role = id(&admin.mutate("createRole", input).await.value("role"));
    let promote = json!({ "userId": viewer, "roleIds": [role] });
    admin.mutate("updateUser", promote).await.value("user");
    follower.end().await;
    follower.reconnect(Transport::WebSocket).await;
    assert_eq!(follower.next().await["change"], "RESET");
    follower
        .until("a space that can be seen now", |it| {
            it["id"] == of_other.as_str()
        })
        .await;
    let demote = json!({ "userId": viewer, "roleIds": [] });
    admin.mutate("updateUser", demote).await.value("user");
    follower.end().await;
    follower.reconnect(Transport::EventStream).await;
    assert_eq!(follower.next().await["change"], "RESET");
    let snapshot = follower.next().await;
    assert_eq!(snapshot["space"]["id"], own.as_str());
    assert!(snapshot["cursor"].is_string(), "there is no other");
}

async fn sharing_twice_or_with_nobody_does_no_harm(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("twice", json!({})).await;
    let owner = admin.create_user("twice-owner", json!({})).await;
    admin.create_user("twice-guest", json!({})).await;
    let space = owner.create_space(&template, "twice").await;
    let share = async |user: &str| owner.mutate("shareSpace", with(&space, user)).await;
    let first = share("twice-guest").await.value("space");
    let again = share("twice-guest").await.value("space");
    assert_eq!(first["revision"], again["revision"]);
    assert_eq!(share("twice-owner").await.codes(), ["INVALID_INPUT"]);
    assert_eq!(share("twice-nobody").await.codes(), ["NOT_FOUND"]);
    let unshare = async || {
        let payload = owner
            .mutate("unshareSpace", with(&space, "twice-guest"))
            .await;
        payload.value("space")["revision"].clone()
    };
    assert_eq!(unshare().await, unshare().await);
    let gone = json!({ "spaceId": space });
    owner.mutate("deleteSpace", gone).await.value("space");
    assert_eq!(share("twice-guest").await.codes(), ["INVALID_TRANSITION"]);
}
