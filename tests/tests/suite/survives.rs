//! Who works in a space doesn't notice that the control plane restarts or the edge is upgraded, and
//! is out at once when the right to be there ends.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use spaceport_tests::{
    Cli, Client, Database, Home, Installation, OpenSsh, cli::Running, docker::Docker, eventually,
    in_time, openssh::Session,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::never_blinks::upgrade;

const GIB: u64 = 1 << 30;
/// What a space has of a processor while a copy of so much is to be under way.
const COPYING_PERCENT: u32 = 5;
/// Echoes what it gets on a port, beside a large file.
const SERVES: &str = "truncate -s 1G /tmp/large; exec nc -ll -p 9000 -e cat";

/// Somebody in a space by every way there is.
struct Work {
    session: Session,
    program: Running,
    forward: Running,
    port: String,
    stream: TcpStream,
    copy: Copy,
}

/// A large file on its way out of the space.
struct Copy {
    command: Running,
    to: PathBuf,
    docker: Docker,
    space: String,
}

/// A running space of a new user, with their tools.
async fn developer(home: &Home, name: &str) -> (Client, Cli, OpenSsh, String) {
    let admin = home.admin().await;
    let blueprint = json!({
        "command": ["sh", "-c", SERVES], "memoryMib": 512,
        "features": ["TERMINAL", "SSH", "PORT_FORWARD", "FILES"],
    });
    let template = admin.create_template(name, blueprint).await;
    let user = admin.create_user(name, json!({})).await;
    let space = user.run_space(&template, "lab").await;
    let ssh = OpenSsh::at(home).await;
    ssh.key_of(&user).await;
    eventually("the key lets in", async || {
        ssh.ssh("lab", "test -s /tmp/large").await.status == Some(0)
    })
    .await;
    (user.clone(), Cli::of(home, &user), ssh, space)
}

impl Work {
    async fn begin(home: &Home, space: &str, cli: &Cli, ssh: &OpenSsh) -> Self {
        let mut forward = cli.start(&["forward", "lab", "0:9000", "--json"]);
        let line: Value = serde_json::from_str(&forward.line().await).expect("JSON");
        let port = line["address"].as_str().expect("an address").to_owned();
        let mut program = cli.command(&["exec", "lab", "--", "cat"]);
        program.stdin(std::process::Stdio::piped());
        let mut it = Self {
            session: ssh.begin("lab").await,
            program: Running::of(program),
            forward,
            stream: TcpStream::connect(&port).await.expect("connected"),
            port,
            copy: Copy::begin(home, space, cli, "out").await,
        };
        it.goes_on().await;
        it
    }

    /// Fails unless everything that is open still answers.
    async fn goes_on(&mut self) {
        self.session.goes_on().await;
        let stdin = self.program.child.stdin.as_mut().expect("its input");
        stdin.write_all(b"still here\n").await.expect("told");
        assert_eq!(self.program.line().await, "still here");
        echoed(&mut self.stream).await.expect("echoed");
    }

    /// Fails unless the edge has ended everything that was open.
    async fn ends(mut self) {
        self.session.is_ended().await;
        let program = in_time("a program's end", self.program.child.wait());
        assert!(!program.await.expect("an end").success());
        let read = in_time("a stream's end", self.stream.read(&mut [0])).await;
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
        let copy = in_time("a copy's end", self.copy.command.child.wait());
        assert!(!copy.await.expect("an end").success());
    }
}

impl Copy {
    /// Begins a copy and waits until a part of it is there. It takes its time until [`Self::end`].
    async fn begin(home: &Home, space: &str, cli: &Cli, name: &str) -> Self {
        home.docker.set_cpu_percent(space, Some(COPYING_PERCENT));
        let to = cli.home().join(name);
        let mut command = cli.start(&["cp", "lab:/tmp/large", name]);
        eventually("some of it has come", async || {
            let ended = command.child.try_wait().expect("a process");
            assert!(ended.is_none(), "it was caught on its way");
            let files = fs::read_dir(cli.home()).expect("a folder");
            let mut sizes = files.filter_map(|it| Some(it.ok()?.metadata().ok()?.len()));
            sizes.any(|size| size > 1 << 20 && size < GIB)
        })
        .await;
        Self {
            command,
            to,
            docker: home.docker.clone(),
            space: space.to_owned(),
        }
    }

    /// Waits for the whole file.
    async fn end(mut self) {
        self.docker.set_cpu_percent(&self.space, None);
        let ended = in_time("a copy's end", self.command.child.wait()).await;
        assert!(ended.expect("an end").success());
        assert_eq!(fs::metadata(&self.to).expect("a file").len(), GIB);
        fs::remove_file(&self.to).expect("removed");
    }
}

/// Sends something through a forwarded port and waits for it.
async fn echoed(stream: &mut TcpStream) -> std::io::Result<()> {
    let (sent, mut back) = (*b"there and back", [0; 14]);
    stream.write_all(&sent).await?;
    in_time("an echo", stream.read_exact(&mut back)).await?;
    assert_eq!(back, sent);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_goes_on_while_the_api_restarts_and_the_edge_is_upgraded() {
    let home = Installation::start(Database::Sqlite).await;
    let (user, cli, ssh, space) = developer(&home, "survivor").await;
    let mut work = Work::begin(&home, &space, &cli, &ssh).await;

    home.api.kill();
    work.goes_on().await;
    let mut another = TcpStream::connect(&work.port).await.expect("connected");
    echoed(&mut another).await.expect("echoed without the API");
    assert_eq!(ssh.ssh("lab", "echo in").await.stdout, "in\n");
    home.start_api().await;
    work.goes_on().await;
    work.copy.end().await;

    work.copy = Copy::begin(&home, &space, &cli, "during").await;
    let successor = upgrade(&home.edge, "upgraded").await;
    work.goes_on().await;
    // New ones are the successor's.
    assert_eq!(ssh.ssh("lab", "echo in").await.stdout, "in\n");
    assert!(successor.log().contains("ssh"), "{}", successor.log());
    assert!(home.edge.is_running(), "it waits for what is open");
    work.copy.end().await;
    drop(work.session);
    drop(work.program);
    drop((work.stream, another));
    drop(work.forward);
    eventually("nothing keeps the predecessor", async || {
        !home.edge.is_running()
    })
    .await;
    user.delete_space(&space).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_in_ends_with_the_right_to_it() {
    let home = Installation::shared(Database::Sqlite).await;
    let admin = home.admin().await;
    let (user, cli, ssh, space) = developer(&home, "outcast").await;
    let work = Work::begin(&home, &space, &cli, &ssh).await;
    let viewer = user.query("{ viewer { id } }", json!({})).await;
    let nothing = json!({ "userId": viewer["viewer"]["id"], "roleIds": [] });
    admin.mutate("updateUser", nothing).await.value("user");
    work.ends().await;
    assert_eq!(ssh.ssh("lab", "true").await.status, Some(255));
    admin.delete_space(&space).await;
}
