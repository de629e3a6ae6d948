//! Public hostnames: made, renamed, disabled, enabled, deleted, and what visitors see of it.

use serde_json::{Value, json};
use spaceport_tests::{
    BUSYBOX, Client, Database, Home, Installation, Payload, Transport, Visitor, client::id,
    edge::Answer, on_both_databases,
};

on_both_databases!(
    a_tunnel_is_renamed_disabled_enabled_and_deleted_for_visitors_too,
    what_is_so_already_changes_nothing_and_tells_nobody,
    an_unacceptable_change_of_a_tunnel_changes_nothing,
    who_may_not_make_a_tunnel_may_only_close_one,
    a_disabled_tunnel_counts_in_the_quota_and_a_deleted_one_does_not,
    of_two_tunnels_renamed_alike_one_gets_the_name,
    tunnels_are_listed_page_by_page,
    a_tunnel_stays_disabled_in_other_hands,
    no_tunnel_leads_to_an_app_that_takes_a_sign_in,
);

/// Serves a page on port 8000, and another one on port 8001.
const SERVE: &str = "mkdir -p /tmp/a /tmp/b; echo 'a page' > /tmp/a/index.html; \
                     echo 'another' > /tmp/b/index.html; httpd -p 8001 -h /tmp/b; \
                     exec httpd -f -p 8000 -h /tmp/a";

/// A user named `name` with a space named `name` that serves two pages.
async fn serving(home: &Home, name: &str) -> (Client, String) {
    let admin = home.admin().await;
    let blueprint = json!({ "image": BUSYBOX, "command": ["sh", "-c", SERVE] });
    let template = admin.create_template(name, blueprint).await;
    let user = admin.create_user(name, json!({})).await;
    let space = user.run_space(&template, name).await;
    (user, space)
}

/// A user named `name` with a space named `name` that was never started.
async fn resting(home: &Home, name: &str, user: Value) -> (Client, String) {
    let admin = home.admin().await;
    let template = admin.create_template(name, json!({})).await;
    let user = admin.create_user(name, user).await;
    let space = user.create_space(&template, name).await;
    (user, space)
}

async fn update(user: &Client, tunnel: &Value, mut changes: Value) -> Payload {
    changes["tunnelId"] = tunnel["id"].clone();
    user.mutate("updateTunnel", changes).await
}

fn url(tunnel: &Value) -> &str {
    tunnel["url"].as_str().expect("a URL")
}

/// Waits until the visitor gets this page.
async fn serves(visitor: &Visitor, url: &str, page: &str) {
    visitor.get_until(url, page, |it| it.body == page).await;
}

async fn is_unknown(visitor: &Visitor, url: &str) {
    let unknown = |it: &Answer| it.code() == "UNKNOWN_HOST";
    visitor.get_until(url, "an unknown host", unknown).await;
}

/// An answer without what differs between any two of them.
fn comparable(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let request_id = answer.header("x-request-id");
    let own = |text: &str| text.replace(request_id, "");
    let fields = answer.headers.iter().filter(|(name, _)| *name != "date");
    let fields = fields.map(|(name, value)| (name.to_string(), own(value.to_str().unwrap())));
    (answer.status, fields.collect(), own(&answer.body))
}

async fn a_tunnel_is_renamed_disabled_enabled_and_deleted_for_visitors_too(database: Database) {
    let home = Installation::shared(database).await;
    let (user, space) = serving(&home, "changeable").await;
    let visitor = home.visitor();
    let closed = json!({ "spaceId": space, "port": 8000, "name": "first", "enabled": false });
    let made = user.mutate("createTunnel", closed).await.value("tunnel");
    assert_eq!(made["enabled"], false);
    let document = "subscription { tunnelsChanged { change tunnel { name port url enabled } } }";
    let mut told = user
        .subscribe(Transport::WebSocket, document, json!({}))
        .await;
    let mut next = async || told.next_data().await["tunnelsChanged"].take();
    let snapshot = next().await;
    assert_eq!(snapshot["change"], "SNAPSHOT");
    assert_eq!(snapshot["tunnel"]["enabled"], false);

    // The routes of one space travel together: where this one is known, the closed one would be.
    let beside = user.create_tunnel(&space, 8001).await;
    assert_eq!(next().await["change"], "CREATED");
    serves(&visitor, url(&beside), "another\n").await;
    let of_disabled = visitor.get(url(&made)).await;
    assert_eq!(of_disabled.code(), "UNKNOWN_HOST");
    let never_made = url(&made).replace("first--", "never--");
    let of_none = visitor.get(&never_made).await;
    assert_eq!(comparable(&of_disabled), comparable(&of_none));

    let opened = update(&user, &made, json!({ "enabled": true })).await;
    let opened = opened.value("tunnel");
    assert_eq!(
        (&opened["enabled"], url(&opened)),
        (&json!(true), url(&made))
    );
    serves(&visitor, url(&made), "a page\n").await;
    let event = next().await;
    assert_eq!(event["change"], "UPDATED");
    assert_eq!(event["tunnel"]["enabled"], true);

    let changes = json!({ "name": "second", "port": 8001 });
    let renamed = update(&user, &made, changes).await.value("tunnel");
    assert_eq!(renamed["id"], made["id"]);
    assert_eq!(url(&renamed), url(&made).replace("first--", "second--"));
    serves(&visitor, url(&renamed), "another\n").await;
    assert_eq!(visitor.get(url(&made)).await.code(), "UNKNOWN_HOST");
    let event = next().await;
    assert_eq!(event["change"], "UPDATED");
    let fields = ["name", "port", "url", "enabled"].map(|it| event["tunnel"][it].clone());
    let expected = [
        json!("second"),
        json!(8001),
        renamed["url"].clone(),
        json!(true),
    ];
    assert_eq!(fields, expected);

    let disabled = update(&user, &made, json!({ "enabled": false })).await;
    assert_eq!(disabled.value("tunnel")["name"], "second");
    is_unknown(&visitor, url(&renamed)).await;
    update(&user, &made, json!({ "enabled": true })).await;
    serves(&visitor, url(&renamed), "another\n").await;
    let gone = json!({ "tunnelId": made["id"] });
    user.mutate("deleteTunnel", gone.clone())
        .await
        .value("tunnel");
    is_unknown(&visitor, url(&renamed)).await;
    let changes = [next().await, next().await, next().await].map(|it| it["change"].clone());
    assert_eq!(changes, ["UPDATED", "UPDATED", "DELETED"]);
    for again in [
        update(&user, &made, json!({ "enabled": false })).await,
        user.mutate("deleteTunnel", gone).await,
    ] {
        assert_eq!(again.codes(), ["NOT_FOUND"]);
    }
    user.stop_space(&space).await;
}

#[tokio::test]
async fn a_stopped_spaces_page_says_so_until_it_runs_again() {
    let home = Installation::shared(Database::Sqlite).await;
    let (user, space) = serving(&home, "restful").await;
    let tunnel = user.create_tunnel(&space, 8000).await;
    let (visitor, url) = (home.visitor(), url(&tunnel));
    serves(&visitor, url, "a page\n").await;
    user.stop_space(&space).await;
    let not_running = |it: &Answer| it.code() == "SPACE_NOT_RUNNING";
    let is_stopped = |it: &Answer| not_running(it) && it.body.contains("is stopped");
    visitor.get_until(url, "a stopped space", is_stopped).await;
    for (accept, kind) in [
        ("text/html", "text/html"),
        ("application/json", "application/json"),
        ("*/*", "text/plain"),
    ] {
        let answer = visitor.get_with(url, &[("accept", accept)]).await;
        assert_eq!((answer.status, answer.code()), (503, "SPACE_NOT_RUNNING"));
        assert!(answer.header("content-type").starts_with(kind), "{accept}");
        let says = answer.body.contains("The space “restful” is stopped.");
        assert!(says, "{accept}: {}", answer.body);
        let retry_after = answer.header("retry-after").parse::<u32>();
        assert!(retry_after.is_ok_and(|seconds| seconds > 0), "{accept}");
        assert_eq!(answer.header("cache-control"), "no-store", "{accept}");
    }
    user.ask("startSpace", &space).await;
    serves(&visitor, url, "a page\n").await;
    user.stop_space(&space).await;
}

async fn what_is_so_already_changes_nothing_and_tells_nobody(database: Database) {
    let home = Installation::shared(database).await;
    let (user, space) = resting(&home, "unchanged", json!({})).await;
    let tunnel = user.create_tunnel(&space, 80).await;
    let same = json!({ "name": "unchanged-80", "port": 80, "enabled": true });
    for changes in [json!({}), same] {
        let after = update(&user, &tunnel, changes).await.value("tunnel");
        assert_eq!(after, tunnel);
    }
    let changes = json!({ "name": "other", "port": 81, "enabled": false });
    update(&user, &tunnel, changes).await.value("tunnel");
    let subject = id(&tunnel);
    let about_it = |it: &Value| it["subject"] == subject.as_str();
    let log = "query ($user: ID!) { auditLog(first: 100, filter: { actorId: $user }) { \
        nodes { action subject detail } } }";
    let viewer = user.viewer_id().await;
    let admin = home.admin().await;
    let log = admin.query(log, json!({ "user": viewer })).await;
    let entries = log["auditLog"]["nodes"].as_array().expect("entries");
    let about_it: Vec<_> = entries.iter().filter(|it| about_it(it)).collect();
    let actions: Vec<_> = about_it.iter().map(|it| &it["action"]).collect();
    assert_eq!(actions, ["createTunnel", "updateTunnel"]);
    let [other, unchanged] =
        ["other", "unchanged-80"].map(|name| format!("{name}--unchanged.tunnels.localhost"));
    let detail = format!("{other}, was {unchanged}, port 81, disabled");
    assert_eq!(about_it[1]["detail"], detail);
    let outbox = home.outbox().await;
    let events = outbox.iter().filter_map(|event| match &event.body {
        spaceport_domain::event::EventBody::Tunnel { tunnel, .. } => Some(tunnel.id.to_string()),
        _ => None,
    });
    assert_eq!(events.filter(|it| *it == subject).count(), 2);
}

async fn an_unacceptable_change_of_a_tunnel_changes_nothing(database: Database) {
    let home = Installation::shared(database).await;
    let (user, space) = resting(&home, "unacceptable", json!({})).await;
    let tunnel = user.create_tunnel(&space, 80).await;
    user.create_tunnel(&space, 81).await;
    // With "--unacceptable" it would be a label of 64 characters.
    let too_long = "t".repeat(50);
    for (changes, code, paths) in [
        (json!({ "name": "" }), "INVALID_INPUT", vec!["name"]),
        (json!({ "name": "a--b" }), "INVALID_INPUT", vec!["name"]),
        (json!({ "name": too_long }), "INVALID_INPUT", vec!["name"]),
        (json!({ "port": 0 }), "INVALID_INPUT", vec!["port"]),
        (json!({ "port": 65_536 }), "INVALID_INPUT", vec!["port"]),
        (
            json!({ "port": -1, "name": "A" }),
            "INVALID_INPUT",
            vec!["port", "name"],
        ),
        (
            json!({ "name": "unacceptable-81" }),
            "NAME_TAKEN",
            vec!["name"],
        ),
        (
            json!({ "name": "unacceptable-81", "enabled": false }),
            "NAME_TAKEN",
            vec!["name"],
        ),
    ] {
        let refused = update(&user, &tunnel, changes.clone()).await;
        let problems = refused.problems();
        assert!(
            problems.iter().all(|it| it["code"] == code),
            "{changes}: {problems:?}"
        );
        let at: Vec<_> = problems.iter().map(|it| it["path"][0].clone()).collect();
        assert_eq!(at, paths, "{changes}");
    }
    let document = "query ($id: ID!) { node(id: $id) { ... on Tunnel { \
        id name port url enabled } } }";
    let after = user.query(document, json!({ "id": tunnel["id"] })).await;
    assert_eq!(after["node"], tunnel);
}

async fn who_may_not_make_a_tunnel_may_only_close_one(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let (owner, space) = resting(&home, "closable", json!({})).await;
    let tunnel = owner.create_tunnel(&space, 80).await;
    let role =
        json!({ "name": "closing-manager", "permissions": ["MANAGE_SPACES", "USE_TUNNELS"] });
    let role = id(&admin.mutate("createRole", role).await.value("role"));
    let roles = json!({ "roleIds": [role] });
    let manager = admin.create_user("closing-manager", roles).await;
    let stranger = admin.create_user("closing-stranger", json!({})).await;
    for changes in [
        json!({}),
        json!({ "name": "mine" }),
        json!({ "port": 81 }),
        json!({ "port": 81, "enabled": false }),
        json!({ "enabled": true }),
    ] {
        let refused = update(&manager, &tunnel, changes.clone()).await;
        assert_eq!(refused.codes(), ["FORBIDDEN"], "{changes}");
        assert_eq!(refused.problems()[0]["path"], json!(["tunnelId"]));
        let unseen = update(&stranger, &tunnel, changes.clone()).await;
        assert_eq!(unseen.codes(), ["NOT_FOUND"], "{changes}");
    }
    let close = json!({ "enabled": false });
    assert_eq!(
        update(&stranger, &tunnel, close.clone()).await.codes(),
        ["NOT_FOUND"]
    );
    let closed = update(&manager, &tunnel, close).await.value("tunnel");
    assert_eq!(closed["enabled"], false);
    let open = json!({ "enabled": true });
    assert_eq!(
        update(&manager, &tunnel, open.clone()).await.codes(),
        ["FORBIDDEN"]
    );
    update(&owner, &tunnel, open).await.value("tunnel");
}

async fn a_disabled_tunnel_counts_in_the_quota_and_a_deleted_one_does_not(database: Database) {
    let home = Installation::shared(database).await;
    let limit = json!({ "limits": { "tunnels": 1 } });
    let (user, space) = resting(&home, "tunnel-counted", limit).await;
    let first = user.create_tunnel(&space, 80).await;
    let second = json!({ "spaceId": space, "port": 81, "enabled": false });
    let refused = async || {
        let refused = user.mutate("createTunnel", second.clone()).await;
        let problem = refused.problems().remove(0);
        assert_eq!(problem["code"], "QUOTA_EXCEEDED");
        let numbers = ["resource", "limit", "used", "requested"].map(|it| problem[it].clone());
        assert_eq!(numbers, [json!("TUNNELS"), json!(1), json!(1), json!(1)]);
    };
    refused().await;
    let closed = update(&user, &first, json!({ "enabled": false })).await;
    closed.value("tunnel");
    refused().await;
    assert_eq!(user.quota().await["tunnels"]["used"], 1);
    let gone = json!({ "tunnelId": first["id"] });
    user.mutate("deleteTunnel", gone).await.value("tunnel");
    assert_eq!(user.quota().await["tunnels"]["used"], 0);
    let second = user.mutate("createTunnel", second.clone()).await;
    let second = second.value("tunnel");
    let changes = json!({ "enabled": true, "name": "other", "port": 82 });
    update(&user, &second, changes).await.value("tunnel");
    assert_eq!(user.quota().await["tunnels"]["used"], 1);
}

async fn of_two_tunnels_renamed_alike_one_gets_the_name(database: Database) {
    let home = Installation::shared(database).await;
    let (user, space) = resting(&home, "contended", json!({})).await;
    let one = user.create_tunnel(&space, 80).await;
    let other = user.create_tunnel(&space, 81).await;
    for round in 0..8 {
        let name = json!({ "name": format!("round-{round}") });
        let (first, second) = tokio::join!(
            update(&user, &one, name.clone()),
            update(&user, &other, name.clone()),
        );
        let loser = if first.succeeded() { second } else { first };
        assert_eq!(loser.codes(), ["NAME_TAKEN"], "round {round}");
        let all = user
            .query("{ tunnels { nodes { name } } }", json!({}))
            .await;
        let named = all["tunnels"]["nodes"].as_array().expect("a list").iter();
        assert_eq!(named.filter(|it| it["name"] == name["name"]).count(), 1);
    }
}

async fn tunnels_are_listed_page_by_page(database: Database) {
    let home = Installation::shared(database).await;
    let (user, space) = resting(&home, "paged", json!({})).await;
    let mut made = Vec::new();
    for port in 80..85 {
        made.push(user.create_tunnel(&space, port).await);
    }
    let closed = update(&user, &made[1], json!({ "enabled": false })).await;
    made[1] = closed.value("tunnel");
    let document = "query ($after: String) { tunnels(first: 2, after: $after) { \
        nodes { id name port url enabled } pageInfo { hasNextPage endCursor } } }";
    let (mut listed, mut after) = (Vec::new(), Value::Null);
    for (count, more) in [(2, true), (2, true), (1, false)] {
        let mut page = user.query(document, json!({ "after": after })).await;
        let nodes = page["tunnels"]["nodes"].as_array_mut().expect("a list");
        assert_eq!(nodes.len(), count);
        listed.append(nodes);
        assert_eq!(page["tunnels"]["pageInfo"]["hasNextPage"], more);
        after = page["tunnels"]["pageInfo"]["endCursor"].take();
    }
    assert_eq!(listed, made);
}

async fn a_tunnel_stays_disabled_in_other_hands(database: Database) {
    let home = Installation::shared(database).await;
    let (user, space) = resting(&home, "handed-closed", json!({})).await;
    let heir = home
        .admin()
        .await
        .create_user("handed-heir", json!({}))
        .await;
    let tunnel = user.create_tunnel(&space, 80).await;
    update(&user, &tunnel, json!({ "enabled": false }))
        .await
        .value("tunnel");
    let to_heir = json!({ "spaceId": space, "userName": "handed-heir" });
    user.mutate("transferSpace", to_heir).await.value("space");
    let lost = update(&user, &tunnel, json!({ "enabled": true })).await;
    assert_eq!(lost.codes(), ["NOT_FOUND"]);
    let theirs = heir
        .query("{ tunnels { nodes { id enabled } } }", json!({}))
        .await;
    let expected = json!([{ "id": tunnel["id"], "enabled": false }]);
    assert_eq!(theirs["tunnels"]["nodes"], expected);
}

async fn no_tunnel_leads_to_an_app_that_takes_a_sign_in(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let user = admin.create_user("kept-ports", json!({})).await;
    let space = async |name: &str, features: &[&str], ports: Value| {
        let blueprint = json!({ "features": features, "ports": ports });
        let template = admin.create_template(name, blueprint).await;
        user.create_space(&template, name).await
    };
    let both = ["TUNNELS", "CODE_SERVER", "VNC"];
    let kept = space("kept-ports", &both, json!([])).await;
    let plain = user.create_tunnel(&kept, 8000).await;
    for port in [13337, 5900] {
        let wanted = json!({ "spaceId": kept, "port": port });
        for refused in [
            user.mutate("createTunnel", wanted).await,
            admin
                .mutate("createTunnel", json!({ "spaceId": kept, "port": port }))
                .await,
            update(&user, &plain, json!({ "port": port })).await,
        ] {
            assert_eq!(refused.codes(), ["INVALID_INPUT"], "{port}");
            assert_eq!(refused.problems()[0]["path"], json!(["port"]), "{port}");
        }
    }
    let declared = json!([{ "name": "web", "port": 13337 }]);
    let declared = space("declared-ports", &both, declared).await;
    user.create_tunnel(&declared, 13337).await;
    let wanted = json!({ "spaceId": declared, "port": 5900 });
    let refused = user.mutate("createTunnel", wanted).await;
    assert_eq!(refused.codes(), ["INVALID_INPUT"]);
    let without = space("no-kept-ports", &["TUNNELS"], json!([])).await;
    user.create_tunnel(&without, 13337).await;
    user.create_tunnel(&without, 5900).await;
}
