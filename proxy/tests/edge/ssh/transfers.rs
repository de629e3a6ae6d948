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
async fn scp_copies_both_ways_by_both_of_its_protocols() {
    let town = Town::open().await;
    let (here, there, back) = (town.path("here"), town.path("there"), town.path("back"));
    let bytes = write_random(&here);
    for protocol in ["-O", "-s"] {
        let remote = |path: &Path| format!("lab:{}", path.display());
        for (from, to) in [
            (here.display().to_string(), remote(&there)),
            (remote(&there), back.display().to_string()),
        ] {
            let ran = town
                .run(town.program("scp").args([protocol, "-p", &from, &to]))
                .await;
            assert_eq!(ran.status, Some(0), "{protocol}: {ran:?}");
        }
        assert!(std::fs::read(&back).unwrap() == bytes, "{protocol}");
        for file in [&there, &back] {
            std::fs::remove_file(file).unwrap();
        }
    }
}

#[tokio::test]
async fn sftp_lists_puts_gets_and_removes() {
    let town = Town::open().await;
    let here = town.path("here");
    let bytes = write_random(&here);
    let folder = town.house.folder.path().display();
    let batch = format!(
        "mkdir {folder}/made\nput {folder}/here {folder}/made/put\nls -l {folder}/made\n\
         rename {folder}/made/put {folder}/made/moved\nget {folder}/made/moved {folder}/got\n\
         chmod 600 {folder}/made/moved\nrm {folder}/made/moved\nrmdir {folder}/made\n"
    );
    std::fs::write(town.path("batch"), batch).unwrap();
    let mut sftp = town.program("sftp");
    sftp.arg("-b").arg(town.path("batch")).arg("lab");
    let said = town.run(&mut sftp).await.well();
    assert!(said.contains(&format!(" {} ", bytes.len())), "{said}");
    assert!(std::fs::read(town.path("got")).unwrap() == bytes);
    assert!(!town.path("made").exists());
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
