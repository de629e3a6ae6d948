//! What runs in a space beside its command is told as its agent says, to who may know it.
//!
//! Nobody signs in to GitHub in a test: in place of Visual Studio Code's program the image has a
//! stand-in that says the same lines ([`spaceport_tests::vscode`]).

use serde_json::{Value, json};
use spaceport_domain::{
    event::{EventBody, SpaceChange},
    time::Timestamp,
};
use spaceport_tests::{
    Client, Database, Home, Installation, Subscription, Transport, client::id, eventually, in_time,
    on_both_databases, vscode,
};

on_both_databases!(
    a_vscode_tunnel_is_followed_from_its_start_to_its_failure,
    an_app_that_the_image_lacks_is_told_as_absent,
    a_template_is_refused_a_feature_that_its_image_says_it_lacks,
);

const APPS: &str = "status revision apps { feature state restarts reason \
    tunnel { state loginUrl loginCode name url reason } } features { feature available reason }";

/// Agents are asked each second, so that tests needn't wait.
async fn installation(database: Database) -> Home {
    let plan = Installation::plan(database).set("SPACEPORT_APPS_SECONDS", "1");
    plan.without_edge().start().await
}

async fn space(client: &Client, space: &str) -> Value {
    let document = format!("query ($id: ID!) {{ space(id: $id) {{ {APPS} }} }}");
    let mut data = client.query(&document, json!({ "id": space })).await;
    data["space"].take()
}

async fn follow(client: &Client, space: &str) -> Subscription {
    let document = format!(
        "subscription ($id: ID!) {{ spaceChanged(id: $id) {{ change space {{ {APPS} }} }} }}"
    );
    let variables = json!({ "id": space });
    client
        .subscribe(Transport::WebSocket, &document, variables)
        .await
}

/// Reads on until a space is as wanted, and gives the event.
async fn until(follower: &mut Subscription, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    in_time(what, async {
        loop {
            let event = follower.next_data().await["spaceChanged"].take();
            if is_so(&event["space"]) {
                return event;
            }
        }
    })
    .await
}

fn tunnel_is(state: &'static str) -> impl Fn(&Value) -> bool {
    move |space| space["apps"][0]["tunnel"]["state"] == state
}

fn reason(space: &Value, feature: &str) -> Value {
    let features = space["features"].as_array().unwrap();
    let of = features.iter().find(|it| it["feature"] == feature).unwrap();
    assert_eq!(of["available"], of["reason"].is_null());
    of["reason"].clone()
}

/// When it was told how the apps of spaces are.
async fn tellings(home: &Home) -> Vec<Timestamp> {
    let events = home.outbox().await;
    let of_apps = events.iter().filter(|event| {
        matches!(&event.body, EventBody::Space { change, .. } if *change == SpaceChange::Apps)
    });
    of_apps.map(|event| event.at).collect()
}

/// How often.
async fn times_told(home: &Home) -> usize {
    tellings(home).await.len()
}

/// How many questions agents have answered since the API was started.
async fn answers(home: &Home) -> u64 {
    let metrics = reqwest::get(home.api_url("/metrics")).await.unwrap();
    let text = metrics.text().await.unwrap();
    let counter = r#"spaceport_agents_asked_total{answered="yes"} "#;
    let value = text.lines().find_map(|line| line.strip_prefix(counter));
    value.map_or(0, |value| value.parse().unwrap())
}

async fn a_vscode_tunnel_is_followed_from_its_start_to_its_failure(database: Database) {
    let home = installation(database).await;
    let image = vscode::image(&home);
    let admin = home.admin().await;
    let blueprint = json!({ "image": image.name(), "features": ["TERMINAL", "VSCODE_TUNNEL"] });
    let template = admin.create_template("tunnelled", blueprint).await;
    let owner = admin.create_user("tunneller", json!({})).await;
    let guest = admin.create_user("tunnel-guest", json!({})).await;
    let lab = owner.create_space(&template, "lab").await;
    let share = json!({ "spaceId": lab, "userName": "tunnel-guest" });
    owner.mutate("shareSpace", share).await.value("space");
    assert_eq!(space(&owner, &lab).await["apps"], Value::Null);
    let mut seen = follow(&owner, &lab).await;
    let mut seen_by_guest = follow(&guest, &lab).await;
    owner.ask("startSpace", &lab).await;
    let go_on = |file: &str| home.docker.read_inside(&lab, &format!("touch {file}"));

    let event = until(&mut seen, "the program", |space| {
        space["apps"][0]["state"] == "RUNNING"
    })
    .await;
    assert_eq!(event["change"], "APPS");
    let quiet = json!({ "state": "NOT_CONFIGURED", "loginUrl": null, "loginCode": null,
        "name": null, "url": null, "reason": null });
    let app = json!({ "feature": "VSCODE_TUNNEL", "state": "RUNNING", "restarts": 0,
        "reason": null, "tunnel": quiet });
    assert_eq!(event["space"]["apps"], json!([app]));
    let revision = event["space"]["revision"].clone();

    go_on(vscode::ASK);
    let event = until(&mut seen, "the login", tunnel_is("WAITING_FOR_LOGIN")).await;
    let login = &event["space"]["apps"][0]["tunnel"];
    assert_eq!(login["loginUrl"], vscode::LOGIN_URL);
    assert_eq!(login["loginCode"], vscode::LOGIN_CODE);
    assert_eq!(reason(&event["space"], "VSCODE_TUNNEL"), Value::Null);
    assert_eq!(event["space"]["revision"], revision, "nobody changed it");
    assert_eq!(space(&owner, &lab).await, event["space"]);
    // Whoever enters the code makes the tunnel theirs: not the guest's to know, by any way.
    let guests = until(
        &mut seen_by_guest,
        "the login",
        tunnel_is("WAITING_FOR_LOGIN"),
    )
    .await;
    assert_eq!(reason(&guests["space"], "VSCODE_TUNNEL"), "NOT_SHARED");
    for told in [guests["space"].clone(), space(&guest, &lab).await] {
        assert_eq!(told["apps"][0]["tunnel"]["state"], "WAITING_FOR_LOGIN");
        assert!(!told.to_string().contains(vscode::LOGIN_CODE), "{told}");
        assert_eq!(told["apps"][0]["tunnel"]["loginUrl"], Value::Null);
    }

    // What is known outlives the API, and what is no news isn't told again.
    let told = times_told(&home).await;
    home.crash_api().await;
    assert_eq!(space(&owner, &lab).await, event["space"]);
    eventually("agents are asked again", async || answers(&home).await >= 2).await;
    assert_eq!(times_told(&home).await, told);
    let mut seen = follow(&owner, &lab).await;
    go_on(vscode::SIGNED_IN);
    let event = until(&mut seen, "the connection", tunnel_is("CONNECTED")).await;
    let connected = json!({ "state": "CONNECTED", "loginUrl": null, "loginCode": null,
        "name": vscode::NAME, "url": vscode::URL, "reason": null });
    assert_eq!(event["space"]["apps"][0]["tunnel"], connected);
    assert_eq!(space(&guest, &lab).await["apps"][0]["tunnel"], connected);
    assert_eq!(times_told(&home).await, told + 1);

    go_on(vscode::BREAK);
    let event = until(&mut seen, "another start", |space| {
        tunnel_is("FAILED")(space) && space["apps"][0]["restarts"] == 1
    })
    .await;
    let why = event["space"]["apps"][0]["tunnel"]["reason"]
        .as_str()
        .unwrap();
    assert!(why.ends_with("error no route to the relay"), "{why}");

    owner.ask("stopSpace", &lab).await;
    until(&mut seen, "the stop", |space| space["status"] == "STOPPED").await;
    assert_eq!(space(&owner, &lab).await["apps"], Value::Null);
    owner.ask("startSpace", &lab).await;
    let event = until(&mut seen, "the next start", |space| {
        space["apps"][0]["state"] == "RUNNING"
    })
    .await;
    assert_eq!(
        event["space"]["apps"],
        json!([app]),
        "nothing is left of the last"
    );
    owner.delete_space(&lab).await;
}

/// Has another tunnel all the time, until it has had enough.
const RESTLESS: &str = r"#!/bin/sh
cd /home/dev
open() { echo Open this link in your browser https://vscode.dev/tunnel/$1; }
at=0
until [ -e enough ]; do at=$((at + 1)); open t$at; sleep 0.1; done
open last
exec sleep 999999
";

#[tokio::test]
async fn a_space_whose_apps_change_again_and_again_is_told_of_seldom_and_then_of_the_last() {
    let home = installation(Database::Sqlite).await;
    let image = vscode::image_with(&home, RESTLESS);
    let admin = home.admin().await;
    let blueprint = json!({ "image": image.name(), "features": ["TERMINAL", "VSCODE_TUNNEL"] });
    let template = admin.create_template("restless", blueprint).await;
    let lab = admin.run_space(&template, "lab").await;
    let mut seen = follow(&admin, &lab).await;
    // Each of them has news.
    let asked = async || answers(&home).await >= 15;
    eventually("its agent is asked again and again", asked).await;
    let tellings = tellings(&home).await;
    for (first, begin) in tellings.iter().enumerate() {
        for (more, end) in tellings[first..].iter().enumerate() {
            let most = 8 + end.since(*begin).as_secs() / 15;
            assert!((more as u64) <= most, "{tellings:?}");
        }
    }
    home.docker.read_inside(&lab, "touch /home/dev/enough");
    until(&mut seen, "the last", |space| {
        space["apps"][0]["tunnel"]["name"] == "last"
    })
    .await;
    admin.delete_space(&lab).await;
}

async fn an_app_that_the_image_lacks_is_told_as_absent(database: Database) {
    let home = installation(database).await;
    let admin = home.admin().await;
    // The image doesn't say what it has.
    let blueprint = json!({ "features": ["TERMINAL", "VSCODE_TUNNEL", "CODE_SERVER", "VNC"],
        "ports": [{ "name": "code", "port": 8000 }] });
    let template = admin.create_template("lacking", blueprint).await;
    let lab = admin.run_space(&template, "lab").await;
    let mut seen = follow(&admin, &lab).await;
    let event = until(&mut seen, "the app", |space| {
        space["apps"][0]["state"] == "ABSENT"
    })
    .await;
    let apps = event["space"]["apps"].as_array().unwrap();
    assert_eq!(apps.len(), 2, "the command serves the third: {apps:?}");
    assert_eq!(apps[1]["state"], "ABSENT");
    assert_eq!(apps[0]["tunnel"], Value::Null);
    let why = apps[0]["reason"].as_str().unwrap();
    assert!(why.contains(vscode::PROGRAM), "{why}");
    let told = space(&admin, &lab).await;
    assert_eq!(reason(&told, "VSCODE_TUNNEL"), "NOT_IN_IMAGE");
    assert_eq!(reason(&told, "CODE_SERVER"), Value::Null);
    assert_eq!(reason(&told, "TERMINAL"), Value::Null);
    assert_eq!(reason(&told, "VNC"), "NOT_IN_IMAGE");
    let open = json!({ "spaceId": lab, "app": "vnc" });
    let refused = admin.mutate("openApp", open).await;
    assert_eq!(refused.codes(), ["FEATURE_UNAVAILABLE"]);
    admin.delete_space(&lab).await;
}

async fn a_template_is_refused_a_feature_that_its_image_says_it_lacks(database: Database) {
    let home = installation(database).await;
    let image = vscode::image(&home);
    let admin = home.admin().await;
    let draft = |features: &[&str], more: Value| {
        let mut draft = json!({ "name": "refused", "image": image.name(), "computeUnits": 1,
            "features": features });
        for (key, value) in more.as_object().unwrap() {
            draft[key] = value.clone();
        }
        draft
    };
    let lacking = draft(&["VSCODE_TUNNEL", "CODE_SERVER", "VNC"], json!({}));
    let refused = admin.mutate("createTemplate", lacking.clone()).await;
    let [problem] = &refused.problems()[..] else {
        panic!("{refused:?}");
    };
    assert_eq!(problem["code"], "FEATURE_UNAVAILABLE");
    assert_eq!(problem["path"], json!(["features"]));
    let message = problem["message"].as_str().unwrap();
    assert!(message.ends_with("CODE_SERVER, VNC"), "{message}");
    // What the command serves itself needs no program of the image.
    let ports = json!([{ "name": "code", "port": 1 }, { "name": "vnc", "port": 2 }]);
    let serving = draft(
        &["VSCODE_TUNNEL", "CODE_SERVER", "VNC"],
        json!({ "ports": ports }),
    );
    let made = admin.mutate("createTemplate", serving).await;
    let template = id(&made.value("template"));
    let mut blueprint = lacking.clone();
    blueprint.as_object_mut().unwrap().remove("name");
    let update = json!({ "templateId": template, "blueprint": blueprint });
    let refused = admin.mutate("updateTemplate", update.clone()).await;
    assert_eq!(refused.codes(), ["FEATURE_UNAVAILABLE"]);
    // Of an image that isn't there nothing is known.
    drop(image);
    let updated = admin.mutate("updateTemplate", update).await;
    updated.value("template");
}
