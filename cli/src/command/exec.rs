//! `spaceport exec`.

mod conversation;
mod signals;

use std::{
    ffi::OsString,
    io::{self, IsTerminal, Read},
    os::unix::ffi::OsStrExt,
    thread,
    time::Duration,
};

use bytes::Bytes;
use clap::Args;
use futures_util::{SinkExt, StreamExt};
use http::header::COOKIE;
use spaceport_domain::agent::{Exec, Program, Pty, Reply, Size};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};

use self::{
    conversation::{Input, Notice, converse},
    signals::Signal,
};
use crate::{
    dial::{self, Speaks},
    edge::{Entered, Place},
    failure::{Failure, Kind},
    http as client,
    place::SpaceRef,
    session::Session,
    terminal::{self, Modes},
};

/// The app that runs programs.
const APP: &str = "term";
const PATH: &str = "/api/exec";
/// Read of standard input at a time; a frame's payload has at most 64 KiB.
const PIECE_BYTES: usize = 32 << 10;
/// Pieces of standard input that wait to be sent.
const PIECES_MAX: usize = 8;
/// Signals and sizes that wait to be looked at.
const NOTICES_MAX: usize = 8;
/// For the program to be started.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// The size of a window that doesn't say.
const USUAL_SIZE: Size = Size {
    columns: 80,
    rows: 24,
    width_px: 0,
    height_px: 0,
};
/// Runs a program in a space, with this one's standard input, output and error, and ends as it does.
#[derive(Debug, Args)]
pub struct ExecArguments {
    /// Give it a terminal.
    #[arg(long, short)]
    tty: bool,
    /// Where it starts; the home directory when nothing is said.
    #[arg(long, short, value_name = "DIRECTORY")]
    workdir: Option<OsString>,
    /// An environment variable; may be given several times.
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// The space.
    space: SpaceRef,
    /// The program and its arguments; a login shell when there are none.
    #[arg(last = true)]
    command: Vec<OsString>,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Does it.
pub async fn run(session: &Session, arguments: &ExecArguments) -> Result<(), Failure> {
    let place = Place::new(session, &arguments.space, APP);
    let socket = begin(&place, &exec_of(arguments)).await?;
    // From here on what is typed is the program's.
    let modes = if arguments.tty && io::stdin().is_terminal() {
        Some(Modes::raw().map_err(|error| Failure::io("the terminal", &error))?)
    } else {
        None
    };
    // What is typed ahead is no reason for a signal to wait.
    let (noticed, notices) = mpsc::channel(NOTICES_MAX);
    pass_signals(&noticed, arguments.tty)?;
    let (pieces, input) = mpsc::channel(PIECES_MAX);
    read_input(pieces);
    let ended = converse(socket, notices, input).await;
    drop(modes);
    match ended? {
        0 => Ok(()),
        status => Err(Failure::program(status)),
    }
}

fn exec_of(arguments: &ExecArguments) -> Exec {
    let bytes = |text: &OsString| text.as_bytes().into();
    let program = if arguments.command.is_empty() {
        Program::Shell
    } else {
        Program::Arguments(arguments.command.iter().map(bytes).collect())
    };
    let pty = arguments.tty.then(|| Pty {
        term: std::env::var("TERM").unwrap_or_else(|_| "xterm".to_owned()),
        size: terminal::size().unwrap_or(USUAL_SIZE),
        modes: Vec::new(),
    });
    let env = arguments.env.iter();
    Exec {
        program,
        env: env
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect(),
        working_dir: arguments.workdir.as_ref().map(bytes),
        pty,
    }
}

type Socket = WebSocketStream<dial::Stream>;

/// Starts the program.
async fn begin(place: &Place<'_>, exec: &Exec) -> Result<Socket, Failure> {
    let starting = async {
        let mut socket = match connect(place, &place.enter().await?).await {
            Err(failure) if failure.kind() == Kind::NotSignedIn => {
                connect(place, &place.enter_anew().await?).await?
            }
            connected => connected?,
        };
        let question = serde_json::to_string(exec)
            .map_err(|error| Failure::refused("INVALID_REQUEST", error.to_string()))?;
        let sent = socket.send(Message::text(question)).await;
        sent.map_err(|error| broken(&error))?;
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return started(&text).map(|()| socket);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => return Err(broken(&format!("an unexpected {other:?}"))),
                Some(Err(error)) => return Err(broken(&error)),
                None => return Err(broken(&"the edge closed it")),
            }
        }
    };
    match timeout(START_TIMEOUT, starting).await {
        Ok(started) => started,
        Err(_) => Err(broken(&"the program was not started in time")),
    }
}

fn started(text: &str) -> Result<(), Failure> {
    match serde_json::from_str::<Reply>(text) {
        Ok(Reply::Done(_)) => Ok(()),
        Ok(Reply::Refused(refusal)) => {
            let code = crate::api::operations::spelled(&refusal.code);
            let kind = match code.as_str() {
                "NOT_FOUND" => Kind::NotFound,
                _ => Kind::Refused,
            };
            Err(Failure::new(kind, &code, refusal.message))
        }
        Err(error) => Err(broken(&error)),
    }
}

async fn connect(place: &Place<'_>, entered: &Entered) -> Result<Socket, Failure> {
    let uri = client::https(&entered.authority, PATH)?;
    let (host, port) = client::host_and_port(&uri);
    let dialer = &place.session.api.http.dialer;
    let stream = dialer.dial(host, port, true, Speaks::Http1).await;
    let stream = stream.map_err(|error| dial::unreachable(host, port, &error))?;
    let url = format!("wss://{}{PATH}", entered.authority);
    let mut request = url.into_client_request().map_err(|error| broken(&error))?;
    let cookie = entered.cookie.parse();
    let cookie = cookie.map_err(|_| Failure::not_signed_in("the ticket can't be sent"))?;
    request.headers_mut().insert(COOKIE, cookie);
    let accept = http::HeaderValue::from_static("application/json");
    request.headers_mut().insert(http::header::ACCEPT, accept);
    match Box::pin(client_async(request, stream)).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(answer)) => {
            let (parts, body) = answer.into_parts();
            Err(place.told(parts.status, &parts.headers, &body.unwrap_or_default()))
        }
        Err(error) => Err(broken(&error)),
    }
}

fn broken(why: &impl std::fmt::Display) -> Failure {
    Failure::new(
        Kind::Unreachable,
        "BROKEN",
        format!("the connection to the program broke: {why}"),
    )
}

/// Sends standard input. A thread of its own reads it, which nothing waits for at the end: a read of
/// a terminal can't be taken back.
fn read_input(pieces: mpsc::Sender<Input>) {
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = match input.read(&mut piece) {
                Ok(0) => Input::End,
                Ok(read) => Input::Data(Bytes::copy_from_slice(&piece[..read])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Input::Broken(error),
            };
            let is_last = !matches!(read, Input::Data(_));
            if pieces.blocking_send(read).is_err() || is_last {
                return;
            }
        }
    });
}

/// Passes signals on to the program, and with a terminal the size of the window.
fn pass_signals(noticed: &mpsc::Sender<Notice>, has_terminal: bool) -> Result<(), Failure> {
    let io = |error: io::Error| Failure::io("signals", &error);
    for passed_on in Signal::PASSED_ON {
        let kind = SignalKind::from_raw(i32::from(passed_on.number));
        let mut arrivals = signal(kind).map_err(io)?;
        let noticed = noticed.clone();
        tokio::spawn(async move {
            while arrivals.recv().await.is_some() {
                if noticed.send(Notice::Signal(passed_on)).await.is_err() {
                    return;
                }
            }
        });
    }
    if has_terminal {
        let mut changes = signal(SignalKind::window_change()).map_err(io)?;
        let noticed = noticed.clone();
        tokio::spawn(async move {
            while changes.recv().await.is_some() {
                if let Some(size) = terminal::size()
                    && noticed.send(Notice::Size(size)).await.is_err()
                {
                    return;
                }
            }
        });
    }
    Ok(())
}
