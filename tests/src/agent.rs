//! A container whose first process is the agent, asked as the edge asks it.

use std::{
    io::{Read, Write},
    net::{IpAddr, TcpStream},
    sync::atomic::{AtomicU16, Ordering},
    time::Instant,
};

use bytes::BytesMut;
use spaceport_domain::agent::{
    Answer, CONFIG_VARIABLE, Config, Exec, Exit, Hello, PORT, PROGRAM_PATH, PROTOCOL, Program,
    Refusal, Reply, Secret, Service,
    frame::{self, Kind},
};

use crate::{PATIENCE, docker::Docker, program::agent_path};

const SECRET: Secret = Secret::new([7; 32]);
/// The SHA-256 of that.
const SECRET_SHA256: &str = "4bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e0";

/// A container with the agent. It goes when it is dropped.
pub struct AgentContainer {
    docker: Docker,
    id: String,
}

/// What a program did.
#[derive(Debug)]
pub struct Ran {
    /// All that it wrote.
    pub output: String,
    /// How it ended.
    pub exit: Exit,
}

impl AgentContainer {
    /// Makes a container; `args` are more of Docker's own.
    pub fn make(image: &str, config: &Config, args: &[&str]) -> Self {
        static COUNT: AtomicU16 = AtomicU16::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let docker = Docker {
            host: None,
            installation: format!("test-{}-agent-{count}", std::process::id()),
        };
        let config = Config {
            secret_sha256: SECRET_SHA256.to_owned(),
            ..config.clone()
        };
        let config = serde_json::to_string(&config).expect("JSON");
        let label = format!("spaceport.installation={}", docker.installation);
        let mount = format!("{}:{PROGRAM_PATH}:ro", agent_path().display());
        let variable = format!("{CONFIG_VARIABLE}={config}");
        let mut command = vec!["create", "--label", &label, "--user", "0"];
        command.extend(["--volume", &mount, "--env", &variable]);
        command.extend(["--entrypoint", PROGRAM_PATH]);
        command.extend(args);
        command.push(image);
        let id = docker.output(&command);
        Self { docker, id }
    }

    /// Makes a container and starts it.
    pub fn start(image: &str, config: &Config) -> Self {
        let container = Self::make(image, config, &[]);
        container.begin();
        container
    }

    /// Starts it.
    pub fn begin(&self) {
        self.docker.output(&["start", &self.id]);
    }

    /// Puts a program into it.
    pub fn put(&self, path: &str, script: &str) {
        let folder = std::env::temp_dir().join(format!("spaceport-{}", self.docker.installation));
        let file = folder.join(path.trim_start_matches('/'));
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        std::fs::write(&file, script).expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&file, mode).expect("set");
        let (all, root) = (format!("{}/.", folder.display()), format!("{}:/", self.id));
        self.docker.output(&["cp", &all, &root]);
        std::fs::remove_dir_all(folder).expect("removed");
    }

    /// Stops it; its command has a minute to end by itself.
    pub fn stop(&self) {
        self.docker.output(&["stop", "--time", "60", &self.id]);
    }

    /// Waits until it has ended. Returns its exit status.
    pub fn wait(&self) -> String {
        self.docker.output(&["wait", &self.id])
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        let logs = self.docker.run(&["logs", &self.id]);
        String::from_utf8_lossy(&[logs.stdout, logs.stderr].concat()).into_owned()
    }

    fn connect(&self) -> TcpStream {
        let began = Instant::now();
        let address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        loop {
            let address = self
                .docker
                .output(&["inspect", "--format", address, &self.id]);
            let address: IpAddr = address.parse().expect("it runs");
            if let Ok(stream) = TcpStream::connect((address, PORT)) {
                stream.set_read_timeout(Some(PATIENCE)).expect("set");
                return stream;
            }
            assert!(began.elapsed() < PATIENCE, "the agent doesn't listen");
        }
    }

    /// Asks for a service.
    pub fn ask(&self, service: Service) -> Result<(TcpStream, Answer), Refusal> {
        let mut stream = self.connect();
        let hello = Hello {
            protocol: PROTOCOL,
            secret: SECRET,
            service,
        };
        let hello = serde_json::to_vec(&hello).expect("JSON");
        let length = u32::try_from(hello.len()).expect("a length");
        let message = [length.to_be_bytes().as_slice(), &hello].concat();
        stream.write_all(&message).expect("sent");
        let mut length = [0; 4];
        stream.read_exact(&mut length).expect("a length");
        let length = usize::try_from(u32::from_be_bytes(length)).expect("a length");
        let mut reply = vec![0; length];
        stream.read_exact(&mut reply).expect("a reply");
        match serde_json::from_slice(&reply).expect("a reply") {
            Reply::Done(answer) => Ok((stream, answer)),
            Reply::Refused(refusal) => Err(refusal),
        }
    }

    /// Runs a program to its end.
    pub fn run(&self, program: Program) -> Result<Ran, Refusal> {
        let exec = Exec {
            program,
            ..Exec::default()
        };
        let (mut stream, _) = self.ask(Service::Exec(exec))?;
        let (mut received, mut output) = (BytesMut::new(), Vec::new());
        loop {
            while let Some((kind, payload)) = frame::take(&mut received).expect("a frame") {
                match kind {
                    Kind::Data | Kind::Stderr => output.extend_from_slice(&payload),
                    Kind::Exit => {
                        return Ok(Ran {
                            output: String::from_utf8_lossy(&output).into_owned(),
                            exit: serde_json::from_slice(&payload).expect("an end"),
                        });
                    }
                    _ => {}
                }
            }
            let mut buffer = [0; 16 << 10];
            let read = stream.read(&mut buffer).expect("in time");
            assert!(read > 0, "it ends without its end");
            received.extend_from_slice(&buffer[..read]);
        }
    }

    /// What a line of the shell writes.
    pub fn line(&self, line: &str) -> String {
        self.run(Program::Line(line.into()))
            .expect("it runs")
            .output
    }
}

impl Drop for AgentContainer {
    fn drop(&mut self) {
        self.docker.run(&["rm", "--force", "--volumes", &self.id]);
    }
}
