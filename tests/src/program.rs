//! The programs under test, as child processes that can be killed and started again.

use std::{
    fs::File,
    io,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, OnceLock, PoisonError, mpsc},
    time::{Duration, Instant},
};

/// How long a program may take to end after SIGTERM.
const END_TIMEOUT: Duration = Duration::from_secs(30);

/// A program with its environment and its log.
pub struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Program {
    /// A program of the build these tests belong to; it isn't started yet.
    pub fn new(name: &str, environment: Vec<(String, String)>, log: PathBuf) -> Self {
        Self {
            path: path_of(name),
            arguments: Vec::new(),
            environment,
            log,
            child: Mutex::default(),
        }
    }

    /// A program of the machine's.
    pub fn of_machine(
        name: &str,
        arguments: Vec<String>,
        environment: Vec<(String, String)>,
        log: PathBuf,
    ) -> Self {
        Self {
            path: name.into(),
            arguments,
            environment,
            log,
            child: Mutex::default(),
        }
    }

    /// Starts it, with nothing in its environment but `PATH` and what it was given.
    pub fn start(&self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .expect("a log file");
        // Should the tests be killed, it ends as well.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL"])
            .arg(&self.path)
            .args(&self.arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log);
        let child = spawn(command).expect("the program starts");
        let before = self.child().replace(child);
        assert!(before.is_none(), "it runs already");
    }

    /// Another one like it, with a log of its own beside this one's; it isn't started yet.
    #[must_use]
    pub fn another(&self, log: &str) -> Self {
        Self {
            path: self.path.clone(),
            arguments: self.arguments.clone(),
            environment: self.environment.clone(),
            log: self.log.with_file_name(log),
            child: Mutex::default(),
        }
    }

    /// How it ended, if it was started and has ended by itself.
    pub fn ended(&self) -> Option<ExitStatus> {
        let mut child = self.child();
        child.as_mut()?.try_wait().expect("a child of ours")
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child().as_ref().expect("it runs").id()
    }

    /// Whether it was started and has not ended.
    pub fn is_running(&self) -> bool {
        self.child()
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Ends it on the spot, as a crash would.
    pub fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends it a signal, named without `SIG`.
    pub fn signal(&self, name: &str) {
        let (signal, pid) = (format!("-{name}"), self.pid().to_string());
        let sent = Command::new("kill").args([&signal, &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
    }

    /// Asks it to end, and waits until it has.
    pub fn terminate(&self) -> ExitStatus {
        self.signal("TERM");
        let mut child = self.child().take().expect("it runs");
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("a child of ours") {
                return status;
            }
            if started.elapsed() > END_TIMEOUT {
                let _ = child.kill();
                let _ = child.wait();
                panic!("did not end in time after SIGTERM: {}", self.path.display());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Everything it wrote so far.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where cargo put a program of the workspace: beside the directory of this test binary.
pub fn path_of(name: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("the path of this test binary");
    let path = tests
        .ancestors()
        .nth(2)
        .expect("cargo's directory")
        .join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --workspace` first",
        path.display()
    );
    path
}

/// Where `dev/agent` put the agent that runs in any image: what cargo itself puts beside the other
/// programs runs on this machine alone.
pub fn agent_path() -> PathBuf {
    let tests = std::env::current_exe().expect("the path of this test binary");
    let target = tests.ancestors().nth(3).expect("cargo's directory");
    let path = target.join("agent").join("spaceport-agent");
    assert!(
        path.exists(),
        "{} is missing: run `dev/agent` first",
        path.display()
    );
    path
}

type Order = (Command, mpsc::Sender<io::Result<Child>>);

/// Spawns from a thread that never ends: the kernel sends the parent-death signal when the
/// *thread* that spawned ends, and each test has a thread of its own.
fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, received) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in received {
                let _ = answer.send(command.spawn());
            }
        });
        orders
    });
    let (answer, spawned) = mpsc::channel();
    spawner
        .send((command, answer))
        .map_err(|_| io::Error::other("the spawning thread is gone"))?;
    spawned.recv().map_err(io::Error::other)?
}
