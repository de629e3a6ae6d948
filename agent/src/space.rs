//! The life of a space, from process 1's point of view.
//!
//! ```text
//! listen ─▶ start the command ─▶ it runs; the edge is served ─▶ it has ended ─▶ end all others ─▶ exit
//! ```

use std::{
    env, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    rc::Rc,
    time::Duration,
};

use rustix::process::{Pid, Signal, getpid, kill_process_group};
use spaceport_domain::agent::{CONFIG_VARIABLE, Config, PORT};
use tokio::{
    net::{TcpListener, TcpSocket},
    runtime,
    task::LocalSet,
    time,
};

use crate::{apps, children::Children, command, server, server::Agent, signal::arrival::Signals};

/// How long what is left of a space may take to end by itself, after its command has ended.
const ENDING: Duration = Duration::from_secs(2);
/// As many connections wait to be taken.
const BACKLOG: u32 = 256;

/// Runs the agent. The command's exit status is its own.
pub fn run() -> ExitCode {
    let ran = configuration().and_then(|config| {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(LocalSet::new().run_until(live(config)))
    });
    ran.unwrap_or_else(|error| {
        eprintln!("spaceport: the agent can't run: {error}");
        ExitCode::FAILURE
    })
}

fn configuration() -> io::Result<Config> {
    let config = env::var(CONFIG_VARIABLE)
        .map_err(|error| io::Error::other(format!("{CONFIG_VARIABLE}: {error}")))?;
    serde_json::from_str(&config)
        .map_err(|error| io::Error::other(format!("{CONFIG_VARIABLE}: {error}")))
}

async fn live(config: Config) -> io::Result<ExitCode> {
    let signals = Signals::take(&command::PASSED_ON)?;
    let children = Children::watch()?;
    let listener = listen(if config.port == 0 { PORT } else { config.port })?;
    let agent = Rc::new(Agent::new(config, Rc::clone(&children))?);
    let command = match command::start(&agent).await {
        Ok(command) => command,
        Err(refusal) => return Ok(command::failed(&refusal)),
    };
    apps::start(&agent);
    tokio::task::spawn_local(server::serve(listener, agent));
    let code = command::run(command, signals).await;
    end_all_others(&children).await;
    Ok(code)
}

/// Listens at all addresses of the space.
fn listen(port: u16) -> io::Result<TcpListener> {
    let at = |socket: io::Result<TcpSocket>, address: SocketAddr| {
        let socket = socket?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    // A kernel without IPv6 has the older addresses alone.
    at(TcpSocket::new_v6(), (Ipv6Addr::UNSPECIFIED, port).into())
        .or_else(|_| at(TcpSocket::new_v4(), (Ipv4Addr::UNSPECIFIED, port).into()))
}

/// Asks whatever else runs in the space to end. When process 1 ends, the kernel ends the rest.
async fn end_all_others(children: &Children) {
    if getpid() != Pid::INIT {
        return;
    }
    // What is stopped can't end, and shells with a terminal heed the one signal but not the other.
    for signal in [Signal::HUP, Signal::TERM, Signal::CONT] {
        // From process 1, this group is everybody else. Where there is nobody, nobody must end.
        let _ = kill_process_group(Pid::INIT, signal);
    }
    let _ = time::timeout(ENDING, children.all_ended()).await;
}
