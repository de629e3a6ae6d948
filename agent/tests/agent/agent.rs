//! An agent and connections to it.

use std::{
    env,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    ops::Range,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};
use spaceport_domain::agent::{
    Answer, CONFIG_VARIABLE, Config, Exec, Exit, Hello, PROTOCOL, Program, Refusal, Reply, Secret,
    Service,
    frame::{self, Kind},
};

/// What any of this takes at most.
pub const DEADLINE: Duration = Duration::from_secs(30);
const SECRET: Secret = Secret::new([7; 32]);

/// An agent that runs; it ends when it is dropped.
pub struct Agent {
    process: Child,
    port: u16,
}

impl Agent {
    /// Starts one for the user who runs the tests.
    pub fn start() -> Self {
        Self::with(Config::default())
    }

    /// Starts one with what `config` says beside port and secret.
    pub fn with(config: Config) -> Self {
        let port = free_port();
        let hash: [u8; 32] = Sha256::digest(SECRET.bytes()).into();
        let config = Config {
            secret_sha256: Secret::new(hash).reveal(),
            port,
            ..config
        };
        let process = Command::new(env!("CARGO_BIN_EXE_spaceport-agent"))
            .env(
                CONFIG_VARIABLE,
                serde_json::to_string(&config).expect("JSON"),
            )
            .env("IMAGE_SAYS", "hello")
            .stdin(Stdio::null())
            .spawn()
            .expect("the agent");
        let agent = Self { process, port };
        eventually("the agent listens", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        agent
    }

    /// Connects to it.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("a connection");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        stream
    }

    /// Asks for a service with a secret.
    pub fn ask_with(&self, secret: Secret, service: Service) -> (TcpStream, Reply) {
        let mut stream = self.connect();
        let hello = Hello {
            protocol: PROTOCOL,
            secret,
            service,
        };
        send(&mut stream, &serde_json::to_vec(&hello).expect("JSON"));
        let reply = receive(&mut stream);
        let reply = serde_json::from_slice(&reply).expect("a reply");
        (stream, reply)
    }

    /// Asks for a service.
    pub fn ask(&self, service: Service) -> Result<(TcpStream, Answer), Refusal> {
        match self.ask_with(SECRET, service) {
            (stream, Reply::Done(answer)) => Ok((stream, answer)),
            (_, Reply::Refused(refusal)) => Err(refusal),
        }
    }

    /// Begins a service that is more than its reply.
    pub fn begin(&self, service: Service) -> Frames {
        Frames::new(self.ask(service).expect("begun").0)
    }

    /// Runs a line to its end.
    pub fn run(&self, line: &str, input: &[u8]) -> Ran {
        let mut running = self.begin(Service::Exec(Exec {
            program: Program::Line(line.into()),
            ..Exec::default()
        }));
        running.send(Kind::Data, input);
        running.send(Kind::End, b"");
        running.finish()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port where nobody listens, below those that the kernel hands out: what binds any port or connects
/// doesn't get it. No two calls get the same.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const PORTS: Range<u32> = 26_000..32_000;
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = std::process::id().wrapping_mul(97).wrapping_add(step);
        let port = PORTS.start + offset % (PORTS.end - PORTS.start);
        let port = u16::try_from(port).expect("below 65536");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// Asks again and again, for what no event tells. What is waited for needs the processor, too.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a message.
pub fn send(stream: &mut TcpStream, message: &[u8]) {
    let length = u32::try_from(message.len()).expect("a length");
    let whole = [length.to_be_bytes().as_slice(), message].concat();
    stream.write_all(&whole).expect("sent");
}

/// Receives a message.
pub fn receive(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("a length");
    let mut message = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut message).expect("a message");
    message
}

/// What a program did.
#[derive(Debug, PartialEq, Eq)]
pub struct Ran {
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub error: String,
    /// How it ended.
    pub exit: Exit,
}

/// A connection with frames.
pub struct Frames {
    stream: TcpStream,
    received: BytesMut,
}

impl Frames {
    /// Frames on a connection.
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            received: BytesMut::new(),
        }
    }

    /// Sends a payload, in as many frames as it takes.
    pub fn send(&mut self, kind: Kind, payload: &[u8]) {
        for piece in payload.chunks(frame::PAYLOAD_MAX_BYTES) {
            self.send_one(kind, piece);
        }
        if payload.is_empty() {
            self.send_one(kind, payload);
        }
    }

    fn send_one(&mut self, kind: Kind, payload: &[u8]) {
        let header = frame::header(kind, payload.len());
        let frame = [header.as_slice(), payload].concat();
        self.stream.write_all(&frame).expect("sent");
    }

    /// The next frame; `None` at the end.
    pub fn next(&mut self) -> Option<(Kind, Bytes)> {
        loop {
            if let Some(frame) = frame::take(&mut self.received).expect("a frame") {
                return Some(frame);
            }
            let mut buffer = [0; 16 << 10];
            let read = self.stream.read(&mut buffer).expect("in time");
            if read == 0 {
                return None;
            }
            self.received.extend_from_slice(&buffer[..read]);
        }
    }

    /// The payloads of data up to one that ends with `mark`.
    pub fn until(&mut self, mark: &str) -> String {
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(mark) {
            match self.next() {
                Some((Kind::Data | Kind::Screen, payload)) => seen.extend_from_slice(&payload),
                Some(_) => {}
                None => panic!("no {mark:?} in {:?}", String::from_utf8_lossy(&seen)),
            }
        }
        String::from_utf8_lossy(&seen).into_owned()
    }

    /// All that a program still says.
    pub fn finish(mut self) -> Ran {
        let (mut output, mut error, mut exit) = (Vec::new(), Vec::new(), None);
        while let Some((kind, payload)) = self.next() {
            assert_eq!(exit, None, "nothing comes behind the end");
            match kind {
                Kind::Data => output.extend_from_slice(&payload),
                Kind::Stderr => error.extend_from_slice(&payload),
                Kind::Exit => exit = Some(serde_json::from_slice(&payload).expect("an end")),
                _ => {}
            }
        }
        Ran {
            output: String::from_utf8_lossy(&output).into_owned(),
            error: String::from_utf8_lossy(&error).into_owned(),
            exit: exit.expect("an end"),
        }
    }
}
