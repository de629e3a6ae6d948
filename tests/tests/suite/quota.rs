//! Limits are never passed by one unit.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};
use spaceport_tests::{Client, Database, Installation, client::id, on_both_databases};
use tokio::sync::Barrier;

on_both_databases!(
    the_seed_case_holds,
    sixty_four_clients_at_once_never_pass_a_limit,
    what_groups_grant_adds_to_the_users_own_limit,
    a_refusal_says_what_there_is_too_little_of,
    a_lowered_limit_stops_nothing_and_starts_nothing,
    a_crash_between_request_and_start_leaks_nothing,
);

fn start(space: &str) -> Value {
    json!({ "spaceId": space })
}

/// Spaces that are not started, one for each name.
async fn make(user: &Client, template: &str, prefix: &str, count: usize) -> Vec<String> {
    let mut spaces = Vec::new();
    for number in 0..count {
        spaces.push(
            user.create_space(template, &format!("{prefix}-{number}"))
                .await,
        );
    }
    spaces
}

async fn stop_all(user: &Client, spaces: &[String]) {
    join_all(spaces.iter().map(|space| user.stop_space(space))).await;
    assert_eq!(user.compute_used().await, 0, "stopped spaces cost nothing");
}

/// Limit 10, template A = 3, template B = 2.
async fn the_seed_case_holds(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let a = admin
        .create_template("seed-a", json!({ "computeUnits": 3 }))
        .await;
    let b = admin
        .create_template("seed-b", json!({ "computeUnits": 2 }))
        .await;
    let user = admin
        .create_user("seed", json!({ "limits": { "computeUnits": 10 } }))
        .await;
    let (a, b) = (make(&user, &a, "a", 4).await, make(&user, &b, "b", 6).await);
    let starts = async |spaces: &[&String]| {
        for space in spaces {
            user.ask("startSpace", space).await;
        }
    };
    let refused = async |space: &str, used: i64, requested: i64| {
        let payload = user.mutate("startSpace", start(space)).await;
        let problem = payload.problems().remove(0);
        assert_eq!(problem["__typename"], "QuotaProblem");
        assert_eq!(problem["code"], "QUOTA_EXCEEDED");
        assert_eq!(problem["resource"], "COMPUTE_UNITS");
        assert_eq!(problem["limit"], 10);
        assert_eq!(problem["used"], used);
        assert_eq!(problem["requested"], requested);
        assert_eq!(home.docker.containers(space), Vec::<String>::new());
    };

    starts(&[&a[0], &a[1], &a[2]]).await;
    refused(&a[3], 9, 3).await;
    refused(&b[0], 9, 2).await;
    stop_all(&user, &a[..3]).await;

    starts(&[&b[0], &b[1], &b[2], &b[3], &b[4]]).await;
    refused(&b[5], 10, 2).await;
    stop_all(&user, &b[..5]).await;

    starts(&[&a[0], &b[0], &b[1], &b[2]]).await;
    refused(&b[3], 9, 2).await;
    refused(&a[1], 9, 3).await;
    for space in [&a[0], &b[0], &b[1], &b[2]] {
        user.space_is(space, "RUNNING").await;
    }
}

/// Every client creates and starts a space at the same moment, while others watch the sum.
async fn sixty_four_clients_at_once_never_pass_a_limit(database: Database) {
    const CLIENTS: usize = 64;
    const LIMIT: i64 = 7;
    const UNITS: i64 = 2;
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin
        .create_template("crowd", json!({ "computeUnits": UNITS }))
        .await;
    let user = admin
        .create_user(
            "crowd",
            json!({ "limits": { "computeUnits": LIMIT, "spaces": 40 } }),
        )
        .await;
    let barrier = Arc::new(Barrier::new(CLIENTS));
    let clients = (0..CLIENTS).map(|number| {
        let (user, template) = (user.clone(), template.clone());
        let barrier = Arc::clone(&barrier);
        tokio::spawn(async move {
            let name = format!("crowd-{number}");
            let input = json!({ "templateId": template, "name": name });
            barrier.wait().await;
            let created = user.mutate("createSpace", input).await;
            if !created.succeeded() {
                assert_eq!(created.codes(), ["QUOTA_EXCEEDED"]);
                return None;
            }
            let space = id(&created.value("space"));
            let started = user.mutate("startSpace", start(&space)).await;
            if !started.succeeded() {
                assert_eq!(started.codes(), ["QUOTA_EXCEEDED"]);
            }
            Some((space, started.succeeded()))
        })
    });
    let clients: Vec<_> = clients.collect();
    let done = join_all(clients);
    tokio::pin!(done);
    let outcomes = loop {
        tokio::select! {
            outcomes = &mut done => break outcomes,
            used = user.compute_used() => assert!(used <= LIMIT, "{used}"),
        }
    };
    let outcomes: Vec<_> = outcomes
        .into_iter()
        .map(|it| it.expect("a client"))
        .collect();
    assert_eq!(
        outcomes.iter().flatten().count(),
        40,
        "as many as the limit of spaces"
    );
    let started = outcomes.iter().flatten().filter(|(_, started)| *started);
    let started: Vec<String> = started.map(|(space, _)| space.clone()).collect();
    assert_eq!(
        started.len(),
        3,
        "as many as the limit allows, and none is wasted"
    );
    assert_eq!(user.compute_used().await, 6);
    let running = r#"{ spaces(first: 100, filter: { owner: "crowd", statuses: [STARTING, RUNNING] }) { nodes { id } } }"#;
    let running = user.query(running, json!({})).await;
    assert_eq!(running["spaces"]["nodes"].as_array().map(Vec::len), Some(3));
    stop_all(&user, &started).await;
}

async fn what_groups_grant_adds_to_the_users_own_limit(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let mut groups = Vec::new();
    for (name, units) in [("grant-one", 1), ("grant-two", 2)] {
        let input = json!({ "name": name, "limits": { "computeUnits": units } });
        groups.push(id(&admin.mutate("createGroup", input).await.value("group")));
    }
    let more = json!({ "limits": { "computeUnits": 1 }, "groupIds": groups });
    let user = admin.create_user("granted", more).await;
    assert_eq!(user.quota().await["computeUnits"]["limit"], 4);
    let template = admin
        .create_template("granting", json!({ "computeUnits": 2 }))
        .await;
    let spaces = make(&user, &template, "granted", 3).await;
    user.ask("startSpace", &spaces[0]).await;
    user.ask("startSpace", &spaces[1]).await;
    let third = user.mutate("startSpace", start(&spaces[2])).await;
    assert_eq!(third.codes(), ["QUOTA_EXCEEDED"]);
    admin
        .mutate("deleteGroup", json!({ "groupId": groups[1] }))
        .await
        .value("group");
    assert_eq!(
        user.quota().await["computeUnits"],
        json!({ "used": 4, "limit": 2 })
    );
    stop_all(&user, &spaces[..2]).await;
}

async fn a_refusal_says_what_there_is_too_little_of(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let volumes = json!([
        { "name": "a", "mountPath": "/a", "sizeGib": 1.5 },
        { "name": "b", "mountPath": "/b", "sizeGib": 1 },
    ]);
    let template = admin
        .create_template("limited", json!({ "volumes": volumes }))
        .await;
    let small = admin.create_template("limited-small", json!({})).await;
    let limits = json!({ "limits": { "spaces": 2, "storageUnits": 5, "tunnels": 1 } });
    let user = admin.create_user("limited", limits).await;
    let space = user.create_space(&template, "one").await;
    assert_eq!(
        user.quota().await["storageUnits"]["used"],
        3,
        "each volume is rounded up"
    );
    let create = async |template: &str| {
        let input = json!({ "templateId": template, "name": "next" });
        user.mutate("createSpace", input).await
    };
    let storage = create(&template).await.problems().remove(0);
    assert_eq!(storage["resource"], "STORAGE_UNITS");
    assert_eq!(
        (&storage["limit"], &storage["used"]),
        (&json!(5), &json!(3))
    );
    assert_eq!(storage["requested"], 3);
    create(&small).await.value("space");
    let third = json!({ "templateId": small, "name": "third" });
    let third = user.mutate("createSpace", third).await.problems().remove(0);
    assert_eq!(third["resource"], "SPACES");
    user.create_tunnel(&space, 80).await;
    let second = json!({ "spaceId": space, "port": 81 });
    let second = user
        .mutate("createTunnel", second)
        .await
        .problems()
        .remove(0);
    assert_eq!(second["resource"], "TUNNELS");
    user.delete_space(&space).await;
    assert_eq!(user.quota().await["storageUnits"]["used"], 0);
}

async fn a_lowered_limit_stops_nothing_and_starts_nothing(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin
        .create_template("lowered", json!({ "computeUnits": 2 }))
        .await;
    let user = admin
        .create_user("lowered", json!({ "limits": { "computeUnits": 4 } }))
        .await;
    let first = user.run_space(&template, "first").await;
    let second = user.create_space(&template, "second").await;
    let viewer = user.query("{ viewer { id } }", json!({})).await;
    let limits = json!({ "userId": viewer["viewer"]["id"], "limits": { "computeUnits": 1 } });
    admin.mutate("updateUser", limits).await.value("user");
    assert_eq!(user.space(&first).await["status"], "RUNNING");
    let problem = user
        .mutate("startSpace", start(&second))
        .await
        .problems()
        .remove(0);
    assert_eq!(
        (&problem["limit"], &problem["used"]),
        (&json!(1), &json!(2))
    );
    user.stop_space(&first).await;
    let again = user.mutate("startSpace", start(&first)).await;
    assert_eq!(again.codes(), ["QUOTA_EXCEEDED"]);
}

async fn a_crash_between_request_and_start_leaks_nothing(database: Database) {
    let home = Installation::plan(database).without_edge().start().await;
    let admin = home.admin().await;
    let template = admin
        .create_template("crashed", json!({ "computeUnits": 2 }))
        .await;
    let user = admin
        .create_user("crashed", json!({ "limits": { "computeUnits": 4 } }))
        .await;
    let spaces = make(&user, &template, "crashed", 3).await;
    user.ask("startSpace", &spaces[0]).await;
    user.ask("startSpace", &spaces[1]).await;
    home.crash_api().await;
    assert_eq!(user.compute_used().await, 4);
    let third = user.mutate("startSpace", start(&spaces[2])).await;
    assert_eq!(third.codes(), ["QUOTA_EXCEEDED"]);
    for space in &spaces[..2] {
        user.space_is(space, "RUNNING").await;
    }
    stop_all(&user, &spaces[..2]).await;
}
