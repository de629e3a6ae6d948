//! `make run`, which is all that somebody who begins needs to know.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde_json::json;
use spaceport_tests::{
    Client, PATIENCE, docker::Docker, eventually, eventually_within, installation::free_address,
    program, program::Program, root, traces::Traces,
};

/// How long cargo may take if something has changed since these tests were built.
const BUILD_PATIENCE: Duration = Duration::from_mins(20);

/// An installation as the command makes it.
struct FirstRun {
    make: Program,
    api: SocketAddr,
    docker: Docker,
    _traces: Traces,
}

impl FirstRun {
    fn plan() -> Self {
        let installation = format!("test-{}-run", std::process::id());
        let directory = std::env::temp_dir().join(format!("spaceport-{installation}"));
        let data = directory.join("data");
        std::fs::create_dir_all(&directory).unwrap();
        let [api, edge, ssh, metrics] = [(); 4].map(|()| free_address());
        let said = [
            ("SPACEPORT_INSTALLATION", installation.clone()),
            ("SPACEPORT_DATA_DIR", data.display().to_string()),
            ("SPACEPORT_API_LISTEN", api.to_string()),
            ("SPACEPORT_EDGE_LISTEN", edge.to_string()),
            ("SPACEPORT_SSH_LISTEN", ssh.to_string()),
            ("SPACEPORT_EDGE_METRICS_LISTEN", metrics.to_string()),
            ("CARGO_TARGET_DIR", target().display().to_string()),
        ];
        // Told otherwise than for these tests, cargo would build all anew.
        let kept = [
            "HOME",
            "CARGO_HOME",
            "CARGO_INCREMENTAL",
            "RUSTFLAGS",
            "RUSTUP_HOME",
            "DOCKER_HOST",
        ];
        let kept = kept
            .into_iter()
            .filter_map(|name| Some((name, std::env::var(name).ok()?)));
        let environment = said.into_iter().chain(kept);
        let environment = environment.map(|(name, value)| (name.to_owned(), value));
        let arguments = ["-C", &root().display().to_string(), "run"].map(str::to_owned);
        let log = directory.join("make.log");
        Self {
            make: Program::of_machine("make", arguments.to_vec(), environment.collect(), log),
            api,
            docker: Docker {
                host: None,
                installation: installation.clone(),
            },
            _traces: Traces {
                docker_host: None,
                installation,
                volumes_dir: data.join("volumes"),
                directory,
            },
        }
    }

    /// Runs it, and waits for what it says then; the password that it says.
    async fn run(&self) -> String {
        let before = self.make.log().len();
        self.make.start();
        let said = || self.make.log()[before..].to_owned();
        for (step, patience) in [
            ("Building Spaceport", PATIENCE),
            ("Starting the API", BUILD_PATIENCE),
            ("Ctrl-C stops Spaceport", PATIENCE),
        ] {
            eventually_within(patience, step, async || {
                assert!(self.make.is_running(), "{}", said());
                said().contains(step)
            })
            .await;
        }
        let said = said();
        let password = said
            .lines()
            .find_map(|line| line.trim().strip_prefix("Password "));
        password.expect("a password").trim().to_owned()
    }

    async fn answers(&self) -> bool {
        tokio::net::TcpStream::connect(self.api).await.is_ok()
    }

    /// Ends it as a service manager would.
    async fn end(&self) {
        self.make.terminate();
        eventually("nothing of it listens", async || !self.answers().await).await;
    }
}

/// Where cargo put this build.
fn target() -> PathBuf {
    let programs = program::path_of("spaceport-api");
    programs.ancestors().nth(2).unwrap().to_owned()
}

#[tokio::test]
async fn the_command_makes_everything_that_is_needed_and_leaves_spaces_running() {
    let first = FirstRun::plan();
    let password = first.run().await;
    let admin = Client::new(first.api).sign_in("admin", &password).await;
    let templates = "{ templates { nodes { id name version { image } } } }";
    let made = admin.query(templates, json!({})).await["templates"]["nodes"].take();
    let made = made.as_array().unwrap();
    let of_image = |image: &str| {
        let is_so = |it: &&serde_json::Value| it["version"]["image"] == image;
        made.iter().find(is_so).expect("a template for each image")["id"]
            .as_str()
            .unwrap()
    };
    assert_eq!(made.len(), 3);
    for image in ["spaceport/code", "spaceport/desktop"] {
        of_image(image);
    }
    let lab = admin.run_space(of_image("spaceport/base"), "lab").await;
    first.docker.read_inside(&lab, "echo kept > /home/dev/file");
    first.end().await;
    assert_eq!(first.docker.read_inside(&lab, "cat /home/dev/file"), "kept");
    // Again, it is the same one.
    assert_eq!(first.run().await, password);
    admin.space_is(&lab, "RUNNING").await;
    assert_eq!(first.docker.read_inside(&lab, "cat /home/dev/file"), "kept");
    admin.delete_space(&lab).await;
    first.end().await;
}
