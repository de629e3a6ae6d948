//! The last known routes in a file, so that the edge serves after its own restart, even while the
//! control plane is away.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use spaceport_domain::route::{PersonRoutes, RouteChange, RouteEvent, SpaceRoutes};
use tokio::{sync::watch, task, time};
use tokio_util::sync::CancellationToken;

use super::{Routes, Table};

/// The file is written at most once in this time.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);
/// What this version writes.
const FORMAT: u32 = 3;
/// What is read too: the same without what the rights of people and the names of apps take (1), and
/// without agents and SSH keys (2). It serves what it can until the feed has brought all of it.
const OLDER_FORMATS: [u32; 2] = [1, 2];

/// The file's content. The table's fields are those of the feed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Saved {
    format: u32,
    cursor: String,
    spaces: Vec<SpaceRoutes>,
    #[serde(default)]
    people: Vec<PersonRoutes>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Saving<'a> {
    format: u32,
    cursor: &'a str,
    spaces: Vec<&'a SpaceRoutes>,
    people: Vec<&'a PersonRoutes>,
}

/// Reads the table that was last saved; `None` when there is none.
pub fn load(path: &Path) -> io::Result<Option<Table>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    let saved: Saved = serde_json::from_slice(&bytes)?;
    let is_older = OLDER_FORMATS.contains(&saved.format);
    if saved.format != FORMAT && !is_older {
        return Err(io::Error::other(format!("unknown format {}", saved.format)));
    }
    let mut table = Table::default();
    table.apply(RouteEvent {
        cursor: saved.cursor,
        change: RouteChange::Snapshot,
        spaces: saved.spaces,
        people: saved.people,
    });
    if is_older {
        table.forget_cursor();
    }
    Ok(Some(table))
}

/// Saves `table`: the file holds either what it held or all of the new content.
pub fn save(path: &Path, table: &Table) -> io::Result<()> {
    let Some(cursor) = table.cursor() else {
        return Ok(());
    };
    let bytes = serde_json::to_vec(&Saving {
        format: FORMAT,
        cursor,
        spaces: table.spaces().collect(),
        people: table.people().collect(),
    })?;
    write_atomically(path, &bytes, 0o600)
}

/// Replaces a file's content at once, never leaving a part of it, readable as `mode` says.
pub fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let write = || {
        // Left over from a crash, it may have other rights than wanted.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

/// Saves every generation that `changes` has not seen, or the last of those that came within a
/// second, until `stop`; then the last one. What is given back has seen what is saved.
pub async fn keep_saved(
    routes: Arc<Routes>,
    mut changes: watch::Receiver<u64>,
    path: std::path::PathBuf,
    stop: CancellationToken,
) -> watch::Receiver<u64> {
    let mut failing = false;
    loop {
        let stopped = tokio::select! {
            changed = changes.changed() => changed.is_err(),
            () = stop.cancelled() => true,
        };
        if !stopped || changes.has_changed().unwrap_or(false) {
            changes.mark_unchanged();
            let (table, path) = (routes.current(), path.clone());
            let saved = task::spawn_blocking(move || save(&path, &table)).await;
            match saved.unwrap_or_else(|panic| Err(io::Error::other(panic))) {
                Ok(()) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    tracing::warn!(%error, "the routes can't be saved; a restart may know less");
                }
                Err(_) => {}
            }
        }
        if stopped {
            return changes;
        }
        tokio::select! {
            () = time::sleep(WRITE_INTERVAL) => {}
            () = stop.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::routes::Endpoint;

    fn folder(name: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("spaceport-{name}-{}", uuid::Uuid::now_v7()));
        fs::create_dir_all(&path).expect("a folder");
        path
    }

    #[test]
    fn a_table_reads_back_and_only_its_owner_may_read_it() {
        let path = folder("disk").join("edge").join("routes.json");
        assert!(load(&path).expect("nothing is fine").is_none());
        let event = serde_json::json!({
            "cursor": "12", "change": "SNAPSHOT", "spaces": [{
                "spaceId": "space_0190c2a4b6d87c3e8f1a2b3c4d5e6f70", "spaceName": "lab",
                "ownerId": "user_0190c2a4b6d87c3e8f1a2b3c4d5e6f71", "status": "RUNNING",
                "address": "172.17.0.2", "tunnels": [{
                    "id": "tunnel_0190c2a4b6d87c3e8f1a2b3c4d5e6f72", "host": "a--b.t", "port": 80,
                }],
            }],
            "people": [{
                "userId": "user_0190c2a4b6d87c3e8f1a2b3c4d5e6f71", "permissions": ["USE_TUNNELS"],
                "signIns": ["session_0190c2a4b6d87c3e8f1a2b3c4d5e6f73"],
            }],
        });
        let mut table = Table::default();
        table.apply(serde_json::from_value(event).expect("an event"));
        for _ in 0..2 {
            save(&path, &table).expect("saved");
        }
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let read = load(&path).expect("readable").expect("there");
        assert_eq!(read.cursor(), Some("12"));
        let target = read.tunnel("a--b.t").expect("known");
        assert_eq!(target.endpoint, Endpoint::Port(80));
        assert_eq!(read.people().count(), 1);
        fs::remove_dir_all(path.ancestors().nth(2).expect("a folder")).expect("removed");
    }

    #[test]
    fn an_older_file_serves_until_the_feed_has_brought_all_of_it() {
        let folder = folder("older");
        let path = folder.join("routes.json");
        for format in OLDER_FORMATS {
            let older = format!(r#"{{"format":{format},"cursor":"12","spaces":[]}}"#);
            fs::write(&path, older).expect("written");
            let read = load(&path).expect("readable").expect("there");
            assert_eq!(read.cursor(), None);
        }
        fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn a_damaged_file_is_an_error_and_not_a_table() {
        let folder = folder("damaged");
        let path = folder.join("routes.json");
        for content in ["", "{", "{\"format\":4,\"cursor\":\"1\",\"spaces\":[]}"] {
            fs::write(&path, content).expect("written");
            assert!(load(&path).is_err(), "{content}");
        }
        fs::remove_dir_all(folder).expect("removed");
    }
}
