//! A Docker Engine of a test's own, which it may kill.

use std::{
    fs::File,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use bollard::{Docker, body_try_stream, query_parameters::ImportImageOptions};
use futures_util::TryStreamExt;
use uuid::Uuid;

use crate::{BUSYBOX, database::host_output, eventually};

/// One engine with a network and mounts of its own, so that it doesn't touch the machine's. It has
/// no packet rules of Spaceport's: those would be the machine's.
pub struct PrivateDocker {
    dir: PathBuf,
    daemon: Child,
}

impl PrivateDocker {
    /// An engine that answers and has the small image.
    pub async fn start() -> Self {
        let random = &Uuid::new_v4().simple().to_string()[..8];
        let name = format!("spaceport-test-{}-docker-{random}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).expect("a directory");
        let docker = Self {
            daemon: spawn(&dir),
            dir,
        };
        docker.answers().await;
        let machines = Docker::connect_with_unix_defaults().expect("the machine's Docker Engine");
        let machines = machines.negotiate_version().await.expect("it answers");
        let image = machines
            .export_image(BUSYBOX)
            .map_err(std::io::Error::other);
        let client = docker.client().await.expect("a client");
        client
            .import_image(
                ImportImageOptions::default(),
                body_try_stream(Box::pin(image)),
                None,
            )
            .try_collect::<Vec<_>>()
            .await
            .expect("the image is loaded");
        docker
    }

    /// Where it listens: `unix://…`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.dir.join("socket").display())
    }

    /// Asks it to end, which takes as long as its containers take.
    pub fn terminate(&self) {
        let pid = self.daemon.id().to_string();
        host_output("kill", &["-TERM", &pid]);
    }

    /// Ends it and leaves its containers running.
    pub fn kill(&mut self) {
        self.daemon.kill().expect("it can be killed");
        self.daemon.wait().expect("it ends");
    }

    /// Waits for its end, and starts it again on the same data.
    pub async fn start_again(&mut self) {
        eventually("the engine ends", async || {
            self.daemon.try_wait().expect("a child of ours").is_some()
        })
        .await;
        // Whoever was killed left these. The number may belong to a process that nobody reaped,
        // which the next engine would take for a living one.
        for stale in ["pid", "exec/containerd/containerd.pid"] {
            let _ = std::fs::remove_file(self.dir.join(stale));
        }
        self.daemon = spawn(&self.dir);
        self.answers().await;
    }

    async fn client(&self) -> Option<Docker> {
        let socket = self.host();
        let client = Docker::connect_with_unix(&socket, 60, bollard::API_DEFAULT_VERSION).ok()?;
        client.negotiate_version().await.ok()
    }

    async fn answers(&self) {
        eventually("the engine answers", async || self.client().await.is_some()).await;
    }
}

fn spawn(dir: &std::path::Path) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(dir.join("log"))
        .expect("a log file");
    let script = "ip link set lo up; exec dockerd --data-root $1/data --exec-root $1/exec \
                  --pidfile $1/pid -H unix://$1/socket";
    // Should the test be killed, the engine ends, too.
    Command::new("setpriv")
        .args(["--pdeathsig", "TERM"])
        .args(["unshare", "--net", "--mount", "sh", "-c", script, "sh"])
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle of the log"))
        .stderr(log)
        .process_group(0)
        .spawn()
        .expect("dockerd")
}

impl Drop for PrivateDocker {
    fn drop(&mut self) {
        self.terminate();
        let _ = self.daemon.wait();
        // Had it been killed and not come back, its containers would still run.
        let socket = self.dir.join("exec/containerd/containerd.sock");
        let shims = host_output("pgrep", &["-f", &format!("address {}", socket.display())]);
        for shim in shims.split_whitespace() {
            host_output("pkill", &["-KILL", "-P", shim]);
            host_output("kill", &["-KILL", shim]);
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
