//! The engine behind an installation, seen from beside it.

use std::process::{Command, Output, Stdio};

use spaceport_domain::id::SpaceId;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};

use crate::in_time;

/// The engine of one installation.
#[derive(Clone, Debug)]
pub struct Docker {
    /// The engine, when it isn't the machine's: `unix://…`.
    pub host: Option<String>,
    /// The label of what belongs to the installation.
    pub installation: String,
}

impl Docker {
    fn environment(&self) -> Option<(&'static str, &str)> {
        self.host.as_deref().map(|host| ("DOCKER_HOST", host))
    }

    /// Runs Docker's client.
    pub fn run(&self, args: &[&str]) -> Output {
        Command::new("docker")
            .args(args)
            .envs(self.environment())
            .output()
            .expect("Docker's client")
    }

    /// What Docker's client writes; it must succeed.
    pub fn output(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker {args:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The names of a space's containers.
    pub fn containers(&self, space: &str) -> Vec<String> {
        let filter = format!("label=spaceport.space={}", label(space));
        words(&self.output(&["ps", "-a", "--filter", &filter, "--format", "{{.Names}}"]))
    }

    /// The only container of a space.
    pub fn container(&self, space: &str) -> String {
        let mut containers = self.containers(space);
        assert_eq!(containers.len(), 1, "{containers:?}");
        containers.remove(0)
    }

    /// The names of a space's volumes.
    pub fn volumes(&self, space: &str) -> Vec<String> {
        let filter = format!("label=spaceport.space={}", label(space));
        words(&self.output(&["volume", "ls", "-q", "--filter", &filter]))
    }

    /// The names of every container of the installation.
    pub fn all_containers(&self) -> Vec<String> {
        let filter = format!("label=spaceport.installation={}", self.installation);
        words(&self.output(&["ps", "-a", "--filter", &filter, "--format", "{{.Names}}"]))
    }

    /// Runs a script in the shell of a space's only container: whether it succeeded, and what it
    /// wrote.
    pub fn inside(&self, space: &str, script: &str) -> (bool, String) {
        let output = self.run(&["exec", &self.container(space), "sh", "-c", script]);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        (output.status.success(), text)
    }

    /// What a script writes in the shell of a space's only container; it must succeed.
    pub fn read_inside(&self, space: &str, script: &str) -> String {
        let (succeeded, text) = self.inside(space, script);
        assert!(succeeded, "{script}: {text}");
        text
    }

    /// Gives a running space so much of a processor from now on, or all it can get.
    pub fn set_cpu_percent(&self, space: &str, percent: Option<u32>) {
        let microseconds = percent.map_or("-1".to_owned(), |it| (it * 1000).to_string());
        let period = "--cpu-period=100000";
        let quota = format!("--cpu-quota={microseconds}");
        self.output(&["update", period, &quota, &self.container(space)]);
    }

    /// What happens to the installation's containers from now on.
    pub async fn events(&self) -> Events {
        let filter = format!("label=spaceport.installation={}", self.installation);
        // "Since now" is said by the client, so that nothing is missed while it connects.
        let mut child = tokio::process::Command::new("docker")
            .args(["events", "--since", "0s", "--format", "{{.Action}}"])
            .args(["--filter", &filter, "--filter", "type=container"])
            .envs(self.environment())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Docker's client");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Events {
            lines,
            _child: child,
        }
    }
}

/// A stream of what happens in the engine.
pub struct Events {
    lines: Lines<BufReader<tokio::process::ChildStdout>>,
    _child: tokio::process::Child,
}

impl Events {
    /// Waits until `action` happened to a container.
    pub async fn until(&mut self, action: &str) {
        in_time(action, async {
            loop {
                let line = self.lines.next_line().await.expect("events");
                if line.expect("the stream goes on") == action {
                    return;
                }
            }
        })
        .await;
    }
}

/// How the engine's labels spell the identifier of a space.
pub fn label(space: &str) -> String {
    let id: SpaceId = space.parse().expect("the identifier of a space");
    id.uuid().simple().to_string()
}

/// The name that the container of a space's `instance`-th start has.
pub fn container_name(space: &str, instance: u32) -> String {
    let id: SpaceId = space.parse().expect("the identifier of a space");
    format!("spaceport-{}-{instance}", id.uuid().simple())
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
