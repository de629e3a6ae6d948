//! Runs programs for the edge, for as long as its connection lasts.

mod input;
mod output;

use std::{io, os::fd::OwnedFd, rc::Rc};

use futures_util::future::try_join_all;
use rustix::{
    pipe::{PipeFlags, fcntl_setpipe_size, pipe_with},
    process::Signal,
};
use spaceport_domain::agent::{
    Answer, Exec, Exit, Program, Pty as PtyWish, Refusal, RefusalCode, Reply, frame::Kind,
};
use tokio::{
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Mutex,
};

use crate::{
    account::Account,
    activity::Counted,
    children::Child,
    descriptor::Descriptor,
    launch::{Becomes, Descriptors, Directory, Launch},
    pty::Pty,
    server::{Agent, reply},
    signal,
    wire::{Frames, finish, refusal, write_frame, write_message},
};

/// How much a pipe holds, where the kernel allows it. More of it means fewer turns for as many
/// bytes.
const PIPE_BYTES: usize = 256 << 10;

/// The agent's ends of what a program reads and writes.
#[derive(Debug)]
struct Ends {
    input: End,
    outputs: Vec<(Kind, End)>,
    pty: Option<Rc<Pty>>,
}

/// The agent's end of something.
#[derive(Debug)]
enum End {
    Pipe(Descriptor),
    Pty(Rc<Pty>),
}

impl End {
    fn descriptor(&self) -> &Descriptor {
        match self {
            Self::Pipe(descriptor) => descriptor,
            Self::Pty(pty) => pty.descriptor(),
        }
    }
}

/// Runs a program and carries what it reads and writes.
pub async fn serve(agent: &Rc<Agent>, mut edge: TcpStream, exec: Exec) -> io::Result<()> {
    let (child, ends) = match start(agent, &exec).await {
        Ok(started) => started,
        Err(refusal) => return reply(edge, Reply::Refused(refusal)).await,
    };
    let Ends {
        input,
        outputs,
        pty,
    } = ends;
    let _count = agent.activity.count(Counted::Execution);
    let began = write_message(&mut edge, &Reply::Done(Answer::Begun)).await;
    let (reader, writer) = edge.into_split();
    let mut frames = Frames::new(reader);
    let writer = Mutex::new(writer);
    let finished = tokio::select! {
        finished = carry_outputs(&child, outputs, &writer), if began.is_ok() => finished,
        // It never ends by itself: the edge has gone.
        gone = input::carry(agent, &mut frames, input, &child, pty.as_deref()) => gone,
    };
    match pty {
        // The kernel hangs up when nobody has the terminal any more.
        Some(pty) => drop(pty),
        // Who has ended isn't told.
        None => child.signal(Signal::HUP),
    }
    finished?;
    end(&child, frames, writer.into_inner()).await
}

/// Carries all that the program writes. Returns when it has ended and has said everything.
async fn carry_outputs(
    child: &Child,
    outputs: Vec<(Kind, End)>,
    edge: &Mutex<OwnedWriteHalf>,
) -> io::Result<()> {
    let carried = outputs.iter();
    let carried = carried.map(|(kind, end)| output::carry(child, end.descriptor(), *kind, edge));
    try_join_all(carried).await?;
    child.ended().await;
    Ok(())
}

/// Says how the program ended.
async fn end(
    child: &Child,
    frames: Frames<OwnedReadHalf>,
    mut edge: OwnedWriteHalf,
) -> io::Result<()> {
    let exit: Exit = signal::exit(child.ended().await);
    write_frame(&mut edge, Kind::Exit, &serde_json::to_vec(&exit)?).await?;
    finish(&mut frames.into_reader(), &mut edge).await;
    Ok(())
}

/// Starts a program in a terminal.
pub async fn start_in_terminal(agent: &Agent, exec: &Exec) -> Result<(Child, Rc<Pty>), Refusal> {
    let (child, ends) = start(agent, exec).await?;
    let no_terminal = || refusal(RefusalCode::Failed, "the program has no terminal");
    Ok((child, ends.pty.ok_or_else(no_terminal)?))
}

async fn start(agent: &Agent, exec: &Exec) -> Result<(Child, Ends), Refusal> {
    let account = agent.account()?;
    let launch = launch(agent, &account, exec)?;
    let ends = match &exec.pty {
        Some(pty) => terminal(&account, pty),
        None => pipes(),
    };
    let (ends, theirs) = ends
        .map_err(|error| refusal(RefusalCode::Failed, format!("no pipe or terminal: {error}")))?;
    let child = launch.start(&agent.children, theirs).await?;
    Ok((child, ends))
}

/// What is started for a wish.
fn launch(agent: &Agent, account: &Account, exec: &Exec) -> Result<Launch, Refusal> {
    let mut environment = agent.environment(account);
    let home = environment.home();
    if let Some(pty) = &exec.pty {
        environment.set("TERM", pty.term.as_str());
    }
    for (name, value) in &exec.env {
        environment.set(name, value.as_bytes());
    }
    let directory = match &exec.working_dir {
        Some(directory) => Directory::Must(directory.clone()),
        None => Directory::Rather(home.into()),
    };
    let shell = || {
        account
            .shell()
            .ok_or_else(|| refusal(RefusalCode::NotFound, "the space's image has no shell"))
    };
    let mut called = None;
    let arguments = match &exec.program {
        Program::Shell => {
            let shell = shell()?;
            called = Some(login_name(&shell).into());
            vec![shell.into()]
        }
        Program::Line(line) => vec![shell()?.into(), "-c".into(), line.clone()],
        Program::Arguments(arguments) => arguments.clone(),
    };
    let becomes = Becomes::Program { arguments, called };
    let mut launch = Launch::new(account, becomes, directory);
    launch.terminal = exec.pty.is_some();
    launch.environment = environment.into_variables();
    Ok(launch)
}

/// What a shell is called to make it a login shell.
pub fn login_name(shell: &[u8]) -> Vec<u8> {
    let name = shell.rsplit(|byte| *byte == b'/').next().unwrap_or(shell);
    [b"-", name].concat()
}

fn terminal(account: &Account, pty: &PtyWish) -> io::Result<(Ends, Descriptors)> {
    let (pty, theirs) = Pty::open(account, pty.size, &pty.modes)?;
    let pty = Rc::new(pty);
    let ends = Ends {
        input: End::Pty(Rc::clone(&pty)),
        outputs: vec![(Kind::Data, End::Pty(Rc::clone(&pty)))],
        pty: Some(pty),
    };
    Ok((ends, Descriptors::one(theirs)?))
}

fn pipes() -> io::Result<(Ends, Descriptors)> {
    let (input, our_input) = pipe()?;
    let (our_output, output) = pipe()?;
    let (our_error, error) = pipe()?;
    let theirs = Descriptors {
        input,
        output,
        error,
    };
    let ends = Ends {
        input: End::Pipe(Descriptor::writer(our_input)?),
        outputs: vec![
            (Kind::Data, End::Pipe(Descriptor::reader(our_output)?)),
            (Kind::Stderr, End::Pipe(Descriptor::reader(our_error)?)),
        ],
        pty: None,
    };
    Ok((ends, theirs))
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    // A smaller one does as well.
    let _ = fcntl_setpipe_size(&writer, PIPE_BYTES);
    Ok((reader, writer))
}
