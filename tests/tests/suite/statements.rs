//! The number of SQL statements does not grow with a list.

use serde_json::json;
use spaceport_tests::{Client, Database, Installation, client::id, on_both_databases};

on_both_databases!(a_list_of_fifty_takes_as_many_statements_as_a_list_of_one);

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
