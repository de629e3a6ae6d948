//! What is asked of the agent inside a space. [`spaceport_domain::agent`] says how they speak.

use std::{
    io,
    io::IoSlice,
    net::IpAddr,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use spaceport_domain::{
    agent::{
        Answer, App, Hello, MESSAGE_MAX_BYTES, PROTOCOL, Refusal, RefusalCode, Reply, Secret,
        Service,
        frame::{self, Kind, PAYLOAD_MAX_BYTES},
    },
    app::AppName,
    id::SpaceId,
    lifecycle::Status,
    route::SpaceRoutes,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time,
};

use super::{DialError, Slot, Upstreams};
use crate::{
    routes::{Destination, Endpoint},
    sockets,
};

/// The pause behind the first try to reach an agent that doesn't listen yet. Each later one is twice
/// as long, up to the longest.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(160);

/// Where a space's agent is, and what it believes the edge by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentAt {
    /// Where its connections are counted.
    pub destination: Destination,
    port: u16,
    secret: Secret,
}

/// Why a space's agent can't be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAgent {
    /// The space doesn't run.
    #[error("the space is not running")]
    NotRunning(Status),
    /// The space was started without one.
    #[error("the space has no agent: restart it")]
    Absent,
}

/// Why an agent didn't do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// There is no connection to it.
    #[error("the agent can't be reached: {0}")]
    Dial(#[from] DialError),
    /// The connection broke, or the reply took too long.
    #[error("the agent can't be asked: {0}")]
    Io(#[from] io::Error),
    /// It said why.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

/// A connection on which an agent does what it was asked for.
#[derive(Debug)]
pub struct Conversation {
    /// What it said.
    pub answer: Answer,
    /// What comes behind that.
    pub stream: TcpStream,
    /// Counts the connection for as long as it is kept beside it.
    pub slot: Slot,
}

impl AgentAt {
    /// Where the agent of a space is.
    pub fn of(space: &SpaceRoutes) -> Result<Self, NoAgent> {
        match (space.status, space.address, space.agent) {
            (Status::Running, Some(address), Some(agent)) => Ok(Self {
                destination: Destination {
                    space: space.space_id,
                    address,
                    endpoint: Endpoint::Agent,
                },
                port: agent.port,
                secret: agent.secret,
            }),
            (Status::Running, Some(_), None) => Err(NoAgent::Absent),
            // Running, and the address is yet to come: a moment of the start.
            (Status::Running, None, _) => Err(NoAgent::NotRunning(Status::Starting)),
            (status, ..) => Err(NoAgent::NotRunning(status)),
        }
    }

    /// Its space.
    pub const fn space(&self) -> SpaceId {
        self.destination.space
    }

    /// The address of its space.
    pub const fn address(&self) -> IpAddr {
        self.destination.address
    }
}

impl AgentError {
    /// The same, of an agent that should have made a connection.
    fn into_dial_error(self) -> DialError {
        match self {
            // Where the agent was, nobody is any more.
            Self::Dial(DialError::Refused) => DialError::NoAgent,
            Self::Dial(error) => error,
            Self::Io(error) if error.kind() == io::ErrorKind::TimedOut => DialError::Timeout,
            Self::Io(error) => error.into(),
            Self::Refused(refusal) => match refusal.code {
                RefusalCode::Refused | RefusalCode::NotFound => DialError::Refused,
                RefusalCode::Timeout => DialError::Timeout,
                RefusalCode::Busy => DialError::Busy,
                // It is older than what it is asked for.
                RefusalCode::Unsupported => DialError::NoAgent,
                _ => io::Error::other(refusal).into(),
            },
        }
    }
}

impl Upstreams {
    /// Asks a space's agent for a service. What it is sent then may wait for as long as the agent is
    /// there.
    pub async fn ask(&self, agent: AgentAt, service: Service) -> Result<Conversation, AgentError> {
        let slot = self.pool.slot(agent.destination).ok_or(DialError::Busy)?;
        let (answer, stream) = self.converse(agent, service).await.inspect_err(|error| {
            if let AgentError::Dial(error) = error {
                self.count(error);
            }
        })?;
        sockets::be_patient(&stream)?;
        self.metrics.upstream_connects.increment(1);
        Ok(Conversation {
            answer,
            stream,
            slot,
        })
    }

    /// How an app of a space is, as far as its agent knows: an older one doesn't, and one that is
    /// busy doesn't say.
    pub async fn app(&self, agent: AgentAt, name: AppName) -> Option<App> {
        match self.ask(agent, Service::Status).await.ok()?.answer {
            Answer::Status(mut status) => status.apps.remove(&name.to_string()).map(App::fit),
            _ => None,
        }
    }

    /// The agent of the space that `destination` leads to.
    pub fn agent(&self, destination: &Destination) -> Result<AgentAt, NoAgent> {
        let table = self.routes.glance();
        match table.space_at(destination) {
            Some(space) => AgentAt::of(space),
            None => Err(NoAgent::NotRunning(Status::Stopped)),
        }
    }

    /// A stream to what is no port.
    pub(super) async fn reach_agent(
        &self,
        destination: Destination,
    ) -> Result<TcpStream, DialError> {
        let agent = self.agent(&destination).map_err(|_| DialError::NoAgent)?;
        if destination.endpoint == Endpoint::Agent {
            return self.dial_agent(agent).await;
        }
        let files = self.converse(agent, Service::Files).await;
        files
            .map(|(_, stream)| stream)
            .map_err(AgentError::into_dial_error)
    }

    /// A stream to a port that only the space itself gets to. A space without an agent has none.
    pub(super) async fn reach_inside(
        &self,
        destination: Destination,
        port: u16,
    ) -> Result<TcpStream, DialError> {
        let agent = self.agent(&destination).map_err(|_| DialError::Refused)?;
        let service = Service::Dial {
            host: "localhost".to_owned(),
            port,
        };
        match self.converse(agent, service).await {
            Ok((_, stream)) => Ok(stream),
            // It may have tried several addresses, and a space without IPv6 has no second one.
            Err(AgentError::Refused(refusal)) if refusal.code == RefusalCode::Failed => {
                Err(DialError::Refused)
            }
            Err(error) => match error.into_dial_error() {
                DialError::NoAgent => Err(DialError::Refused),
                error => Err(error),
            },
        }
    }

    /// Makes a connection to an agent. A container runs a moment before its agent listens, and a long
    /// one where it has little of a processor: so one that refuses is tried again, for as long as a
    /// connection may take and the space is the same.
    async fn dial_agent(&self, agent: AgentAt) -> Result<TcpStream, DialError> {
        let begun = Instant::now();
        let mut pause = PAUSE_MIN;
        loop {
            let dialled = self.dial(agent.address(), agent.port).await;
            let may_wait = begun.elapsed() + pause <= self.limits.connect;
            if !matches!(dialled, Err(DialError::Refused)) || !may_wait {
                return dialled;
            }
            time::sleep(pause).await;
            if self.agent(&agent.destination) != Ok(agent) {
                return dialled;
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Makes a connection to an agent and asks it for `service`.
    async fn converse(
        &self,
        agent: AgentAt,
        service: Service,
    ) -> Result<(Answer, TcpStream), AgentError> {
        let mut stream = self.dial_agent(agent).await?;
        let hello = Hello {
            protocol: PROTOCOL,
            secret: agent.secret,
            service,
        };
        let reply = time::timeout(self.limits.response, exchange(&mut stream, &hello)).await;
        match reply.map_err(io::Error::from)?? {
            Reply::Done(answer) => Ok((answer, stream)),
            Reply::Refused(refusal) => Err(refusal.into()),
        }
    }
}

async fn exchange(stream: &mut TcpStream, hello: &Hello) -> io::Result<Reply> {
    let hello = serde_json::to_vec(hello)?;
    let length = u32::try_from(hello.len()).ok();
    let length = length.filter(|_| hello.len() <= MESSAGE_MAX_BYTES);
    let length = length.ok_or(io::ErrorKind::ArgumentListTooLong)?;
    write_all(stream, &length.to_be_bytes(), &hello).await?;
    let length = stream.read_u32().await?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > MESSAGE_MAX_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut reply = vec![0; length];
    stream.read_exact(&mut reply).await?;
    Ok(serde_json::from_slice(&reply)?)
}

/// Frames as they come.
#[derive(Debug)]
pub struct Frames<R> {
    reader: R,
    received: BytesMut,
    /// How much is read at once. It grows while there is more than that, so that whoever waits holds
    /// little.
    step_bytes: usize,
}

/// The smallest step.
const STEP_MIN_BYTES: usize = 2 << 10;

impl<R: AsyncRead + Unpin> Frames<R> {
    /// The frames that `reader` brings.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            received: BytesMut::new(),
            step_bytes: STEP_MIN_BYTES,
        }
    }

    /// The next one; `None` at the end. Nothing is lost if it is dropped before it is there.
    pub async fn next(&mut self) -> io::Result<Option<(Kind, Bytes)>> {
        loop {
            let frame = frame::take(&mut self.received);
            let frame = frame.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            if frame.is_some() {
                return Ok(frame);
            }
            self.received.reserve(self.step_bytes);
            let room_bytes = self.received.capacity() - self.received.len();
            let read_bytes = self.reader.read_buf(&mut self.received).await?;
            self.step_bytes = if read_bytes == room_bytes {
                PAYLOAD_MAX_BYTES
            } else {
                STEP_MIN_BYTES
            };
            if read_bytes == 0 {
                return if self.received.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }
}

/// Writes `payload` in frames of a kind; one without a payload is a frame, too.
pub async fn write_frames<W>(writer: &mut W, kind: Kind, mut payload: &[u8]) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
{
    loop {
        let (piece, rest) = payload.split_at(payload.len().min(PAYLOAD_MAX_BYTES));
        write_all(writer, &frame::header(kind, piece.len()), piece).await?;
        if rest.is_empty() {
            return Ok(());
        }
        payload = rest;
    }
}

/// Writes two pieces together, where the system takes both.
async fn write_all<W>(writer: &mut W, mut head: &[u8], rest: &[u8]) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
{
    while !head.is_empty() {
        let pieces = [IoSlice::new(head), IoSlice::new(rest)];
        let written = writer.write_vectored(&pieces).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        if written >= head.len() {
            return writer.write_all(&rest[written - head.len()..]).await;
        }
        head = &head[written..];
    }
    writer.write_all(rest).await
}
