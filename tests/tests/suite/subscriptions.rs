//! Current state first, then every change in order, without gap or duplicate.

use serde_json::{Value, json};
use spaceport_tests::{
    Client, Database, Follower, Installation, Message, Transport, on_both_databases,
};

on_both_databases!(
    who_reconnects_gets_exactly_what_was_missed,
    nothing_is_missed_or_repeated_over_a_crash_of_the_api,
    a_cursor_from_the_future_is_answered_by_a_reset_and_a_snapshot,
    others_see_nothing,
    signing_out_ends_subscriptions,
    the_quota_is_told_when_it_changes,
    logs_and_stats_of_a_space_stream,
);

const BOTH: [Transport; 2] = [Transport::WebSocket, Transport::EventStream];

/// Everything but snapshots.
fn changes(history: &[Value]) -> Vec<Value> {
    let changes = history.iter().filter(|it| it["change"] != "SNAPSHOT");
    changes.cloned().collect()
}

/// Reads until the space with this description-free name is `DELETED`.
async fn until_deleted(follower: &mut Follower, name: &str) {
    follower
        .until("the last change", |space| {
            space["name"] == name && space["status"] == "DELETED"
        })
        .await;
}

/// A few changes of one space that need no engine but for its removal.
async fn change_things(user: &Client, template: &str, name: &str) {
    let space = user.create_space(template, name).await;
    for number in 0..3 {
        let input = json!({ "spaceId": space, "description": format!("change {number}") });
        user.mutate("updateSpace", input).await.value("space");
    }
    user.delete_space(&space).await;
}

async fn who_reconnects_gets_exactly_what_was_missed(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("reconnecting", json!({})).await;
    let user = admin.create_user("reconnecting", json!({})).await;
    let kept = user.create_space(&template, "kept").await;
    let mut steady = user.follow_all(Transport::WebSocket, None).await;
    let snapshot = steady.next().await;
    assert_eq!(snapshot["change"], "SNAPSHOT");
    assert_eq!(snapshot["space"]["id"], kept);
    let mut returning = user.follow_all(Transport::EventStream, None).await;
    returning.next().await;
    for (round, transport) in BOTH.into_iter().cycle().take(4).enumerate() {
        let name = format!("round-{round}");
        change_things(&user, &template, &name).await;
        returning.reconnect(transport).await;
        // Some changes are read, others are missed by the next reconnection.
        returning.next().await;
        returning.reconnect(transport).await;
        until_deleted(&mut returning, &name).await;
        until_deleted(&mut steady, &name).await;
    }
    assert_eq!(changes(&returning.history), changes(&steady.history));
    let round = |name: &str| {
        let of = steady
            .history
            .iter()
            .filter(|it| it["space"]["name"] == name);
        of.map(|it| it["space"]["revision"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    assert!(
        round("round-0").is_sorted_by(|a, b| a < b),
        "{:?}",
        round("round-0")
    );
}

async fn nothing_is_missed_or_repeated_over_a_crash_of_the_api(database: Database) {
    let home = Installation::plan(database).without_edge().start().await;
    let admin = home.admin().await;
    let template = admin.create_template("crashing", json!({})).await;
    let mut followers = Vec::new();
    for transport in BOTH {
        followers.push(admin.follow_all(transport, None).await);
    }
    let first = admin.create_space(&template, "first").await;
    for follower in &mut followers {
        follower
            .until("the first space", |it| it["name"] == "first")
            .await;
    }
    admin.ask("startSpace", &first).await;
    home.api.kill();
    for follower in &mut followers {
        // What was on its way arrives or doesn't; then the connection is gone.
        assert!(matches!(
            follower.end().await.last(),
            Some(Message::Closed(_))
        ));
    }
    home.start_api().await;
    admin.space_is(&first, "RUNNING").await;
    change_things(&admin, &template, "last").await;
    for (follower, transport) in followers
        .iter_mut()
        .zip([Transport::EventStream, Transport::WebSocket])
    {
        follower.reconnect(transport).await;
        until_deleted(follower, "last").await;
    }
    assert_eq!(followers[0].history, followers[1].history);
    let of_first = |it: &&Value| it["space"]["name"] == "first";
    let revisions = followers[0].history.iter().filter(of_first);
    let revisions: Vec<_> = revisions
        .map(|it| it["space"]["revision"].as_i64().unwrap())
        .collect();
    assert!(
        revisions.is_sorted_by(|a, b| *b == a + 1),
        "no gap, no duplicate: {revisions:?}"
    );
}

async fn a_cursor_from_the_future_is_answered_by_a_reset_and_a_snapshot(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("future", json!({})).await;
    let user = admin.create_user("future", json!({})).await;
    user.create_space(&template, "here").await;
    let mut now = user.follow_all(Transport::WebSocket, None).await;
    let cursor = now.next().await["cursor"].as_str().unwrap().to_owned();
    // Cursors are opaque, but for this: one whose digits are larger lies ahead.
    let future: String = cursor
        .chars()
        .map(|it| if it.is_ascii_digit() { '9' } else { it })
        .collect();
    let future = format!("{future}99999");
    for transport in BOTH {
        let mut follower = user.follow_all(transport, Some(future.clone())).await;
        let reset = follower.next().await;
        assert_eq!(reset["change"], "RESET");
        assert_eq!(reset["space"], Value::Null);
        let snapshot = follower.next().await;
        assert_eq!(snapshot["change"], "SNAPSHOT");
        assert_eq!(snapshot["space"]["name"], "here");
        assert!(snapshot["cursor"].is_string());
    }
}

async fn others_see_nothing(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("private", json!({})).await;
    let owner = admin.create_user("discreet", json!({})).await;
    let other = admin.create_user("curious", json!({})).await;
    let space = owner.create_space(&template, "secret").await;
    let document = "subscription ($id: ID!) { spaceChanged(id: $id) { space { id } } }";
    for transport in BOTH {
        let variables = json!({ "id": space });
        let mut subscription = other.subscribe(transport, document, variables).await;
        let errors = match subscription.next().await {
            Message::Error(errors) => errors,
            Message::Next(event) => event["errors"].clone(),
            end => panic!("{end:?}"),
        };
        assert_eq!(errors[0]["extensions"]["code"], "NOT_FOUND", "{errors}");
        let mut all = other.follow_all(transport, None).await;
        let input = json!({ "spaceId": space, "description": "x" });
        owner.mutate("updateSpace", input).await.value("space");
        // The stranger's own space is the first they hear of.
        let name = format!("own-{transport:?}").to_lowercase();
        other.create_space(&template, &name).await;
        let mut seen = all.until("one's own space", |it| it["name"] == name).await;
        assert_eq!(seen["space"]["name"].take(), name);
        let others = all.history.iter().filter(|it| it["space"]["id"] == space);
        assert_eq!(others.count(), 0);
    }
}

async fn signing_out_ends_subscriptions(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let user = admin.create_user("leaving", json!({})).await;
    let quota = "subscription { quotaChanged { spaces { used } } }";
    for transport in BOTH {
        let leaving = home.anonymous().sign_in("leaving", "their password").await;
        let mut subscription = leaving.subscribe(transport, quota, json!({})).await;
        subscription.next_data().await;
        let mut other = user.subscribe(transport, quota, json!({})).await;
        other.next_data().await;
        leaving.sign_out().await;
        let ending = subscription.end().await;
        assert!(
            matches!(ending.last(), Some(Message::Closed(_))),
            "{ending:?}"
        );
        let codes = leaving.error_codes("{ viewer { id } }", json!({})).await;
        assert_eq!(codes, ["UNAUTHENTICATED"]);
        // Another sign-in of the same user goes on.
        let template = format!("after-{transport:?}").to_lowercase();
        let template = admin.create_template(&template, json!({})).await;
        user.create_space(&template, &format!("on-{transport:?}").to_lowercase())
            .await;
        other.next_data().await;
    }
}

async fn the_quota_is_told_when_it_changes(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin
        .create_template("counted", json!({ "computeUnits": 3 }))
        .await;
    let user = admin.create_user("counted", json!({})).await;
    let quota = "subscription { quotaChanged { computeUnits { used } } }";
    let mut subscription = user
        .subscribe(Transport::EventStream, quota, json!({}))
        .await;
    let mut used = async || {
        let data = subscription.next_data().await;
        data["quotaChanged"]["computeUnits"]["used"]
            .as_i64()
            .unwrap()
    };
    assert_eq!(used().await, 0);
    let space = user.run_space(&template, "counted").await;
    while used().await != 3 {}
    user.stop_space(&space).await;
    while used().await != 0 {}
}

async fn logs_and_stats_of_a_space_stream(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let script =
        "echo begin; echo trouble >&2; while read line; do echo got $line; done < /tmp/pipe";
    let script = format!("mkfifo /tmp/pipe; sleep 2147483647 > /tmp/pipe & {script}");
    let template = admin
        .create_template("talking", json!({ "command": ["sh", "-c", script] }))
        .await;
    let user = admin.create_user("listener", json!({})).await;
    let space = user.run_space(&template, "talking").await;
    let logs = "subscription ($id: ID!) { spaceLogs(id: $id) { at stream text } }";
    for transport in BOTH {
        let mut lines = user
            .subscribe(transport, logs, json!({ "id": space }))
            .await;
        let mut seen = Vec::new();
        while seen.len() < 2 {
            let line = lines.next_data().await["spaceLogs"].clone();
            seen.push((line["stream"].clone(), line["text"].clone()));
        }
        assert!(
            seen.contains(&(json!("STDOUT"), json!("begin"))),
            "{seen:?}"
        );
        assert!(
            seen.contains(&(json!("STDERR"), json!("trouble"))),
            "{seen:?}"
        );
        let word = format!("{transport:?}");
        home.docker
            .read_inside(&space, &format!("echo {word} > /tmp/pipe"));
        let wanted = json!(format!("got {word}"));
        while lines.next_data().await["spaceLogs"]["text"] != wanted {}
        let stats =
            "subscription ($id: ID!) { spaceStats(id: $id) { memoryBytes memoryLimitBytes pids } }";
        let mut samples = user
            .subscribe(transport, stats, json!({ "id": space }))
            .await;
        let sample = samples.next_data().await["spaceStats"].clone();
        assert!(sample["pids"].as_i64().unwrap() > 0, "{sample}");
        assert_eq!(sample["memoryLimitBytes"], 64.0 * 1024.0 * 1024.0);
    }
}
