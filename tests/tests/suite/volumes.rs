//! Volumes through the API: they last, have a size, and go with their space.

use serde_json::{Value, json};
use spaceport_tests::{
    BUSYBOX, Client, Database, Home, Installation, client::id, docker::container_name, eventually,
    on_both_databases,
};

on_both_databases!(
    content_outlives_stops_restarts_and_the_api,
    a_deletion_removes_everything_of_a_volume_and_nobody_elses,
);

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

fn volume(size_gib: f64) -> Value {
    json!({ "volumes": [{ "name": "data", "mountPath": "/data", "sizeGib": size_gib }] })
}

/// What the host knows of the volumes of an installation: files, mounts and loop devices.
fn traces(home: &Home) -> Vec<String> {
    let dir = home.data_dir().join("volumes").display().to_string();
    let losetup = std::process::Command::new("losetup").arg("-a").output();
    let devices = String::from_utf8_lossy(&losetup.unwrap().stdout).into_owned();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let lines = [devices, mounts].concat();
    let known = lines.lines().filter(|line| line.contains(&dir));
    let files = std::fs::read_dir(&dir).unwrap();
    let files = files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned());
    known.map(str::to_owned).chain(files).collect()
}

/// How many bytes the API says are used.
async fn used_bytes(user: &Client, space: &str) -> f64 {
    let used = user.space(space).await["volumes"][0]["usedBytes"].take();
    used.as_f64().expect("known")
}

async fn content_outlives_stops_restarts_and_the_api(database: Database) {
    let home = Installation::plan(database).without_edge().start().await;
    let admin = home.admin().await;
    let template = admin.create_template("lasting", volume(1.0)).await;
    let user = admin.create_user("lasting", json!({})).await;
    let space = user.run_space(&template, "lasting").await;
    let docker = &home.docker;
    docker.read_inside(&space, "echo kept > /data/file");
    user.stop_space(&space).await;
    home.crash_api().await;
    user.ask("startSpace", &space).await;
    user.space_is(&space, "RUNNING").await;
    assert_eq!(docker.read_inside(&space, "cat /data/file"), "kept");
    user.ask("restartSpace", &space).await;
    let third = [container_name(&space, 3)];
    eventually("a new container", async || {
        docker.containers(&space) == third
    })
    .await;
    user.space_is(&space, "RUNNING").await;
    assert_eq!(docker.read_inside(&space, "cat /data/file"), "kept");
}

async fn a_deletion_removes_everything_of_a_volume_and_nobody_elses(database: Database) {
    let home = Installation::plan(database).without_edge().start().await;
    let admin = home.admin().await;
    let template = admin.create_template("passing", volume(1.0)).await;
    let user = admin.create_user("passing", json!({})).await;
    let other = user.run_space(&template, "other").await;
    home.docker.read_inside(&other, "echo kept > /data/file");
    let before = traces(&home).len();
    let space = user.run_space(&template, "passing").await;
    assert!(traces(&home).len() > before);
    assert_eq!(user.quota().await["storageUnits"]["used"], 2);
    user.delete_space(&space).await;
    assert_eq!(home.docker.volumes(&space), Vec::<String>::new());
    assert_eq!(traces(&home).len(), before);
    assert_eq!(home.docker.read_inside(&other, "cat /data/file"), "kept");
    user.delete_space(&other).await;
    assert_eq!(traces(&home), Vec::<String>::new());
    assert_eq!(user.quota().await["storageUnits"]["used"], 0);
}

#[tokio::test]
async fn the_kernel_holds_a_volume_to_its_size_and_the_api_says_so() {
    let home = Installation::shared(Database::Sqlite).await;
    let admin = home.admin().await;
    // A fraction is rounded up to what the kernel then allows.
    let template = admin.create_template("enforced", volume(0.5)).await;
    let user = admin.create_user("filler", json!({})).await;
    let space = user.run_space(&template, "full").await;
    let seen = user.space(&space).await["volumes"][0].take();
    assert_eq!(seen["enforced"], true);
    assert_eq!(seen["sizeGib"], 1);
    let empty = used_bytes(&user, &space).await;
    let (succeeded, text) = home
        .docker
        .inside(&space, "dd if=/dev/zero of=/data/big bs=1M count=1100");
    assert!(!succeeded && text.contains("No space left"), "{text}");
    eventually("the API sees what is used", async || {
        let used = used_bytes(&user, &space).await;
        assert!(used <= GIB, "{used}");
        used > empty + 0.8 * GIB
    })
    .await;
    home.docker.read_inside(&space, "rm /data/big; sync");
    eventually("the API sees what is free again", async || {
        used_bytes(&user, &space).await < 0.1 * GIB
    })
    .await;
}

#[tokio::test]
async fn sizes_are_counted_only_where_the_operator_says_so() {
    let home = Installation::plan(Database::Sqlite)
        .set("SPACEPORT_VOLUME_ENFORCEMENT", "off")
        .without_edge()
        .start()
        .await;
    let admin = home.admin().await;
    let mut blueprint = volume(1.5);
    blueprint["image"] = json!(BUSYBOX);
    let template = admin.create_template("counted", blueprint).await;
    let user = admin
        .create_user("counted", json!({ "limits": { "storageUnits": 3 } }))
        .await;
    let space = user.run_space(&template, "counted").await;
    let seen = user.space(&space).await["volumes"][0].take();
    assert_eq!(seen["enforced"], false);
    home.docker.read_inside(&space, "echo kept > /data/file");
    user.stop_space(&space).await;
    user.ask("startSpace", &space).await;
    user.space_is(&space, "RUNNING").await;
    assert_eq!(home.docker.read_inside(&space, "cat /data/file"), "kept");
    let second = json!({ "templateId": template, "name": "second" });
    let second = user.mutate("createSpace", second).await;
    assert_eq!(second.problems()[0]["resource"], "STORAGE_UNITS");
    user.delete_space(&space).await;
    assert_eq!(home.docker.volumes(&space), Vec::<String>::new());
    let again = json!({ "templateId": template, "name": "second" });
    id(&user.mutate("createSpace", again).await.value("space"));
}
