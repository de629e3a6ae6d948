//! The apps that run beside the command: Code Server and its kind.
//!
//! An app is a program of the image. It runs as the space's user, is started again when it has ended,
//! and what it says goes to the space's log behind its name.

mod listening;
mod log;
mod vscode;

use std::{cell::RefCell, collections::BTreeMap, fs::File, io, rc::Rc, time::Duration};

use rustix::{
    fs::{Access, access},
    pipe::{PipeFlags, pipe_with},
    process::WaitStatus,
};
use spaceport_domain::{
    agent::{App, AppState, Refusal, RefusalCode, VscodeTunnel},
    app::{CODE_PORT, VNC_PORT},
};
use tokio::time::{self, Instant};

use self::log::Log;
use crate::{
    children::Child,
    descriptor::Descriptor,
    launch::{Becomes, Descriptors, Directory, Launch},
    server::Agent,
    wire::refusal,
};

/// Where images have their programs.
const FOLDER: &str = "/usr/lib/spaceport/apps";
/// How long an app that has ended waits to be started again, the first time, and at most. Who has
/// run for longer than that begins anew.
const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_mins(1);

/// The apps by name.
#[derive(Debug, Default)]
pub struct Apps(RefCell<BTreeMap<String, App>>);

impl Apps {
    /// How they are. One that serves at a port runs once something listens there.
    pub fn describe(&self) -> BTreeMap<String, App> {
        let mut apps = self.0.borrow().clone();
        for (name, app) in &mut apps {
            let is_heard = || served_port(name).is_none_or(listening::listens);
            if app.state == AppState::Running && !is_heard() {
                app.state = AppState::Starting;
            }
        }
        apps
    }

    fn note(&self, name: &str, state: AppState, reason: Option<String>) {
        let mut apps = self.0.borrow_mut();
        let app = apps
            .entry(name.to_owned())
            .or_insert(App::new(AppState::Starting));
        if state == AppState::Running && app.state == AppState::Waiting {
            app.restarts = app.restarts.saturating_add(1);
        }
        if name == vscode::NAME {
            match state {
                AppState::Waiting => {
                    let reason = reason.clone().unwrap_or_default();
                    app.tunnel = Some(VscodeTunnel::Failed { reason });
                }
                AppState::Absent => app.tunnel = None,
                // Why it failed is told until it says something else.
                _ => drop(app.tunnel.get_or_insert_default()),
            }
        }
        app.state = state;
        app.reason = reason;
    }

    /// Takes notice of a line that an app says. Returns the line that is logged instead of it.
    fn hear(&self, name: &str, line: &str) -> Option<String> {
        if name != vscode::NAME {
            return None;
        }
        if let Some(app) = self.0.borrow_mut().get_mut(name)
            && let Some(told) = vscode::hear(app.tunnel.as_ref(), line)
        {
            app.tunnel = Some(told);
        }
        vscode::without_codes(line)
    }
}

/// Where an app serves, if at a port.
fn served_port(name: &str) -> Option<u16> {
    match name {
        "code" => Some(CODE_PORT),
        "vnc" => Some(VNC_PORT),
        _ => None,
    }
}

/// Starts all apps that the agent is told of.
pub fn start(agent: &Rc<Agent>) {
    for name in agent.config.apps.clone() {
        agent.apps.note(&name, AppState::Starting, None);
        let agent = Rc::clone(agent);
        tokio::task::spawn_local(async move { run(&agent, &name).await });
    }
}

/// Runs an app for as long as the space runs.
async fn run(agent: &Agent, name: &str) {
    let program = format!("{FOLDER}/{name}");
    if name.contains('/') || access(&program, Access::EXEC_OK).is_err() {
        let reason = format!("the image has no program {program}");
        agent.apps.note(name, AppState::Absent, Some(reason));
        return;
    }
    let mut wait = WAIT_MIN;
    loop {
        let began = Instant::now();
        let reason = run_once(agent, name, &program).await;
        if began.elapsed() >= WAIT_MAX {
            wait = WAIT_MIN;
        }
        agent.apps.note(name, AppState::Waiting, Some(reason));
        time::sleep(wait).await;
        wait = (wait * 2).min(WAIT_MAX);
    }
}

/// Runs an app until it has ended. Returns why it doesn't run any more.
async fn run_once(agent: &Agent, name: &str, program: &str) -> String {
    let (child, output) = match launch(agent, program).await {
        Ok(launched) => launched,
        Err(refusal) => return refusal.message,
    };
    agent.apps.note(name, AppState::Running, None);
    let hear = |line: &str| agent.apps.hear(name, line);
    let mut log = Log::open(name, &hear);
    let status = tokio::select! {
        // What it leaves behind isn't listened to any more.
        status = child.ended() => status,
        // It has closed its output and may run on.
        () = log.carry(&output) => child.ended().await,
    };
    log.carry_rest(&output).await;
    ending(status, log.last_words())
}

async fn launch(agent: &Agent, program: &str) -> Result<(Child, Descriptor), Refusal> {
    let account = agent.account()?;
    let environment = agent.environment(&account);
    let becomes = Becomes::Program {
        arguments: vec![program.into()],
        called: None,
    };
    let directory = Directory::Rather(environment.home().into());
    let mut launch = Launch::new(&account, becomes, directory);
    launch.environment = environment.into_variables();
    let (descriptors, output) =
        pipes().map_err(|error| refusal(RefusalCode::Failed, format!("no pipe: {error}")))?;
    let child = launch.start(&agent.children, descriptors).await?;
    Ok((child, output))
}

/// No input, and one pipe for all that is said.
fn pipes() -> io::Result<(Descriptors, Descriptor)> {
    let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
    let descriptors = Descriptors {
        input: File::open("/dev/null")?.into(),
        output: theirs.try_clone()?,
        error: theirs,
    };
    Ok((descriptors, Descriptor::reader(ours)?))
}

fn ending(status: WaitStatus, last_words: &str) -> String {
    let how = match (status.exit_status(), status.terminating_signal()) {
        (Some(status), _) => format!("it ended with status {status}"),
        (None, Some(signal)) => format!("signal {signal} ended it"),
        (None, None) => "it ended".to_owned(),
    };
    if last_words.is_empty() {
        how
    } else {
        format!("{how}: {last_words}")
    }
}
