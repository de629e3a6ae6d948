//! Templates: what they may say, their versions, their variables, and who is offered them.

use serde_json::{Value, json};
use spaceport_tests::{
    Client, Database, Home, Installation, Payload, Transport, client::id, on_both_databases,
};

on_both_databases!(
    every_mistake_of_a_template_is_named_at_once,
    a_space_stays_on_the_version_it_was_made_from,
    parameters_fill_variables,
    every_mistake_of_a_new_space_is_named_at_once,
    a_secret_reaches_the_space_and_nobody_else,
    a_template_for_a_group_exists_for_its_members_alone,
    a_deleted_template_makes_no_more_spaces,
);

/// The paths of the problems, each with its code.
fn mistakes(payload: &Payload) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |problem: &Value| {
        let path: Vec<String> = problem["path"]
            .as_array()
            .into_iter()
            .flatten()
            .map(text)
            .collect();
        (path.join("."), text(&problem["code"]))
    };
    payload.problems().iter().map(of).collect()
}

fn environment(home: &Home, space: &str, name: &str) -> String {
    home.docker.read_inside(space, &format!("echo \"${name}\""))
}

async fn every_mistake_of_a_template_is_named_at_once(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let volume = |name: &str, path: &str, size: f64| json!({ "name": name, "mountPath": path, "sizeGib": size });
    let blueprint = json!({
        "image": "not an image",
        "command": ["", "${UNKNOWN}"],
        "env": [{ "name": "1A", "value": "" }, { "name": "A", "value": "${UNKNOWN}" },
                { "name": "A", "value": "" }],
        "cpu": 0.0, "memoryMib": 1, "pids": 0, "computeUnits": -1,
        "volumes": [volume("data", "/data", 1.0), volume("data", "/data", 0.0),
                    volume("kernel", "/proc/x", 1.0), volume("up", "/a/../b", 1e9)],
        "ports": [{ "name": "web", "port": 0 }, { "name": "web", "port": 70000 }],
        "variables": [{ "name": "S", "secret": true, "default": "visible" },
                      { "name": "not a name" }],
    });
    let mut whole = blueprint.clone();
    whole["name"] = json!("");
    whole["groupIds"] = json!(["group_00000000000070008000000000000001"]);
    let refused = admin.mutate("createTemplate", whole).await;
    let mut found = mistakes(&refused);
    found.sort_unstable();
    let invalid = [
        "command.0",
        "command.1",
        "computeUnits",
        "cpu",
        "env.0.name",
        "env.1.value",
        "env.2.name",
        "image",
        "memoryMib",
        "name",
        "pids",
        "ports.0.port",
        "ports.1.name",
        "ports.1.port",
        "variables.0.default",
        "variables.1.name",
        "volumes.1.mountPath",
        "volumes.1.name",
        "volumes.1.sizeGib",
        "volumes.2.mountPath",
        "volumes.3.mountPath",
        "volumes.3.sizeGib",
    ];
    let mut expected: Vec<_> = invalid
        .map(|path| (path.to_owned(), "INVALID_INPUT".to_owned()))
        .into();
    expected.push(("groupIds.0".to_owned(), "NOT_FOUND".to_owned()));
    expected.sort_unstable();
    assert_eq!(found, expected);

    // So does a new version, which is then none.
    let template = admin.create_template("flawless", json!({})).await;
    let update = json!({ "templateId": template, "blueprint": blueprint });
    let refused = admin.mutate("updateTemplate", update).await;
    assert_eq!(
        refused.problems().len(),
        invalid.len() - 1,
        "{:?}",
        mistakes(&refused)
    );
    let version = "query ($id: ID!) { template(id: $id) { version { number } } }";
    let seen = admin.query(version, json!({ "id": template })).await;
    assert_eq!(seen["template"]["version"]["number"], 1);
    let again = json!({ "name": "flawless", "image": "x", "computeUnits": 1 });
    let again = admin.mutate("createTemplate", again).await;
    assert_eq!(
        mistakes(&again),
        [("name".to_owned(), "NAME_TAKEN".to_owned())]
    );
}

async fn a_space_stays_on_the_version_it_was_made_from(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let says = |version: &str| {
        json!({
            "image": spaceport_tests::BUSYBOX, "memoryMib": 64, "computeUnits": 1,
            "env": [{ "name": "SAYS", "value": version }],
        })
    };
    let template = admin.create_template("evolving", says("first")).await;
    let user = admin.create_user("evolving", json!({})).await;
    let old = user.run_space(&template, "old").await;
    let mut second = says("second");
    second["computeUnits"] = json!(2);
    let update = json!({ "templateId": template, "blueprint": second });
    let updated = admin
        .mutate("updateTemplate", update)
        .await
        .value("template");
    assert_eq!(updated["version"]["number"], 2);

    user.stop_space(&old).await;
    user.ask("startSpace", &old).await;
    let seen = user.space_is(&old, "RUNNING").await;
    assert_eq!(environment(&home, &old, "SAYS"), "first");
    assert_eq!(seen["id"], old.as_str());
    let seen = user.space(&old).await;
    assert_eq!(seen["templateVersion"]["number"], 1);
    assert_eq!(seen["computeUnits"], 1);
    let new = user.run_space(&template, "new").await;
    assert_eq!(environment(&home, &new, "SAYS"), "second");
    let seen = user.space(&new).await;
    assert_eq!(seen["templateVersion"]["number"], 2);
    assert_eq!(seen["computeUnits"], 2);
    assert_eq!(user.compute_used().await, 3);
}

/// A template with a variable that has a default, one that has none, and a secret one.
async fn greeting(admin: &Client, name: &str) -> String {
    let script = "echo \"$GREETING\"; exec sleep 1000";
    let blueprint = json!({
        "command": ["sh", "-c", script, "${WHOM}"],
        "env": [{ "name": "GREETING", "value": "${HOW} ${WHOM}, for $$5" },
                { "name": "KEY", "value": "${KEY}" }],
        "variables": [{ "name": "HOW", "default": "hello" }, { "name": "WHOM" },
                      { "name": "KEY", "secret": true }],
    });
    admin.create_template(name, blueprint).await
}

fn parameters(values: &[(&str, &str)]) -> Value {
    values
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect()
}

async fn start(user: &Client, template: &str, name: &str, values: &[(&str, &str)]) -> String {
    let input = json!({
        "templateId": template, "name": name, "start": true, "parameters": parameters(values),
    });
    let space = id(&user.mutate("createSpace", input).await.value("space"));
    user.space_is(&space, "RUNNING").await;
    space
}

async fn parameters_fill_variables(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = greeting(&admin, "greeting").await;
    let user = admin.create_user("greeter", json!({})).await;
    let values = [("WHOM", "world"), ("KEY", "k")];
    let space = start(&user, &template, "default", &values).await;
    assert_eq!(
        environment(&home, &space, "GREETING"),
        "hello world, for $5"
    );
    // A value is text, whatever it looks like.
    let values = [("HOW", "${KEY} $(id)"), ("WHOM", "\"you\""), ("KEY", "k")];
    let space = start(&user, &template, "given", &values).await;
    let filled = "${KEY} $(id) \"you\", for $5";
    assert_eq!(environment(&home, &space, "GREETING"), filled);
    let shown = user.space(&space).await["parameters"].take();
    let shown_of = |name: &str| {
        let all = shown.as_array().unwrap();
        all.iter().find(|it| it["name"] == name).unwrap().clone()
    };
    assert_eq!(shown_of("HOW")["value"], "${KEY} $(id)");
    assert_eq!(
        shown_of("KEY"),
        json!({ "name": "KEY", "value": null, "secret": true })
    );
}

async fn every_mistake_of_a_new_space_is_named_at_once(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = greeting(&admin, "demanding").await;
    let user = admin.create_user("mistaken", json!({})).await;
    let values = [("HOW", "a"), ("NEVER", "b"), ("HOW", "c"), ("KEY", "d")];
    let input = json!({
        "templateId": template, "name": "Mis taken", "parameters": parameters(&values),
    });
    let refused = user.mutate("createSpace", input).await;
    let mut paths: Vec<_> = mistakes(&refused)
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    paths.sort_unstable();
    let expected = [
        "name",
        "parameters",
        "parameters.1.name",
        "parameters.2.name",
    ];
    assert_eq!(paths, expected);
    let missing = refused
        .problems()
        .into_iter()
        .find(|it| it["path"] == json!(["parameters"]));
    assert!(
        missing.unwrap()["message"]
            .as_str()
            .unwrap()
            .contains("WHOM")
    );
    assert_eq!(user.quota().await["spaces"]["used"], 0);
}

async fn a_secret_reaches_the_space_and_nobody_else(database: Database) {
    const SECRET: &str = "a key that opens every door";
    let home = Installation::plan(database)
        .set("SPACEPORT_LOG", "trace")
        .start()
        .await;
    let admin = home.admin().await;
    let template = greeting(&admin, "secretive").await;
    let user = admin.create_user("secretive", json!({})).await;
    let values = [("WHOM", "nobody"), ("KEY", SECRET)];
    let mut follower = user.follow_all(Transport::EventStream, None).await;
    let input = json!({
        "templateId": template, "name": "sealed", "start": true, "idempotencyKey": "once",
        "parameters": parameters(&values),
    });
    let made = user
        .mutate("createSpace", input.clone())
        .await
        .value("space");
    let space = id(&made);
    follower
        .until("RUNNING", |space| space["status"] == "RUNNING")
        .await;
    assert_eq!(environment(&home, &space, "KEY"), SECRET);

    // It is still known after a restart of the API, whose database doesn't have it in the clear.
    home.crash_api().await;
    user.ask("restartSpace", &space).await;
    user.space_is(&space, "RUNNING").await;
    assert_eq!(environment(&home, &space, "KEY"), SECRET);
    let again = user.mutate("createSpace", input).await.value("space");
    assert_eq!(id(&again), space);
    let everything = "query ($id: ID!) {
        space(id: $id) { parameters { name value secret } templateVersion { variables { name default }
            env { value } command } failure { message logTail } }
        auditLog: viewer { userName }
    }";
    let seen = user.query(everything, json!({ "id": space })).await;
    let log = admin
        .query(
            "{ auditLog { nodes { action subject detail } } }",
            json!({}),
        )
        .await;
    let logs = (home.api.log(), home.edge.log());
    for (what, text) in [
        ("the answer of the mutation", made.to_string()),
        ("the repeated answer", again.to_string()),
        ("a query", seen.to_string()),
        ("the audit log", log.to_string()),
        ("events", json!(follower.history).to_string()),
        ("the API's log", logs.0),
        ("the edge's log", logs.1),
    ] {
        assert!(!text.contains(SECRET), "{what}: {text}");
    }
    assert!(!home.database_holds(SECRET).await);
}

async fn a_template_for_a_group_exists_for_its_members_alone(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let group = admin
        .mutate("createGroup", json!({ "name": "insiders" }))
        .await;
    let group = id(&group.value("group"));
    let template = admin
        .create_template("inside", json!({ "groupIds": [group] }))
        .await;
    let insider = admin
        .create_user("insider", json!({ "groupIds": [group] }))
        .await;
    let outsider = admin.create_user("outsider", json!({})).await;
    let document = "query ($id: ID!) {
        template(id: $id) { id version { number } } node(id: $id) { id }
        templates(first: 100) { nodes { id } }
    }";
    let sees = async |client: &Client| {
        let seen = client.query(document, json!({ "id": template })).await;
        let listed = seen["templates"]["nodes"].as_array().unwrap();
        let all = [
            !seen["template"].is_null(),
            !seen["node"].is_null(),
            listed.iter().any(|it| it["id"] == template.as_str()),
        ];
        assert!(all.iter().all(|it| *it == all[0]), "{seen}");
        all[0]
    };
    assert!(sees(&admin).await && sees(&insider).await);
    assert!(!sees(&outsider).await);
    let input = json!({ "templateId": template, "name": "intruder" });
    let refused = outsider.mutate("createSpace", input).await.problems();
    let missing = "template_00000000000070008000000000000001";
    let input = json!({ "templateId": missing, "name": "intruder" });
    let nothing = outsider.mutate("createSpace", input).await.problems();
    assert_eq!(refused[0]["code"], "TEMPLATE_UNAVAILABLE");
    assert_eq!(refused, nothing);

    // Who leaves the group keeps the space, and makes no other.
    let space = insider.create_space(&template, "kept").await;
    let viewer = insider.query("{ viewer { id } }", json!({})).await;
    let update = json!({ "userId": viewer["viewer"]["id"], "groupIds": [] });
    admin.mutate("updateUser", update).await.value("user");
    assert!(!sees(&insider).await);
    let input = json!({ "templateId": template, "name": "another" });
    let refused = insider.mutate("createSpace", input).await;
    assert_eq!(refused.codes(), ["TEMPLATE_UNAVAILABLE"]);
    assert_eq!(insider.space(&space).await["template"]["name"], "inside");
    insider.ask("startSpace", &space).await;
    insider.space_is(&space, "RUNNING").await;
}

async fn a_deleted_template_makes_no_more_spaces(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("ephemeral", json!({})).await;
    let user = admin.create_user("nostalgic", json!({})).await;
    let space = user.create_space(&template, "remains").await;
    let input = json!({ "templateId": template });
    admin
        .mutate("deleteTemplate", input)
        .await
        .value("template");
    let input = json!({ "templateId": template, "name": "late" });
    let refused = user.mutate("createSpace", input).await;
    assert_eq!(refused.codes(), ["TEMPLATE_UNAVAILABLE"]);
    user.ask("startSpace", &space).await;
    user.space_is(&space, "RUNNING").await;
    admin.create_template("ephemeral", json!({})).await;
}
