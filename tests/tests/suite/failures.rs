//! A start that fails says why, costs nothing and can be repeated; so does a space that dies.

use serde_json::{Value, json};
use spaceport_tests::{
    Client, Database, Home, Image, Installation, PrivateDocker, Transport, docker::container_name,
    eventually, on_both_databases,
};

on_both_databases!(
    an_image_that_is_missing,
    a_command_that_is_not_found,
    a_command_that_can_not_be_executed,
    a_command_that_exits_at_once,
    a_start_that_runs_out_of_memory,
    a_health_check_that_fails,
);

/// A user whose spaces are of an image that the test changes.
struct Story {
    home: Home,
    user: Client,
    image: Image,
    space: String,
}

impl Story {
    /// A space, not started yet, whose template runs `command` in an image of its own.
    async fn of(home: Home, name: &str, command: Value) -> Self {
        let image = Image::of(home.docker.host.clone(), home.name());
        let admin = home.admin().await;
        let blueprint = json!({ "image": image.name(), "command": command, "memoryMib": 16 });
        let template = admin.create_template(name, blueprint).await;
        let user = admin.create_user(name, json!({})).await;
        let space = user.create_space(&template, name).await;
        Self {
            home,
            user,
            image,
            space,
        }
    }

    /// The same in a shell, on a shared installation; the image is there.
    async fn script(database: Database, name: &str, script: &str) -> Self {
        let command = json!(["sh", "-c", script]);
        let story = Self::of(Installation::shared(database).await, name, command).await;
        story.image.make();
        story
    }

    /// Starts the space, which fails, and gives the failure.
    async fn start_fails(&self) -> Value {
        self.user.ask("startSpace", &self.space).await;
        self.fails().await
    }

    /// Waits until the space stops by itself, sees that nothing of it is left but its name and
    /// its volumes, and gives the failure.
    async fn fails(&self) -> Value {
        self.user.failure(&self.space).await;
        let space = self.user.space(&self.space).await;
        assert_eq!(space["status"], "STOPPED");
        assert_eq!(space["desiredStatus"], "STOPPED");
        assert_eq!(self.user.compute_used().await, 0);
        eventually("no container is left", async || {
            self.home.docker.containers(&self.space).is_empty()
        })
        .await;
        space["failure"].clone()
    }

    async fn runs(&self) {
        self.user.ask("startSpace", &self.space).await;
        let space = self.user.space_is(&self.space, "RUNNING").await;
        assert_eq!(space["failure"], Value::Null);
        assert_eq!(self.user.compute_used().await, 1);
    }
}

/// The failure without what is different each time.
fn facts(failure: &Value) -> Value {
    let mut facts = failure.clone();
    let object = facts.as_object_mut().expect("a failure");
    let message = object.remove("message").expect("a message");
    assert!(!message.as_str().expect("a text").is_empty());
    assert!(object.remove("at").is_some_and(|at| at.is_string()));
    facts
}

/// A failure of a container that never ran.
fn never_ran(code: &str) -> Value {
    json!({ "code": code, "exitCode": null, "oomKilled": false, "logTail": [] })
}

async fn an_image_that_is_missing(database: Database) {
    let home = Installation::shared(database).await;
    let story = Story::of(home, "image-missing", json!([])).await;
    let failure = story.start_fails().await;
    assert_eq!(facts(&failure), never_ran("IMAGE_MISSING"));
    let message = failure["message"].as_str().unwrap();
    assert!(message.contains(story.image.name()), "{message}");
    story.image.make();
    story.runs().await;
}

async fn a_command_that_is_not_found(database: Database) {
    let home = Installation::shared(database).await;
    let story = Story::of(home, "not-found", json!(["later", "1000"])).await;
    story.image.make();
    let failure = story.start_fails().await;
    assert_eq!(failure["code"], "COMMAND_NOT_FOUND");
    let message = failure["message"].as_str().expect("text");
    assert!(message.contains("later"), "{message}");
    assert_eq!(failure["oomKilled"], false);
    story
        .image
        .run("printf '#!/bin/sh\\nexec sleep $1\\n' > /bin/later; chmod +x /bin/later");
    story.runs().await;
}

async fn a_command_that_can_not_be_executed(database: Database) {
    let home = Installation::shared(database).await;
    let story = Story::of(home, "not-executable", json!(["/tool"])).await;
    story.image.make();
    let tool = "printf '#!/bin/sh\\nexec sleep 1000\\n' > /tool";
    story.image.run(tool);
    let failure = story.start_fails().await;
    assert_eq!(failure["code"], "COMMAND_NOT_EXECUTABLE");
    let message = failure["message"].as_str().expect("text");
    assert!(message.contains("/tool"), "{message}");
    story.image.run("chmod +x /tool");
    story.runs().await;
}

async fn a_command_that_exits_at_once(database: Database) {
    let script = "[ -e /mended ] && exec sleep 1000; for i in $(seq 60); do echo $i; done; exit 3";
    let story = Story::script(database, "exits-at-once", script).await;
    let failure = story.start_fails().await;
    let tail: Vec<String> = (11..=60).map(|line| line.to_string()).collect();
    let expected = json!({
        "code": "EXITED_EARLY", "exitCode": 3, "oomKilled": false, "logTail": tail,
    });
    assert_eq!(facts(&failure), expected);
    story.image.run("touch /mended");
    story.runs().await;
}

async fn a_start_that_runs_out_of_memory(database: Database) {
    let script = "[ -e /mended ] && exec sleep 1000; echo filling; exec tail /dev/zero";
    let story = Story::script(database, "out-of-memory", script).await;
    let failure = story.start_fails().await;
    let expected = json!({
        "code": "OOM_KILLED", "exitCode": 137, "oomKilled": true, "logTail": ["filling"],
    });
    assert_eq!(facts(&failure), expected);
    story.image.run("touch /mended");
    story.runs().await;
}

async fn a_health_check_that_fails(database: Database) {
    let story = Story::script(database, "unhealthy", "echo sick; exec sleep 1000").await;
    let check = "HEALTHCHECK --interval=1s --retries=1 CMD test -e /mended";
    story.image.instruct(check);
    let failure = story.start_fails().await;
    let expected = json!({
        "code": "UNHEALTHY", "exitCode": null, "oomKilled": false, "logTail": ["sick"],
    });
    assert_eq!(facts(&failure), expected);
    story.image.run("touch /mended");
    story.runs().await;
}

#[tokio::test]
async fn a_name_that_somebody_elses_container_holds() {
    let story = Story::script(Database::Sqlite, "name-taken", "exec sleep 1000").await;
    let docker = &story.home.docker;
    let name = container_name(&story.space, 1);
    let label = format!("--label=spaceport.test={}", docker.installation);
    docker.output(&["create", &label, "--name", &name, story.image.name()]);
    let failure = story.start_fails().await;
    assert_eq!(facts(&failure), never_ran("NAME_TAKEN"));
    // What isn't ours is left alone.
    docker.output(&["rm", &name]);
    story.runs().await;
}

#[tokio::test]
async fn a_start_that_takes_too_long() {
    let home = Installation::plan(Database::Sqlite)
        // The start that succeeds in the end has no more.
        .set("SPACEPORT_START_TIMEOUT_SECONDS", "10")
        .without_edge()
        .start()
        .await;
    let story = Story::of(home, "too-long", json!(["sleep", "1000"])).await;
    story.image.make();
    story
        .image
        .instruct("HEALTHCHECK --interval=1s --start-period=1h CMD test -e /mended");
    let failure = story.start_fails().await;
    assert_eq!(facts(&failure), never_ran("START_TIMEOUT"));
    story.image.run("touch /mended");
    story.runs().await;
}

#[tokio::test]
async fn an_engine_that_is_down() {
    let mut docker = PrivateDocker::start().await;
    let home = Installation::plan(Database::Sqlite)
        .set("SPACEPORT_DOCKER_HOST", docker.host())
        .set("SPACEPORT_FIREWALL", "external")
        .without_edge()
        .start()
        .await;
    let story = Story::of(home, "engine-down", json!(["sleep", "1000"])).await;
    story.image.make();
    docker.kill();
    story.user.ask("startSpace", &story.space).await;
    story.user.failure(&story.space).await;
    let failure = story.user.space(&story.space).await["failure"].take();
    assert_eq!(facts(&failure), never_ran("ENGINE_UNAVAILABLE"));
    assert_eq!(story.user.compute_used().await, 0);
    docker.start_again().await;
    story.runs().await;
}

#[tokio::test]
async fn a_running_space_that_ends_by_itself_has_a_failure() {
    // What ends within seconds of its start is told from what ran.
    let script = "sleep 15; echo the last words; exit 7";
    let story = Story::script(Database::Sqlite, "ends", script).await;
    story.runs().await;
    let failure = story.fails().await;
    let expected = json!({
        "code": "EXITED", "exitCode": 7, "oomKilled": false, "logTail": ["the last words"],
    });
    assert_eq!(facts(&failure), expected);
    story.runs().await;
}

#[tokio::test]
async fn a_running_space_that_runs_out_of_memory_has_a_failure() {
    let script = "echo ready; while ! [ -e /tmp/fill ]; do sleep 0.1; done; exec tail /dev/zero";
    let story = Story::script(Database::Sqlite, "fills", script).await;
    story.runs().await;
    story
        .home
        .docker
        .read_inside(&story.space, "touch /tmp/fill");
    let failure = story.fails().await;
    let expected = json!({
        "code": "OOM_KILLED", "exitCode": 137, "oomKilled": true, "logTail": ["ready"],
    });
    assert_eq!(facts(&failure), expected);
    story.runs().await;
}

#[tokio::test]
async fn a_running_space_whose_container_is_removed_has_a_failure() {
    let story = Story::script(Database::Sqlite, "removed", "exec sleep 1000").await;
    story.runs().await;
    let mut follower = story.user.follow(Transport::WebSocket, &story.space).await;
    let docker = &story.home.docker;
    docker.output(&["rm", "-f", &docker.container(&story.space)]);
    let failure = story.fails().await;
    assert_eq!(facts(&failure), never_ran("CONTAINER_REMOVED"));
    follower
        .until("STOPPED", |space| space["status"] == "STOPPED")
        .await;
    assert_eq!(follower.statuses(), ["RUNNING", "STOPPED"]);
    story.runs().await;
}
