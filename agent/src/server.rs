//! What the edge asks for: every connection is one thing. [`spaceport_domain::agent`] says how.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use rustix::net::sockopt;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use spaceport_domain::agent::{
    Answer, Config, Hello, PROTOCOL, Refusal, RefusalCode, Reply, Secret, Service, Status,
};
use subtle::ConstantTimeEq;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, Semaphore},
    time,
};

use crate::{
    account::Account,
    activity::{Activity, Counted},
    apps::Apps,
    children::Children,
    dial,
    environment::Environment,
    exec, listen,
    listen::AcceptedConnections,
    terminal,
    terminal::Terminals,
    user_service::{UserService, hand_over},
    wire::{finish, read_message, refusal, write_message},
};

/// How long a connection may take to say what it wants.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// As many may be about to say it; when there are more, who has been for longest makes room.
const HELLOS_MAX: usize = 64;
/// As many connections there may be.
const CONNECTIONS_MAX: usize = 1024;
/// How long an edge may be silent until it is asked whether it is there, and between questions.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// As many questions it may leave without an answer.
const KEEP_ALIVES_MAX: u32 = 3;
/// How long nothing is accepted after that has failed, as when there are no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the agent knows. Services are asked of it.
#[derive(Debug)]
pub struct Agent {
    /// What it was told when the space started.
    pub config: Config,
    /// What it started.
    pub children: Rc<Children>,
    /// What goes on.
    pub activity: Rc<Activity>,
    /// Its terminals.
    pub terminals: Rc<Terminals>,
    /// What runs beside the command.
    pub apps: Apps,
    /// Connections that wait to be fetched.
    pub accepted: AcceptedConnections,
    secret_sha256: [u8; 32],
    space_environment: Environment,
}

/// The part of a [`Hello`] that every version has.
#[derive(Deserialize)]
struct Opening {
    secret: Secret,
    service: String,
}

impl Agent {
    /// An agent as it is configured.
    pub fn new(config: Config, children: Rc<Children>) -> io::Result<Self> {
        // The hash is spelled like the secret.
        let secret_sha256 = config.secret_sha256.parse::<Secret>().map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("secretSha256 {error}"))
        })?;
        Ok(Self {
            config,
            children,
            activity: Activity::begin(),
            terminals: Rc::default(),
            apps: Apps::default(),
            accepted: AcceptedConnections::default(),
            secret_sha256: *secret_sha256.bytes(),
            space_environment: Environment::of_space(),
        })
    }

    /// The space's user, as the image's files have it now.
    pub fn account(&self) -> Result<Account, Refusal> {
        Account::find(&self.config.user)
            .map_err(|error| refusal(RefusalCode::Failed, error.to_string()))
    }

    /// The environment of everything that runs for a user.
    pub fn environment(&self, account: &Account) -> Environment {
        let root = Account::find("").map(|root| root.home).unwrap_or_default();
        self.space_environment.of_user(account, &root)
    }

    /// Whether whoever knows this is the edge.
    fn believes(&self, secret: &Secret) -> bool {
        let hash: [u8; 32] = Sha256::digest(secret.bytes()).into();
        hash.ct_eq(&self.secret_sha256).into()
    }

    fn status(&self) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: PROTOCOL,
            uptime_seconds: self.activity.uptime().as_secs(),
            terminals: count(self.terminals.count()),
            busy_terminals: count(self.terminals.count_busy()),
            executions: self.activity.counted(Counted::Execution),
            connections: self.activity.counted(Counted::Connection),
            idle_seconds: self.activity.idle().as_secs(),
            apps: self.apps.describe(),
        }
    }
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Those who haven't said yet what they want, by the order in which they came. Anybody in the space
/// may be among them, and must not keep the edge out by saying nothing.
#[derive(Debug, Default)]
struct Hellos {
    expected: RefCell<BTreeMap<u64, Rc<Notify>>>,
    last: Cell<u64>,
}

/// One of them, for as long as it is kept.
#[derive(Debug)]
struct Expected {
    hellos: Rc<Hellos>,
    number: u64,
    must_go: Rc<Notify>,
}

impl Hellos {
    /// Expects one more.
    fn expect(self: &Rc<Self>) -> Expected {
        let mut expected = self.expected.borrow_mut();
        if expected.len() >= HELLOS_MAX
            && let Some((_, oldest)) = expected.pop_first()
        {
            oldest.notify_one();
        }
        let number = self.last.get() + 1;
        self.last.set(number);
        let must_go = Rc::<Notify>::default();
        expected.insert(number, Rc::clone(&must_go));
        Expected {
            hellos: Rc::clone(self),
            number,
            must_go,
        }
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.hellos.expected.borrow_mut().remove(&self.number);
    }
}

/// Serves whoever connects.
pub async fn serve(listener: TcpListener, agent: Rc<Agent>) {
    let hellos = Rc::<Hellos>::default();
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Who is one too many is let go at once: nobody waits for who may never leave.
        if let Ok(connection) = Arc::clone(&connections).try_acquire_owned() {
            let agent = Rc::clone(&agent);
            let hello = hellos.expect();
            tokio::task::spawn_local(async move {
                // A connection that breaks concerns who it belonged to, and they know.
                let _ = converse(agent, stream, hello).await;
                drop(connection);
            });
        }
    }
}

async fn converse(agent: Rc<Agent>, mut stream: TcpStream, place: Expected) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // An edge that is gone without a word is noticed where nothing is sent to it, too.
    sockopt::set_tcp_keepidle(&stream, KEEP_ALIVE)?;
    sockopt::set_tcp_keepintvl(&stream, KEEP_ALIVE)?;
    sockopt::set_tcp_keepcnt(&stream, KEEP_ALIVES_MAX)?;
    sockopt::set_socket_keepalive(&stream, true)?;
    let hello = tokio::select! {
        hello = time::timeout(HELLO_TIMEOUT, read_message(&mut stream)) => hello??,
        () = place.must_go.notified() => return Ok(()),
    };
    drop(place);
    match understand(&agent, &hello) {
        Ok(service) => Box::pin(serve_one(&agent, stream, service)).await,
        Err(refusal) => reply(stream, Reply::Refused(refusal)).await,
    }
}

/// What is asked for, and whether by the edge.
fn understand(agent: &Agent, hello: &[u8]) -> Result<Service, Refusal> {
    let opening = serde_json::from_slice::<Opening>(hello);
    let opening = opening.map_err(|_| refusal(RefusalCode::Invalid, "this is no hello"))?;
    if !agent.believes(&opening.secret) {
        let reason = "this is not the space's secret";
        return Err(refusal(RefusalCode::Unauthenticated, reason));
    }
    serde_json::from_slice::<Hello>(hello)
        .map(|hello| hello.service)
        .map_err(|error| {
            if Service::is_known(&opening.service) {
                refusal(RefusalCode::Invalid, error.to_string())
            } else {
                unsupported(&opening.service)
            }
        })
}

async fn serve_one(agent: &Rc<Agent>, stream: TcpStream, service: Service) -> io::Result<()> {
    match service {
        Service::Status => reply(stream, Reply::Done(Answer::Status(agent.status()))).await,
        Service::Dial { host, port } => dial::serve(agent, stream, &host, port).await,
        Service::Terminal(attach) => terminal::serve(agent, stream, attach).await,
        Service::Terminals => {
            let terminals = agent.terminals.list();
            reply(stream, Reply::Done(Answer::Terminals { terminals })).await
        }
        Service::CloseTerminal { id } => reply(stream, agent.terminals.close(id)).await,
        Service::Exec(exec) => exec::serve(agent, stream, exec).await,
        Service::DialUnix { path } => {
            hand_over(agent, stream, |_| UserService::DialUnix { path }).await
        }
        Service::Files => hand_over(agent, stream, |home| UserService::Files { home }).await,
        Service::Sftp => hand_over(agent, stream, |_| UserService::Sftp).await,
        Service::Listen(listen) => listen::serve(agent, stream, listen).await,
        Service::Accept { connection } => listen::fetch(agent, stream, connection).await,
    }
}

/// Gives the reply that is all.
pub async fn reply(mut stream: TcpStream, reply: Reply) -> io::Result<()> {
    write_message(&mut stream, &reply).await?;
    let (mut reader, mut writer) = stream.split();
    finish(&mut reader, &mut writer).await;
    Ok(())
}

fn unsupported(service: &str) -> Refusal {
    let reason = format!("this agent doesn't know {service}: restart the space for a newer one");
    refusal(RefusalCode::Unsupported, reason)
}
