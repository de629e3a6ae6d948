//! The number of SQL statements does not grow with a list.

use std::collections::HashMap;

use serde_json::{Value, json};
use spaceport_tests::{
    Client, Database, Home, Installation, Subscription, Transport, client::id, in_time,
    on_both_databases,
};

on_both_databases!(
    a_list_of_fifty_takes_as_many_statements_as_a_list_of_one,
    the_edge_is_told_of_a_role_of_fifty_in_few_statements,
);

/// Every list, with everything that hangs on its elements.
const LISTS: [&str; 7] = [
    "spaces { nodes { id owner { userName apiTokens { id } roles { name } groups { name } quota { spaces { used } } } \
        template { name groups { name } version { number } } templateVersion { number } \
        parameters { name } volumes { name } viewerRelation shares { user { userName } } features { feature url } ports { name url } tunnels { name space { id } } } }",
    "templates { nodes { id version { number image } groups { name } } }",
    "users { nodes { id roles { name } groups { name } limits { spaces } quota { tunnels { used } } \
        apiTokens { id } sessions { id } sshKeys { id } } }",
    "groups { nodes { id name } }",
    "tunnels { nodes { id url space { name owner { userName } template { name } } } }",
    "auditLog { nodes { id actorName action } }",
    "roles { id name permissions }",
];

async fn statements(metrics: &str) -> f64 {
    let text = reqwest::get(metrics).await.unwrap().text().await.unwrap();
    let line = text
        .lines()
        .find(|it| it.starts_with("spaceport_sql_statements_total"));
    let value = line.expect("the counter").split(' ').next_back();
    value.unwrap().parse().unwrap()
}

/// The fewest statements of several runs: what the API does on its own comes on top of some.
async fn cost(client: &Client, metrics: &str, list: &str, first: u32) -> f64 {
    let name = list.split(' ').next().unwrap();
    let list = match name {
        "roles" => list.to_owned(),
        _ => list.replacen(name, &format!("{name}(first: {first})"), 1),
    };
    let document = format!("{{ {list} }}");
    let mut least = f64::INFINITY;
    for _ in 0..12 {
        let before = statements(metrics).await;
        client.query(&document, json!({})).await;
        least = least.min(statements(metrics).await - before);
    }
    least
}

async fn a_list_of_fifty_takes_as_many_statements_as_a_list_of_one(database: Database) {
    const MANY: u32 = 50;
    let home = Installation::plan(database).without_edge().start().await;
    let admin = home.admin().await;
    let variables = json!([{ "name": "X", "default": "x" }]);
    let volumes = json!([{ "name": "data", "mountPath": "/data", "sizeGib": 1 }]);
    for number in 0..MANY {
        let group = json!({ "name": format!("group-{number}") });
        let group = id(&admin.mutate("createGroup", group).await.value("group"));
        let blueprint = json!({ "variables": variables, "volumes": volumes });
        let template = format!("template-{number}");
        let template = admin.create_template(&template, blueprint).await;
        let user = json!({
            "userName": format!("user-{number}"), "password": "their password", "groupIds": [group],
        });
        admin.mutate("createUser", user).await.value("user");
        let space = admin
            .create_space(&template, &format!("space-{number}"))
            .await;
        admin.create_tunnel(&space, 80).await;
        let limits = json!({ "name": format!("token-{number}") });
        admin
            .mutate("createApiToken", limits)
            .await
            .value("apiToken");
    }
    let metrics = home.api_url("/metrics");
    for list in LISTS {
        let (one, many) = (
            cost(&admin, &metrics, list, 1).await,
            cost(&admin, &metrics, list, MANY).await,
        );
        assert!(one > 0.0, "{list}");
        assert!(
            (one - many).abs() < f64::EPSILON,
            "{list}: {one} statements for 1, {many} for {MANY}"
        );
    }
}

/// Gives a role other permissions.
async fn permit(admin: &Client, role: &str, permission: &str) {
    let permissions = json!({ "roleId": role, "permissions": [permission] });
    admin.mutate("updateRole", permissions).await.value("role");
}

/// Reads the edge's feed until the last word on so many people is that they have this permission
/// alone, and gives its cursor.
async fn told(feed: &mut Subscription, people: usize, permission: &str) -> Value {
    let mut last = HashMap::new();
    in_time("what people may do", async {
        loop {
            let event = feed.next_data().await["routesChanged"].take();
            for person in event["people"].as_array().expect("a list") {
                last.insert(person["userId"].to_string(), person["permissions"].clone());
            }
            let having = last.values().filter(|it| **it == json!([permission]));
            if having.count() == people {
                return event["cursor"].clone();
            }
        }
    })
    .await
}

async fn feed(home: &Home, after: &Value) -> Subscription {
    let document = "subscription ($after: String) { routesChanged(after: $after) { \
        cursor people { userId permissions } } }";
    let (edge, variables) = (home.as_edge(), json!({ "after": after }));
    edge.subscribe(Transport::EventStream, document, variables)
        .await
}

async fn the_edge_is_told_of_a_role_of_fifty_in_few_statements(database: Database) {
    const MANY: usize = 50;
    const RUNS: usize = 6;
    /// Five for people, five for spaces, and what makes one moment of them, for two messages.
    const STATEMENTS_MAX: f64 = 24.0;
    const BOTH: [&str; 2] = ["USE_VNC", "USE_TERMINAL"];
    let home = Installation::plan(database).without_edge().start().await;
    let admin = home.admin().await;
    let role = json!({ "name": "many", "permissions": [BOTH[1]] });
    let role = id(&admin.mutate("createRole", role).await.value("role"));
    for number in 0..MANY {
        let user = json!({
            "userName": format!("user-{number}"), "password": "their password", "roleIds": [role],
        });
        admin.mutate("createUser", user).await.value("user");
    }
    let metrics = home.api_url("/metrics");
    let mut alone = f64::INFINITY;
    for run in 0..RUNS {
        let before = statements(&metrics).await;
        permit(&admin, &role, BOTH[run % 2]).await;
        alone = alone.min(statements(&metrics).await - before);
    }
    let mut subscription = feed(&home, &Value::Null).await;
    let beginning = told(&mut subscription, MANY, BOTH[1]).await;
    let mut with_feed = f64::INFINITY;
    for run in 0..RUNS {
        let before = statements(&metrics).await;
        permit(&admin, &role, BOTH[run % 2]).await;
        told(&mut subscription, MANY, BOTH[run % 2]).await;
        with_feed = with_feed.min(statements(&metrics).await - before);
    }
    let cost = with_feed - alone;
    assert!(
        cost <= STATEMENTS_MAX,
        "{cost} statements for {MANY} people"
    );

    // Whoever was away for all of it.
    let mut least = f64::INFINITY;
    for _ in 0..RUNS {
        let before = statements(&metrics).await;
        let mut late = feed(&home, &beginning).await;
        told(&mut late, MANY, BOTH[1]).await;
        least = least.min(statements(&metrics).await - before);
    }
    assert!(
        least <= 2.0 * STATEMENTS_MAX,
        "{least} statements to resume"
    );
}
