//! The agent that every space is started with: how it gets there, and who knows of it.

use serde_json::{Value, json};
use spaceport_api::auth::agent_secrets::AgentSecrets;
use spaceport_tests::{
    BUSYBOX, Client, Database, Home, Installation, Transport, docker::container_name, eventually,
    on_both_databases,
};

on_both_databases!(
    the_agents_secret_is_told_to_the_edge_alone_and_is_another_one_with_each_start,
    a_space_from_before_there_were_agents_goes_on_without_one,
    the_agents_port_is_nobodys,
    the_api_says_where_everything_is_opened,
);

const FEED: &str = "subscription { routesChanged { spaces { spaceId agent { port secret } } } }";

/// How a space's agent is reached, as the edge is told.
async fn route(home: &Home, space: &str) -> Value {
    let edge = home.as_edge();
    let mut feed = edge
        .subscribe(Transport::EventStream, FEED, json!({}))
        .await;
    let table = feed.next_data().await["routesChanged"].take();
    let mut spaces = table["spaces"].as_array().expect("a list").iter();
    let told = spaces.find(|it| it["spaceId"] == space);
    told.expect("the space")["agent"].clone()
}

async fn agent(client: &Client, space: &str) -> Value {
    let document = "query ($id: ID!) { space(id: $id) { agent { version } } }";
    let mut data = client.query(document, json!({ "id": space })).await;
    data["space"]["agent"].take()
}

async fn restart(client: &Client, space: &str) {
    client.ask("restartSpace", space).await;
    client.space_is(space, "RUNNING").await;
}

/// An administrator, and a template whose spaces sleep.
async fn sleeping(home: &Home, name: &str) -> (Client, String) {
    let admin = home.admin().await;
    let blueprint = json!({ "image": BUSYBOX, "command": ["sleep", "1000"] });
    let template = admin.create_template(name, blueprint).await;
    (admin, template)
}

async fn the_agents_secret_is_told_to_the_edge_alone_and_is_another_one_with_each_start(
    database: Database,
) {
    let home = Installation::start(database).await;
    let (admin, template) = sleeping(&home, "secretive").await;
    let space = admin.create_space(&template, "secretive").await;
    assert_eq!(route(&home, &space).await, Value::Null, "it doesn't run");
    admin.ask("startSpace", &space).await;
    admin.space_is(&space, "RUNNING").await;
    let first = route(&home, &space).await;
    assert_eq!(first["port"], spaceport_domain::agent::PORT);
    let secret = first["secret"].as_str().expect("a secret").to_owned();
    assert!(!home.database_holds(&secret).await);
    assert!(!home.api.log().contains(&secret) && !home.edge.log().contains(&secret));
    let inspected = home
        .docker
        .output(&["inspect", &home.docker.container(&space)]);
    assert!(!inspected.contains(&secret));
    let secrets = AgentSecrets::open(home.data_dir()).expect("the installation's key");
    let hash = secrets.hash(space.parse().expect("a space"), 1);
    assert!(inspected.contains(&hash), "the agent knows it by its hash");

    restart(&admin, &space).await;
    let second = route(&home, &space).await;
    assert!(second["secret"].is_string() && second != first);
    // Whoever reads the feed again is told the same.
    home.crash_api().await;
    assert_eq!(route(&home, &space).await, second);
}

async fn a_space_from_before_there_were_agents_goes_on_without_one(database: Database) {
    let home = Installation::start(database).await;
    let (admin, template) = sleeping(&home, "old").await;
    let space = admin.run_space(&template, "old").await;
    let version = agent(&admin, &space).await["version"].clone();
    assert!(
        version.as_str().is_some_and(|it| it.contains('+')),
        "{version}"
    );
    // Its container as it was made then.
    home.api.kill();
    let docker = &home.docker;
    let name = container_name(&space, 1);
    docker.output(&["rm", "-f", &name]);
    let label = |key: &str, value: &str| format!("--label=spaceport.{key}={value}");
    docker.output(&[
        "run",
        "--detach",
        &format!("--name={name}"),
        &format!("--network=spaceport-{}", home.name()),
        &label("installation", home.name()),
        &label("space", &spaceport_tests::docker::label(&space)),
        &label("instance", "1"),
        BUSYBOX,
        "sleep",
        "1000",
    ]);
    home.start_api().await;
    eventually("the space is seen to have no agent", async || {
        agent(&admin, &space).await.is_null()
    })
    .await;
    assert_eq!(admin.space(&space).await["status"], "RUNNING");
    assert_eq!(route(&home, &space).await, Value::Null);
    docker.read_inside(&space, "true");

    restart(&admin, &space).await;
    assert_eq!(agent(&admin, &space).await["version"], version);
    assert!(route(&home, &space).await["secret"].is_string());
}

async fn the_agents_port_is_nobodys(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let features = json!({ "features": ["PORT_FORWARD", "TUNNELS"] });
    let template = admin.create_template("agents-port", features).await;
    let space = admin.create_space(&template, "agents-port").await;
    let port = spaceport_domain::agent::PORT;
    let tunnel = admin.create_tunnel(&space, 80).await;
    let template = json!({ "name": "agents-port-2", "image": BUSYBOX, "computeUnits": 1,
        "ports": [{ "name": "web", "port": port }] });
    for (mutation, input, path) in [
        (
            "createTunnel",
            json!({ "spaceId": space, "port": port }),
            json!(["port"]),
        ),
        (
            "updateTunnel",
            json!({ "tunnelId": tunnel["id"], "port": port }),
            json!(["port"]),
        ),
        (
            "openApp",
            json!({ "spaceId": space, "app": port.to_string() }),
            json!(["app"]),
        ),
        ("createTemplate", template, json!(["ports", "0", "port"])),
    ] {
        let refused = admin.mutate(mutation, input).await;
        assert_eq!(refused.codes(), ["INVALID_INPUT"], "{mutation}");
        assert_eq!(refused.problems()[0]["path"], path, "{mutation}");
    }
}

async fn the_api_says_where_everything_is_opened(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let edge = "{ edge { appDomain tunnelDomain port sshHost sshPort } }";
    let (port, ssh_port) = (home.edge_address().port(), home.ssh_address().port());
    let told = json!({ "appDomain": "apps.localhost", "tunnelDomain": "tunnels.localhost",
        "port": port, "sshHost": "localhost", "sshPort": ssh_port });
    assert_eq!(admin.query(edge, json!({})).await["edge"], told);
    let stranger = home.anonymous();
    assert_eq!(
        stranger.error_codes(edge, json!({})).await,
        ["UNAUTHENTICATED"]
    );

    let features = json!({ "features": ["TERMINAL", "SSH", "FILES", "PORT_FORWARD"] });
    let template = admin.create_template("opened", features).await;
    let space = admin.create_space(&template, "opened").await;
    let document = "query ($id: ID!) { space(id: $id) { features { feature url } } }";
    let data = admin.query(document, json!({ "id": space })).await;
    let url = |feature: &str| {
        let mut features = data["space"]["features"].as_array().expect("a list").iter();
        features.find(|it| it["feature"] == feature).expect(feature)["url"].clone()
    };
    let app = |app: &str| {
        json!(format!(
            "https://{app}--opened--admin.apps.localhost:{port}/"
        ))
    };
    assert_eq!((url("TERMINAL"), url("FILES")), (app("term"), app("files")));
    assert_eq!(
        url("SSH"),
        format!("ssh://opened--admin@localhost:{ssh_port}")
    );
    assert_eq!(
        (url("PORT_FORWARD"), url("VNC")),
        (Value::Null, Value::Null)
    );
}

/// The names of the volumes that hold agents.
fn volumes(home: &Home) -> Vec<String> {
    let ours = format!("label=spaceport.installation={}", home.name());
    let agents = "label=spaceport.agent-program";
    let filters = ["volume", "ls", "-q", "--filter", &ours, "--filter", agents];
    let listed = home.docker.output(&filters);
    listed.lines().map(str::to_owned).collect()
}

/// How often the API has filled one.
fn filled(home: &Home) -> usize {
    home.api.log().matches("the agent is in place").count()
}

#[tokio::test]
async fn the_agents_volume_is_filled_once_for_all_spaces_and_nobody_there_changes_it() {
    let home = Installation::plan(Database::Sqlite)
        .without_edge()
        .start()
        .await;
    let (admin, template) = sleeping(&home, "many").await;
    let (one, two) = futures_util::future::join(
        admin.run_space(&template, "one"),
        admin.run_space(&template, "two"),
    )
    .await;
    let volume = volumes(&home);
    assert_eq!((volume.len(), filled(&home)), (1, 1), "{volume:?}");
    home.crash_api().await;
    restart(&admin, &two).await;
    assert_eq!((volumes(&home), filled(&home)), (volume.clone(), 1));
    for space in [&one, &two] {
        let agent = "/.spaceport/spaceport-agent";
        let read = home
            .docker
            .read_inside(space, &format!("readlink /proc/1/exe; ls {agent}"));
        assert_eq!(read.lines().collect::<Vec<_>>(), [agent, agent]);
        for change in [
            format!("rm {agent}"),
            format!("echo x >> {agent}"),
            format!("chmod 777 {agent}"),
        ] {
            let (changed, text) = home.docker.inside(space, &change);
            assert!(!changed, "{change}: {text}");
        }
    }
    let carriers = home.docker.all_containers();
    assert_eq!(
        carriers.len(),
        2,
        "nothing is left of the filling: {carriers:?}"
    );
}

#[tokio::test]
async fn an_agent_that_somebody_removed_or_that_came_half_is_put_in_place_again() {
    let home = Installation::plan(Database::Sqlite)
        .without_edge()
        .start()
        .await;
    let (admin, template) = sleeping(&home, "lost").await;
    let space = admin.run_space(&template, "lost").await;
    let volume = volumes(&home).remove(0);
    admin.stop_space(&space).await;
    home.docker.output(&["volume", "rm", &volume]);
    admin.ask("startSpace", &space).await;
    admin.space_is(&space, "RUNNING").await;
    assert_eq!((volumes(&home), filled(&home)), (vec![volume.clone()], 2));

    // As a crash in the midst of the filling leaves it.
    admin.stop_space(&space).await;
    home.api.kill();
    let mount = format!("--volume={volume}:/agent");
    let half = "cd /agent && head -c 1000 spaceport-agent > half && mv half spaceport-agent";
    let label = format!("--label=spaceport.test={}", home.name());
    home.docker
        .output(&["run", "--rm", &label, &mount, BUSYBOX, "sh", "-c", half]);
    home.start_api().await;
    admin.ask("startSpace", &space).await;
    admin.space_is(&space, "RUNNING").await;
    assert_eq!(filled(&home), 3);
}

#[tokio::test]
async fn an_agent_that_no_space_has_any_more_is_removed() {
    let home = Installation::plan(Database::Sqlite)
        .without_edge()
        .start()
        .await;
    let (admin, template) = sleeping(&home, "newer").await;
    admin.run_space(&template, "newer").await;
    let current = volumes(&home);
    let labels = [
        format!("--label=spaceport.installation={}", home.name()),
        "--label=spaceport.agent-program=00".to_owned(),
    ];
    for old in ["unused", "used"] {
        let name = format!("{}-{old}", home.name());
        home.docker
            .output(&["volume", "create", &labels[0], &labels[1], &name]);
    }
    let used = format!("{}-used", home.name());
    let test = format!("--label=spaceport.test={}", home.name());
    let mount = format!("--volume={used}:/agent");
    home.docker
        .output(&["create", &test, &mount, BUSYBOX, "true"]);
    home.crash_api().await;
    eventually("the unused one is gone", async || volumes(&home).len() == 2).await;
    assert!(volumes(&home).contains(&used) && volumes(&home).contains(&current[0]));
}
