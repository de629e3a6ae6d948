//! What is wanted becomes true, whatever crashed, was killed or was taken away meanwhile.

use serde_json::{Value, json};
use spaceport_tests::{
    BUSYBOX, Client, Database, Home, Installation, PrivateDocker, Transport, client::id,
    docker::container_name, eventually, on_both_databases,
};
use uuid::Uuid;

on_both_databases!(a_crash_of_the_api_at_any_moment_changes_nothing_of_what_is_wanted);

/// An installation whose API the test may kill, and a user of it.
struct Story {
    home: Home,
    user: Client,
    template: String,
}

impl Story {
    async fn on(home: Home) -> Self {
        let admin = home.admin().await;
        let volume = json!({ "name": "data", "mountPath": "/data", "sizeGib": 1 });
        let blueprint = json!({
            "volumes": [volume], "command": ["sh", "-c", "echo ready; exec sleep 1000"],
        });
        let template = admin.create_template("survivor", blueprint).await;
        let user = admin.create_user("survivor", json!({})).await;
        Self {
            home,
            user,
            template,
        }
    }

    async fn start() -> Self {
        let plan = Installation::plan(Database::Sqlite).without_edge();
        Self::on(plan.start().await).await
    }

    async fn on_engine(docker: &PrivateDocker) -> Self {
        let plan = Installation::plan(Database::Sqlite)
            .set("SPACEPORT_DOCKER_HOST", docker.host())
            .set("SPACEPORT_FIREWALL", "external")
            .without_edge();
        Self::on(plan.start().await).await
    }

    /// A space that runs, with its name in its volume.
    async fn run(&self, name: &str) -> String {
        let space = self.user.run_space(&self.template, name).await;
        self.write(&space, name);
        space
    }

    fn write(&self, space: &str, content: &str) {
        let script = format!("echo {content} > /data/file");
        self.home.docker.read_inside(space, &script);
    }

    fn content(&self, space: &str) -> String {
        self.home.docker.read_inside(space, "cat /data/file")
    }

    /// Waits until the space runs as its `instance`-th container, which is the only one.
    async fn runs_as(&self, space: &str, instance: u32) {
        let now = self.user.space_is(space, "RUNNING").await;
        assert_eq!(now["failure"], Value::Null);
        let container = self.home.docker.container(space);
        assert_eq!(container, container_name(space, instance));
    }

    /// Waits until the space is stopped, by the way it was asked to, and nothing of it runs.
    async fn is_stopped(&self, space: &str) {
        let now = self.user.space_is(space, "STOPPED").await;
        assert_eq!(now["failure"], Value::Null);
        assert_eq!(self.home.docker.containers(space), Vec::<String>::new());
        assert_eq!(self.home.docker.volumes(space).len(), 1);
    }

    /// Asks the same of all spaces and kills the API at a `moment`: at once, or when the engine
    /// tells that something was done to the first of them. Then starts it again.
    async fn ask_and_crash(&self, mutation: &str, spaces: &[String], moment: Moment) {
        let mut events = self.home.docker.events().await;
        for space in spaces {
            self.user.ask(mutation, space).await;
        }
        if let Some(action) = moment {
            events.until(action).await;
        }
        self.home.crash_api().await;
    }
}

/// Right after the request, or at an event of the engine.
type Moment = Option<&'static str>;

async fn a_crash_of_the_api_at_any_moment_changes_nothing_of_what_is_wanted(database: Database) {
    let plan = Installation::plan(database).without_edge();
    let story = Story::on(plan.start().await).await;

    // Killed before even the volumes are there.
    let mut spaces = Vec::new();
    for name in ["one", "two", "three"] {
        let input = json!({ "templateId": story.template, "name": name, "start": true });
        let created = story.user.mutate("createSpace", input).await;
        spaces.push(id(&created.value("space")));
    }
    story.home.crash_api().await;
    let mut instance = 1;
    for space in &spaces {
        story.runs_as(space, instance).await;
        story.write(space, space);
    }

    for moment in [None, Some("kill"), Some("die"), Some("destroy")] {
        story.ask_and_crash("restartSpace", &spaces, moment).await;
        instance += 1;
        for space in &spaces {
            story.runs_as(space, instance).await;
            assert_eq!(&story.content(space), space, "restart, {moment:?}");
        }
    }
    let stops = [None, Some("kill"), Some("die"), Some("destroy")];
    let starts = [None, Some("create"), Some("start"), None];
    for (stop, start) in stops.into_iter().zip(starts) {
        story.ask_and_crash("stopSpace", &spaces, stop).await;
        for space in &spaces {
            story.is_stopped(space).await;
        }
        assert_eq!(story.user.compute_used().await, 0);
        story.ask_and_crash("startSpace", &spaces, start).await;
        instance += 1;
        for space in &spaces {
            story.runs_as(space, instance).await;
            assert_eq!(&story.content(space), space, "{stop:?}, {start:?}");
        }
        assert_eq!(story.user.compute_used().await, 3);
    }

    for (space, moment) in spaces.iter().zip([None, Some("die"), Some("destroy")]) {
        let only = std::slice::from_ref(space);
        story.ask_and_crash("deleteSpace", only, moment).await;
        story.user.space_is(space, "DELETED").await;
        assert_eq!(story.home.docker.containers(space), Vec::<String>::new());
        assert_eq!(story.home.docker.volumes(space), Vec::<String>::new());
    }
    assert_eq!(story.home.docker.all_containers(), Vec::<String>::new());
    // The API that has just started may still be trying out whether sizes can be enforced.
    let volumes = story.home.data_dir().join("volumes");
    eventually("no file of a volume is left", async || {
        std::fs::read_dir(&volumes).unwrap().count() == 0
    })
    .await;
    let quota = story.user.quota().await;
    for resource in ["spaces", "computeUnits", "storageUnits"] {
        assert_eq!(quota[resource]["used"], 0, "{resource}");
    }
}

/// What somebody may do to a container with the engine's own client, and what is said of it.
const MEDDLING: [(&[&str], &str, Option<i64>); 3] = [
    (&["kill"], "EXITED", Some(137)),
    (&["stop"], "EXITED", Some(143)),
    (&["rm", "-f"], "CONTAINER_REMOVED", None),
];

/// A space that died within seconds of its start is said to have exited early.
fn code_without_haste(failure: &Value) -> String {
    let code = failure["code"].as_str().unwrap();
    code.trim_end_matches("_EARLY").to_owned()
}

#[tokio::test]
async fn what_somebody_else_ended_is_stopped_and_says_so() {
    let story = Story::start().await;
    for (index, (command, code, exit_code)) in MEDDLING.into_iter().enumerate() {
        let space = story.run(&format!("meddled-{index}")).await;
        let container = story.home.docker.container(&space);
        story.home.docker.output(&[command, &[&container]].concat());
        let failure = story.user.failure(&space).await;
        assert_eq!(code_without_haste(&failure), code, "{command:?}");
        assert_eq!(failure["exitCode"], json!(exit_code), "{command:?}");
        story.user.ask("startSpace", &space).await;
        story.runs_as(&space, 2).await;
        assert_eq!(story.content(&space), format!("meddled-{index}"));
    }
}

#[tokio::test]
async fn what_ended_while_the_api_was_down_is_stopped_and_says_so() {
    let story = Story::start().await;
    let mut spaces = Vec::new();
    for index in 0..MEDDLING.len() {
        spaces.push(story.run(&format!("unseen-{index}")).await);
    }
    let untouched = story.run("untouched").await;
    story.home.api.kill();
    for ((command, ..), space) in MEDDLING.iter().zip(&spaces) {
        let container = story.home.docker.container(space);
        story
            .home
            .docker
            .output(&[*command, &[&*container]].concat());
    }
    story.home.start_api().await;
    for ((command, code, exit_code), space) in MEDDLING.into_iter().zip(&spaces) {
        let failure = story.user.failure(space).await;
        assert_eq!(code_without_haste(&failure), code, "{command:?}");
        assert_eq!(failure["exitCode"], json!(exit_code), "{command:?}");
        let tail = if exit_code.is_some() {
            json!(["ready"])
        } else {
            json!([])
        };
        assert_eq!(failure["logTail"], tail, "{command:?}");
    }
    story.runs_as(&untouched, 1).await;
    assert_eq!(story.user.compute_used().await, 1);
}

#[tokio::test]
async fn an_api_that_goes_down_leaves_spaces_running() {
    let story = Story::start().await;
    let space = story.run("quiet").await;
    let before = story.user.space(&space).await;
    let started = |home: &Home| {
        let container = home.docker.container(&space);
        home.docker
            .output(&["inspect", "-f", "{{.State.StartedAt}}", &container])
    };
    let since = started(&story.home);
    assert!(story.home.api.terminate().success());
    assert_eq!(started(&story.home), since);
    story.home.start_api().await;
    story.runs_as(&space, 1).await;
    assert_eq!(started(&story.home), since);
    let after = story.user.space(&space).await;
    assert_eq!(after["revision"], before["revision"]);
}

/// How an engine goes down.
#[derive(Clone, Copy, Debug)]
enum Fall {
    /// It ends its containers, then itself.
    Orderly,
    /// It is gone at once; its containers are ended by the next one.
    Crash,
}

async fn spaces_come_back_after(fall: Fall, api_goes_down: bool) {
    let mut docker = PrivateDocker::start().await;
    let story = Story::on_engine(&docker).await;
    let (running, stopped) = (story.run("running").await, story.run("stopped").await);
    story.user.stop_space(&stopped).await;
    let revision = story.user.space(&stopped).await["revision"].take();

    if api_goes_down {
        story.home.api.kill();
    }
    match fall {
        Fall::Orderly => docker.terminate(),
        Fall::Crash => docker.kill(),
    }
    docker.start_again().await;
    if api_goes_down {
        story.home.start_api().await;
    }

    let another = [container_name(&running, 2)];
    eventually("another container", async || {
        story.home.docker.containers(&running) == another
    })
    .await;
    story.runs_as(&running, 2).await;
    assert_eq!(story.content(&running), "running");
    let left_alone = story.user.space(&stopped).await;
    assert_eq!(left_alone["status"], "STOPPED");
    assert_eq!(left_alone["revision"], revision);
    assert_eq!(story.home.docker.containers(&stopped), Vec::<String>::new());
    story.user.ask("startSpace", &stopped).await;
    story.runs_as(&stopped, 2).await;
    assert_eq!(story.content(&stopped), "stopped");
}

#[tokio::test]
async fn running_spaces_come_back_after_the_engine_was_restarted() {
    spaces_come_back_after(Fall::Orderly, false).await;
}

#[tokio::test]
async fn running_spaces_come_back_after_the_engine_crashed() {
    spaces_come_back_after(Fall::Crash, false).await;
}

#[tokio::test]
async fn running_spaces_come_back_after_the_whole_host_went_down() {
    spaces_come_back_after(Fall::Crash, true).await;
}

#[tokio::test]
async fn a_start_waits_for_an_engine_that_restarts() {
    let mut docker = PrivateDocker::start().await;
    let story = Story::on_engine(&docker).await;
    let space = story.user.create_space(&story.template, "patient").await;
    // What an engine leaves that is killed while it makes a volume is another story.
    eventually("the volumes are made", async || {
        let space = story.user.space(&space).await;
        let volumes = space["volumes"].as_array().expect("a list");
        volumes.iter().all(|it| !it["enforced"].is_null())
    })
    .await;
    docker.kill();
    let mut follower = story.user.follow(Transport::WebSocket, &space).await;
    story.user.ask("startSpace", &space).await;
    docker.start_again().await;
    follower
        .until("RUNNING", |space| space["status"] == "RUNNING")
        .await;
    assert_eq!(follower.statuses(), ["CREATED", "STARTING", "RUNNING"]);
}

#[tokio::test]
async fn containers_of_unknown_spaces_go_and_their_volumes_stay() {
    let story = Story::start().await;
    let docker = &story.home.docker;
    let space = story.run("known").await;
    let unknown = Uuid::now_v7().simple().to_string();
    let volume = format!("spaceport-{}", Uuid::now_v7().simple());
    let of_space = [
        format!("--label=spaceport.installation={}", story.home.name()),
        format!("--label=spaceport.space={unknown}"),
    ];
    let of_space = of_space.each_ref().map(String::as_str);
    let of_container = [
        format!("--name=spaceport-{unknown}-1"),
        "--label=spaceport.instance=1".to_owned(),
        format!("--volume={volume}:/data"),
    ];
    let of_container = of_container.each_ref().map(String::as_str);
    let run = || {
        let image = [BUSYBOX, "sleep", "1000"];
        docker.output(&[&["run", "-d"], &of_space[..], &of_container, &image].concat());
    };
    docker.output(&[&["volume", "create"], &of_space[..], &[&volume]].concat());
    run();
    let known = [container_name(&space, 1)];
    let is_gone = async || docker.all_containers() == known;
    eventually("the unknown container is gone", is_gone).await;

    // A new reconciler looks at volumes in its first pass.
    story.home.api.kill();
    run();
    story.home.start_api().await;
    eventually("the unknown container is gone again", is_gone).await;
    let kept = format!("keeping volumes of an unknown space space.id=space_{unknown}");
    eventually("the volume was seen", async || {
        story.home.api.log().contains(&kept)
    })
    .await;
    let filter = format!("label=spaceport.space={unknown}");
    assert_eq!(
        docker.output(&["volume", "ls", "-q", "--filter", &filter]),
        volume
    );
    assert_eq!(story.content(&space), "known");
}
