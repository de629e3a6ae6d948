//! A space's agent, as far as the edge needs one.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use spaceport_domain::agent::{
    self, Answer, Exec, Exit, Hello, Program, Refusal, RefusalCode, Reply, Service,
    frame::{Kind, PAYLOAD_MAX_BYTES},
};
use spaceport_proxy::upstream::agent::{Frames, write_frames};
use tokio::{
    io::{self, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::space;

/// An agent; it ends when it is dropped, and what it does with it.
pub(crate) struct Agent {
    address: SocketAddr,
    pub(crate) shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// What a test sees and steers.
#[derive(Default)]
pub(crate) struct Shared {
    /// Where it connects to when it is asked for a port at loopback; nowhere, if nothing is said.
    pub(crate) inside: Mutex<Option<SocketAddr>>,
    /// Why it doesn't, if it doesn't because of something other than that nobody listens.
    pub(crate) refuses: Mutex<Option<RefusalCode>>,
    /// How it says that the space is; it doesn't know that question, if nothing is said.
    pub(crate) status: Mutex<Option<agent::Status>>,
    /// What it was asked for.
    pub(crate) asked: watch::Sender<Vec<Service>>,
    /// How many connections are open.
    pub(crate) open: watch::Sender<usize>,
    files: Arc<space::Shared>,
}

const SECRET: [u8; 32] = [0x5e; 32];

impl Drop for Agent {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Agent {
    pub(crate) async fn start() -> Self {
        Self::start_at(0).await
    }

    /// It listens at a port that is free; at any such one, if that is 0.
    pub(crate) async fn start_at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let (told, mut connections) = (Arc::clone(&shared), JoinSet::new());
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let shared = Arc::clone(&told);
                connections.spawn(async move {
                    shared.open.send_modify(|it| *it += 1);
                    let _ = serve(stream, &shared).await;
                    shared.open.send_modify(|it| *it -= 1);
                });
            }
        });
        Self {
            address,
            shared,
            server,
        }
    }

    /// What the feed says of it.
    pub(crate) fn route(&self) -> Value {
        json!({"port": self.address.port(), "secret": agent::Secret::new(SECRET)})
    }

    pub(crate) fn connects_to(&self, inside: SocketAddr) {
        *self.shared.inside.lock().unwrap() = Some(inside);
    }

    /// Waits until so many connections are open.
    pub(crate) async fn open_connections(&self, wanted: usize) {
        let mut open = self.shared.open.subscribe();
        crate::soon(open.wait_for(|it| *it == wanted))
            .await
            .unwrap();
    }

    pub(crate) fn asked(&self) -> Vec<Service> {
        self.shared.asked.borrow().clone()
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let length = stream.read_u32().await?;
    let mut hello = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut hello).await?;
    let hello: Hello = serde_json::from_slice(&hello)?;
    assert_eq!(hello.secret, agent::Secret::new(SECRET));
    shared
        .asked
        .send_modify(|it| it.push(hello.service.clone()));
    match hello.service {
        Service::Dial { host, .. } => {
            assert_eq!(host, "localhost");
            let inside = *shared.inside.lock().unwrap();
            let made = match inside {
                Some(address) => TcpStream::connect(address).await,
                None => Err(io::ErrorKind::ConnectionRefused.into()),
            };
            match made {
                Ok(mut inside) => {
                    reply(&mut stream, &Reply::Done(Answer::Begun)).await?;
                    io::copy_bidirectional(&mut stream, &mut inside).await?;
                }
                Err(_) => {
                    let code = *shared.refuses.lock().unwrap();
                    refuse(&mut stream, code.unwrap_or(RefusalCode::Refused)).await?;
                }
            }
        }
        Service::Status => {
            let status = shared.status.lock().unwrap().clone();
            match status {
                Some(status) => reply(&mut stream, &Reply::Done(Answer::Status(status))).await?,
                None => refuse(&mut stream, RefusalCode::Unsupported).await?,
            }
        }
        Service::Files => {
            reply(&mut stream, &Reply::Done(Answer::Begun)).await?;
            let files = Arc::clone(&shared.files);
            let service = service_fn(|request| space::answer(request, Arc::clone(&files)));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let _ = connection.await;
        }
        Service::Exec(exec) => run(stream, exec).await?,
        Service::Terminal(attach) if attach.id == Some(404) => {
            refuse(&mut stream, RefusalCode::NotFound).await?;
        }
        Service::Terminal(attach) => {
            let terminal = agent::Terminal {
                id: 7,
                size: attach.size,
                ..agent::Terminal::default()
            };
            reply(&mut stream, &Reply::Done(Answer::Terminal(terminal))).await?;
            echo(stream).await?;
        }
        Service::Terminals => {
            let terminals = vec![agent::Terminal {
                id: 7,
                title: "build".to_owned(),
                ..agent::Terminal::default()
            }];
            reply(&mut stream, &Reply::Done(Answer::Terminals { terminals })).await?;
        }
        Service::CloseTerminal { id: 7 } => {
            reply(&mut stream, &Reply::Done(Answer::Begun)).await?;
        }
        Service::CloseTerminal { .. } => refuse(&mut stream, RefusalCode::NotFound).await?,
        _ => refuse(&mut stream, RefusalCode::Unsupported).await?,
    }
    Ok(())
}

async fn reply(stream: &mut TcpStream, reply: &Reply) -> io::Result<()> {
    let reply = serde_json::to_vec(reply)?;
    stream
        .write_u32(u32::try_from(reply.len()).unwrap())
        .await?;
    stream.write_all(&reply).await
}

async fn refuse(stream: &mut TcpStream, code: RefusalCode) -> io::Result<()> {
    let message = "no".to_owned();
    reply(stream, &Reply::Refused(Refusal { code, message })).await
}

/// `flood` writes until it gets a signal, `break` breaks off, and anything else echoes.
async fn run(mut stream: TcpStream, exec: Exec) -> io::Result<()> {
    let Program::Line(line) = exec.program else {
        return refuse(&mut stream, RefusalCode::NotFound).await;
    };
    reply(&mut stream, &Reply::Done(Answer::Begun)).await?;
    match line.as_bytes() {
        b"flood" => {
            let (reader, mut writer) = stream.split();
            let (mut frames, piece) = (Frames::new(reader), vec![b'x'; PAYLOAD_MAX_BYTES]);
            let flood = async {
                loop {
                    write_frames(&mut writer, Kind::Data, &piece).await?;
                }
            };
            let signal: io::Result<Option<_>> = tokio::select! {
                signal = frames.next() => signal,
                flooded = flood => flooded,
            };
            let (kind, name) = signal?.unwrap();
            assert_eq!((kind, &name[..]), (Kind::Signal, &b"INT"[..]));
            Ok(())
        }
        b"break" => write_frames(&mut stream, Kind::Data, b"and then").await,
        _ => echo(stream).await,
    }
}

/// Gives back what it gets, and exits when that ends.
async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut frames = Frames::new(reader);
    while let Some((kind, payload)) = frames.next().await? {
        if kind == Kind::End {
            write_frames(&mut writer, Kind::Stderr, b"end").await?;
            let exit = serde_json::to_vec(&Exit::Status(3))?;
            return write_frames(&mut writer, Kind::Exit, &exit).await;
        }
        write_frames(&mut writer, kind, &payload).await?;
    }
    Ok(())
}
