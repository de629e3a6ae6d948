//! Files, by every program that carries them over SSH.

use std::path::Path;

use super::town::Town;

/// So much that it doesn't fit into any window.
const FILE_BYTES: usize = 5 << 20;

fn write_random(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FILE_BYTES);
    while bytes.len() < FILE_BYTES {
        bytes.extend_from_slice(uuid::Uuid::new_v4().as_bytes());
    }
    std::fs::write(path, &bytes).unwrap();
    bytes
}

#[tokio::test]
async fn rsync_carries_a_tree_and_then_only_what_changed() {
    let town = Town::open().await;
    let (here, there) = (town.path("tree"), town.path("copy"));
    std::fs::create_dir_all(here.join("deep/er")).unwrap();
    let bytes = write_random(&here.join("deep/er/file"));
    std::fs::write(here.join("small"), "one").unwrap();
    let sync = async |expected: &str| {
        let mut rsync = tokio::process::Command::new("rsync");
        rsync
            .args(["-a", "--itemize-changes", "-e", "ssh -F config -i ada"])
            .current_dir(town.house.folder.path())
            .stdin(std::process::Stdio::null())
            .arg(format!("{}/", here.display()))
            .arg(format!("lab:{}/", there.display()))
            .kill_on_drop(true);
        let changed = town.run(&mut rsync).await.well();
        assert!(changed.contains(expected), "{changed}");
        changed
    };
    sync("deep/er/file").await;
    assert!(std::fs::read(there.join("deep/er/file")).unwrap() == bytes);
    std::fs::write(here.join("small"), "another").unwrap();
    let changed = sync("small").await;
    assert!(!changed.contains("deep/er/file"), "{changed}");
}
