//! Volumes: enforced, lasting, and gone when removed.

use std::{os::unix::fs::MetadataExt, path::PathBuf};

use spaceport_api::engine::{
    ContainerSpec, Enforcement, Engine, EngineError, Firewall, Scope, VolumeSpec,
};
use spaceport_domain::lifecycle::FailureCode;

use super::rig::{BASE, Rig, eventually, host, host_output, new_space, next, spec, with_volume};

const FOREVER: &str = "sleep 1000 & wait";
const GIB: u64 = 1024 * 1024 * 1024;

fn mount_point(rig: &Rig, volume: &VolumeSpec) -> PathBuf {
    rig.volumes_dir.join(volume.id.uuid().simple().to_string())
}

fn image(rig: &Rig, volume: &VolumeSpec) -> PathBuf {
    mount_point(rig, volume).with_extension("ext4")
}

/// What the kernel and the file system know of a volume.
fn traces(rig: &Rig, volume: &VolumeSpec) -> Vec<String> {
    let hex = volume.id.uuid().simple().to_string();
    let mut traces: Vec<String> = [
        host_output("losetup", &["-a"]),
        std::fs::read_to_string("/proc/self/mounts").unwrap(),
    ]
    .concat()
    .lines()
    .filter(|line| line.contains(&hex))
    .map(str::to_owned)
    .collect();
    for entry in std::fs::read_dir(&rig.volumes_dir).into_iter().flatten() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        traces.extend(name.contains(&hex).then_some(name));
    }
    traces
}

#[tokio::test]
async fn the_kernel_refuses_what_goes_beyond_the_size() {
    let rig = Rig::new().await;
    let (spec, volume) = with_volume(spec(FOREVER), "/data");
    let made = rig.engine.create_volumes(&[volume]).await;
    assert_eq!(made, Ok(vec![true]));
    let container = rig.run_spec(&spec).await;
    let fill = "dd if=/dev/zero of=/data/big bs=1M count=1100";
    let (code, output) = rig.inside(container, fill).await;
    assert_ne!(code, 0);
    assert!(output.contains("No space left"), "{output}");
    let usage = rig.engine.volume_usage(&[volume]).await[0];
    assert!(usage.enforced);
    let used_bytes = usage.used_bytes.expect("known");
    assert!((GIB * 9 / 10..=GIB).contains(&used_bytes), "{used_bytes}");

    // What is deleted inside goes back to the host.
    rig.inside(container, "rm /data/big; sync").await;
    let path = image(&rig, &volume);
    eventually("the host has its space again", async || {
        std::fs::metadata(&path).unwrap().blocks() * 512 < GIB / 10
    })
    .await;
}

#[tokio::test]
async fn content_outlives_the_container() {
    let rig = Rig::new().await;
    let (first, volume) = with_volume(spec(FOREVER), "/data");
    rig.engine.create_volumes(&[volume]).await.expect("made");
    let container = rig.run_spec(&first).await;
    rig.inside(container, "echo kept > /data/file").await;
    rig.engine
        .remove_container(container)
        .await
        .expect("removed");
    let second = rig.run_spec(&next(&first)).await;
    assert_eq!(
        rig.inside(second, "cat /data/file").await,
        (0, "kept".to_owned())
    );
}

#[tokio::test]
async fn removal_leaves_nothing_and_touches_nobody_elses() {
    let rig = Rig::new().await;
    let (spec, volume) = with_volume(spec(FOREVER), "/data");
    let other = VolumeSpec {
        id: spaceport_domain::id::VolumeId::new(uuid::Uuid::now_v7()),
        space: new_space(),
        size_gib: 1,
    };
    rig.engine
        .create_volumes(&[volume, other])
        .await
        .expect("made");
    let container = rig.run_spec(&spec).await;
    rig.inside(container, "echo x > /data/file").await;

    let in_use = rig.engine.remove_volumes(volume.space).await;
    assert!(
        matches!(
            in_use,
            Err(EngineError::Refused {
                code: FailureCode::VolumeFailed,
                ..
            })
        ),
        "{in_use:?}"
    );
    assert_eq!(
        rig.inside(container, "cat /data/file").await,
        (0, "x".to_owned())
    );

    rig.engine
        .remove_container(container)
        .await
        .expect("removed");
    for _ in 0..2 {
        rig.engine
            .remove_volumes(volume.space)
            .await
            .expect("removed");
        assert_eq!(traces(&rig, &volume), Vec::<String>::new());
        let left = rig.engine.spaces_with_volumes(Scope::All).await;
        assert_eq!(left, Ok(vec![other.space]));
    }
    assert!(!traces(&rig, &other).is_empty());
    let none = rig
        .engine
        .spaces_with_volumes(Scope::Space(volume.space))
        .await;
    assert_eq!(none, Ok(Vec::new()));
}

#[tokio::test]
async fn a_volume_that_lost_its_mount_is_attached_again() {
    let rig = Rig::new().await;
    let (first, volume) = with_volume(spec(FOREVER), "/data");
    rig.engine.create_volumes(&[volume]).await.expect("made");
    let container = rig.run_spec(&first).await;
    rig.inside(container, "echo kept > /data/file").await;
    rig.engine
        .remove_container(container)
        .await
        .expect("removed");
    let detach = || {
        let output = host("umount", &[&mount_point(&rig, &volume).to_string_lossy()]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(rig.volumes_dir.read_dir().unwrap().count(), 2);
    };

    detach();
    let second = rig.run_spec(&next(&first)).await;
    assert_eq!(rig.inside(second, "cat /data/file").await.1, "kept");
    rig.engine.remove_container(second).await.expect("removed");

    // The host went down between the making and the start.
    let third = next(&next(&first));
    rig.engine.create_container(&third).await.expect("created");
    detach();
    let start = rig.engine.start_container(third.container).await;
    start.expect("started");
    assert_eq!(
        rig.inside(third.container, "cat /data/file").await.1,
        "kept"
    );
}

#[tokio::test]
async fn a_volume_is_made_whole_after_a_crash_at_any_point() {
    let rig = Rig::new().await;
    let (spec, volume) = with_volume(spec(FOREVER), "/data");
    // Killed while the file system was being made.
    std::fs::write(image(&rig, &volume).with_extension("ext4.new"), b"half").unwrap();
    for _ in 0..2 {
        let made = rig.engine.create_volumes(&[volume]).await;
        assert_eq!(made, Ok(vec![true]));
    }
    // Killed before it was mounted.
    host("umount", &[&mount_point(&rig, &volume).to_string_lossy()]);
    std::fs::remove_dir(mount_point(&rig, &volume)).unwrap();
    let made = rig.engine.create_volumes(&[volume]).await;
    assert_eq!(made, Ok(vec![true]));
    let container = rig.run_spec(&spec).await;
    assert_eq!(rig.inside(container, "echo x > /data/file").await.0, 0);
}

#[tokio::test]
async fn the_images_content_and_owner_come_along() {
    let rig = Rig::new().await;
    let base = ContainerSpec {
        image: BASE.to_owned(),
        ..spec(FOREVER)
    };
    let (spec, volume) = with_volume(base, "/home/dev");
    rig.engine.create_volumes(&[volume]).await.expect("made");
    let container = rig.run_spec(&spec).await;
    let (code, owner) = rig
        .inside(container, "su dev -c 'touch ~/new && stat -c %U ~ ~/new'")
        .await;
    assert_eq!((code, owner.as_str()), (0, "dev\ndev"));
    let (_, content) = rig.inside(container, "ls -A /home/dev").await;
    assert!(content.contains(".bashrc"), "{content}");
    assert!(!content.contains("lost+found"), "{content}");
}

#[tokio::test]
async fn a_volume_stays_as_it_was_made() {
    let rig = Rig::new().await;
    let (spec, enforced) = with_volume(spec(FOREVER), "/enforced");
    let (spec, counted) = with_volume(spec, "/counted");
    rig.engine.create_volumes(&[enforced]).await.expect("made");
    let off = rig.again(Enforcement::Off);
    assert_eq!(off.create_volumes(&[counted]).await, Ok(vec![false]));

    for engine in [&off, &rig.engine] {
        let made = engine.create_volumes(&[enforced, counted]).await;
        assert_eq!(made, Ok(vec![true, false]));
        let usage = engine.volume_usage(&[enforced, counted]).await;
        assert_eq!(
            usage.iter().map(|it| it.enforced).collect::<Vec<_>>(),
            [true, false]
        );
        assert!(usage[0].used_bytes.is_some() && usage[1].used_bytes.is_none());
    }
    off.create_container(&spec).await.expect("created");
    off.start_container(spec.container).await.expect("started");
    let (_, mounts) = rig
        .inside(spec.container, "grep /enforced /proc/mounts")
        .await;
    assert!(
        mounts.contains("ext4") && mounts.contains("nodev"),
        "{mounts}"
    );
    off.remove_container(spec.container).await.expect("removed");
    off.remove_volumes(enforced.space).await.expect("removed");
    assert_eq!(traces(&rig, &enforced), Vec::<String>::new());
}

#[tokio::test]
async fn counted_volumes_work_where_sizes_are_not_enforced() {
    let rig = Rig::with(None, Enforcement::Off, Firewall::Managed).await;
    let (spec, volume) = with_volume(spec(FOREVER), "/data");
    for _ in 0..2 {
        let made = rig.engine.create_volumes(&[volume]).await;
        assert_eq!(made, Ok(vec![false]));
    }
    let container = rig.run_spec(&spec).await;
    rig.inside(container, "echo kept > /data/file").await;
    rig.engine
        .remove_container(container)
        .await
        .expect("removed");
    let second = rig.run_spec(&next(&spec)).await;
    assert_eq!(rig.inside(second, "cat /data/file").await.1, "kept");
    rig.engine
        .remove_container(next(&spec).container)
        .await
        .expect("removed");
    for _ in 0..2 {
        rig.engine
            .remove_volumes(volume.space)
            .await
            .expect("removed");
    }
    let left = rig.engine.spaces_with_volumes(Scope::All).await;
    assert_eq!(left, Ok(Vec::new()));
}
