//! A real browser, in a network of its own.
//!
//! Chromium gives up whatever it is loading when the host's network interfaces change, and they do
//! with every space that starts or stops. So it runs in a network namespace that has loopback
//! alone, and what listens on the host's loopback is carried into it through sockets in a folder.

use std::{net::SocketAddr, path::PathBuf};

use serde_json::Value;
use tokio::{
    io::copy_bidirectional,
    net::{TcpStream, UnixListener},
    task::JoinSet,
};

use crate::{node, root};

/// Where screenshots of the last run are kept, to be looked at: the folder of one test, without those
/// of the run before.
#[must_use]
pub fn pictures(test: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| root().join("target"), PathBuf::from);
    let folder = target.join("screenshots").join(test);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("a folder of pictures");
    }
    folder
}

/// Runs a script of `tests/js`, with `setting` as its argument, where it reaches `servers` as if it
/// ran beside them.
pub async fn run(script: &str, setting: Value, servers: &[SocketAddr]) {
    let nothing = async |request: &str| panic!("{script} asks for what isn't offered: {request}");
    converse(script, setting, servers, nothing).await;
}

/// The same, of a script that asks `act` for what it can't do itself.
pub async fn converse(
    script: &str,
    mut setting: Value,
    servers: &[SocketAddr],
    act: impl AsyncFnMut(&str),
) {
    let folder = Folder::new();
    let mut relays = JoinSet::new();
    for server in servers {
        let socket = folder.0.join(server.port().to_string());
        let listener = UnixListener::bind(socket).expect("a socket");
        relays.spawn(relay(listener, *server));
    }
    setting["sockets"] = folder.0.display().to_string().into();
    node::converse_in_own_network(script, &[&setting.to_string()], act).await;
}

async fn relay(listener: UnixListener, server: SocketAddr) {
    let mut connections = JoinSet::new();
    while let Ok((mut browser, _)) = listener.accept().await {
        connections.spawn(async move {
            if let Ok(mut server) = TcpStream::connect(server).await {
                // However it ends, both ends see it.
                let _ = copy_bidirectional(&mut browser, &mut server).await;
            }
        });
    }
}

/// Goes with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!(
            "spaceport-test-{}-browser-{}",
            std::process::id(),
            uuid::Uuid::now_v7()
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
