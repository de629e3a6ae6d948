//! `spaceport exec`.

use std::{
    ffi::OsString,
    io::{self, IsTerminal, Read, Write},
    os::unix::ffi::OsStrExt,
    thread,
    time::Duration,
};

use bytes::{BufMut, Bytes, BytesMut};
use clap::Args;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use http::header::COOKIE;
use spaceport_domain::agent::{
    Exec, Exit, Program, Pty, Reply, Size,
    frame::{Kind as Frame, encode_size},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest},
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
/// For the program to be started.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// The size of a window that doesn't say.
const USUAL_SIZE: Size = Size {
    columns: 80,
    rows: 24,
    width_px: 0,
    height_px: 0,
};
/// What a program that was ended by a signal ends with, as shells have it, beside the signal's number.
const SIGNAL_STATUS: u8 = 128;
/// Signals by name and number (POSIX, `kill`): those that are passed on first.
const SIGNALS: [(&str, u8); 13] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("TERM", 15),
    ("USR1", 10),
    ("USR2", 12),
    ("ILL", 4),
    ("ABRT", 6),
    ("FPE", 8),
    ("KILL", 9),
    ("SEGV", 11),
    ("PIPE", 13),
    ("ALRM", 14),
];
/// How many of them are passed on.
const PASSED_ON: usize = 6;

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

/// What is sent to the program.
enum Sent {
    Frame(Frame, Bytes),
    /// Standard input can't be read.
    Broken(io::Error),
}

/// Does it.
pub async fn run(session: &Session, arguments: &ExecArguments) -> Result<(), Failure> {
    let place = Place::new(session, &arguments.space, APP);
    let mut socket = begin(&place, &exec_of(arguments)).await?;
    // From here on what is typed is the program's.
    let modes = if arguments.tty && io::stdin().is_terminal() {
        Some(Modes::raw().map_err(|error| Failure::io("the terminal", &error))?)
    } else {
        None
    };
    let (frames, waiting) = mpsc::channel(PIECES_MAX);
    pass_signals(&frames, arguments.tty)?;
    // Signals are passed on also after the end of standard input.
    let _kept = frames.clone();
    read_input(frames);
    let ended = converse(&mut socket, waiting).await;
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

/// Sends what waits and writes what comes, until the program ends: its exit status.
async fn converse<S>(socket: &mut S, mut waiting: mpsc::Receiver<Sent>) -> Result<u8, Failure>
where
    S: Stream<Item = tungstenite::Result<Message>>
        + Sink<Message, Error = tungstenite::Error>
        + Unpin,
{
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Binary(frame))) => {
                    if let Some(status) = received(&frame)? {
                        // Whether the edge hears the goodbye changes nothing.
                        let _ = socket.close().await;
                        return Ok(status);
                    }
                }
                Some(Ok(Message::Close(_))) | None => {
                    return Err(broken(&"it ended before the program did"));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(broken(&error)),
            },
            Some(sent) = waiting.recv() => match sent {
                Sent::Frame(kind, payload) => {
                    let mut frame = BytesMut::with_capacity(1 + payload.len());
                    frame.put_u8(kind as u8);
                    frame.put(payload);
                    // A program that has ended takes nothing more; how it ended is on the way.
                    let _ = socket.send(Message::Binary(frame.freeze())).await;
                }
                Sent::Broken(error) => return Err(Failure::io("standard input", &error)),
            },
        }
    }
}

/// Writes a frame; the exit status if it is the last one.
fn received(frame: &Bytes) -> Result<Option<u8>, Failure> {
    let Some((kind, payload)) = frame.split_first() else {
        return Ok(None);
    };
    match Frame::of(*kind) {
        Some(Frame::Data) => {
            let mut out = io::stdout().lock();
            let written = out.write_all(payload).and_then(|()| out.flush());
            match written {
                // Whoever has read enough ends the program, as on a pipe.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    Ok(Some(SIGNAL_STATUS + number_of("PIPE")))
                }
                written => written
                    .map(|()| None)
                    .map_err(|error| Failure::io("standard output", &error)),
            }
        }
        Some(Frame::Stderr) => {
            let mut out = io::stderr().lock();
            let written = out.write_all(payload).and_then(|()| out.flush());
            written
                .map(|()| None)
                .map_err(|error| Failure::io("standard error", &error))
        }
        Some(Frame::Exit) => {
            let exit: Exit = serde_json::from_slice(payload).map_err(|error| broken(&error))?;
            Ok(Some(status_of(&exit)))
        }
        _ => Ok(None),
    }
}

/// The exit status of a program, as shells have it.
fn status_of(exit: &Exit) -> u8 {
    match exit {
        Exit::Status(status) => *status,
        Exit::Signal { name, .. } => SIGNAL_STATUS + number_of(name),
    }
}

fn number_of(signal: &str) -> u8 {
    let known = SIGNALS.iter().find(|(name, _)| *name == signal);
    known.map_or(0, |(_, number)| *number)
}

/// Sends standard input. A thread of its own reads it, which nothing waits for at the end: a read of
/// a terminal can't be taken back.
fn read_input(frames: mpsc::Sender<Sent>) {
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let sent = match input.read(&mut piece) {
                Ok(0) => Sent::Frame(Frame::End, Bytes::new()),
                Ok(read) => Sent::Frame(Frame::Data, Bytes::copy_from_slice(&piece[..read])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Sent::Broken(error),
            };
            let is_last = !matches!(sent, Sent::Frame(Frame::Data, _));
            if frames.blocking_send(sent).is_err() || is_last {
                return;
            }
        }
    });
}

/// Passes signals on to the program, and with a terminal the size of the window.
fn pass_signals(frames: &mpsc::Sender<Sent>, has_terminal: bool) -> Result<(), Failure> {
    let io = |error: io::Error| Failure::io("signals", &error);
    for (name, number) in &SIGNALS[..PASSED_ON] {
        let mut arrivals = signal(SignalKind::from_raw(i32::from(*number))).map_err(io)?;
        let frames = frames.downgrade();
        tokio::spawn(async move {
            while arrivals.recv().await.is_some() {
                let Some(frames) = frames.upgrade() else {
                    return;
                };
                let payload = Bytes::from_static(name.as_bytes());
                let _ = frames.send(Sent::Frame(Frame::Signal, payload)).await;
            }
        });
    }
    if has_terminal {
        let mut changes = signal(SignalKind::window_change()).map_err(io)?;
        let frames = frames.downgrade();
        tokio::spawn(async move {
            while changes.recv().await.is_some() {
                let Some(frames) = frames.upgrade() else {
                    return;
                };
                if let Some(size) = terminal::size() {
                    let payload = Bytes::copy_from_slice(&encode_size(size));
                    let _ = frames.send(Sent::Frame(Frame::Size, payload)).await;
                }
            }
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_end_as_shells_tell_it() {
        let by_signal = |name: &str| {
            status_of(&Exit::Signal {
                name: name.to_owned(),
                core_dumped: false,
            })
        };
        assert_eq!(status_of(&Exit::Status(7)), 7);
        assert_eq!(by_signal("TERM"), 143);
        assert_eq!(by_signal("KILL"), 137);
        assert_eq!(by_signal("STRANGE"), 128);
    }
}
