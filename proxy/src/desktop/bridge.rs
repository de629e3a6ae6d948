//! Between the page and what serves the desktop: the bytes of a connection, in binary messages.
//!
//! ```text
//! page ◀═ binary messages ═▶ edge ◀═ bytes ═▶ agent ◀═ bytes ═▶ 5900 at loopback of the space
//! ```
//!
//! Where a message ends means nothing. Each direction waits until what it carries is taken, and so
//! does who sends it.

use std::sync::Arc;

use bytes::BytesMut;
use http::Response;
use spaceport_domain::{
    agent::{AppState, RefusalCode, Service},
    app::{AppName, VNC_PORT},
};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    http::{Routed, body::Source},
    reply::Answer,
    upgrade::Wish,
    upstream::{
        Upstreams,
        agent::{AgentAt, AgentError, Conversation},
    },
    websocket::{Agreed, CloseCode, Goodbye, Socket},
};

/// The subprotocol that clients of RFB offer.
const SUBPROTOCOL: &str = "binary";
/// How much is read from the space at once, and the longest message to the page.
const PIECE_BYTES: usize = 64 << 10;
/// Nothing listens: 503 among the codes that are free to use (RFC 6455 §7.4.2). The page waits.
const NOT_THERE: CloseCode = CloseCode::Library(4503);
/// The image has no desktop: 404 among these codes.
const ABSENT: CloseCode = CloseCode::Library(4404);

/// Opens the WebSocket that `request` wishes for, and carries what is said.
pub(super) fn open(mut request: Routed<'_>, wish: Wish) -> Result<Response<Source>, Answer> {
    let upstreams = Arc::clone(&request.worker.upstreams);
    let agent = request.agent()?;
    let (agreed, answer) = Agreed::to(&mut request, wish, Some(SUBPROTOCOL))?;
    request.worker.tasks.spawn(carry(agreed, upstreams, agent));
    Ok(answer)
}

async fn carry(agreed: Agreed, upstreams: Arc<Upstreams>, agent: AgentAt) {
    let Some(mut opened) = agreed.opened().await else {
        // The visitor has gone before the answer reached them.
        return;
    };
    let socket = &mut opened.socket;
    let talking = async {
        match reach(&upstreams, agent).await {
            Ok(mut desktop) => relay(socket, &mut desktop.stream).await,
            Err(goodbye) => goodbye,
        }
    };
    let goodbye = tokio::select! {
        goodbye = talking => goodbye,
        () = opened.switch.open.cut() => Goodbye::CUT,
    };
    opened.end(goodbye).await;
}

/// A connection to what serves the desktop.
async fn reach(upstreams: &Upstreams, agent: AgentAt) -> Result<Conversation, Goodbye> {
    let service = Service::Dial {
        host: "localhost".to_owned(),
        port: VNC_PORT,
    };
    match upstreams.ask(agent, service).await {
        Ok(desktop) => Ok(desktop),
        // It may have tried several addresses, and said of the last one why not.
        Err(AgentError::Refused(refusal))
            if matches!(
                refusal.code,
                RefusalCode::Refused | RefusalCode::NotFound | RefusalCode::Failed
            ) =>
        {
            Err(why_not_there(upstreams, agent).await)
        }
        Err(error) => Err(Goodbye::new(CloseCode::Error, error.to_string())),
    }
}

/// Why nothing listens, as far as the agent knows.
async fn why_not_there(upstreams: &Upstreams, agent: AgentAt) -> Goodbye {
    let app = upstreams.app(agent, AppName::Vnc).await;
    match app.map(|it| (it.state, it.reason)) {
        Some((AppState::Absent, _)) => Goodbye::fixed(ABSENT, "the image has no desktop"),
        Some((AppState::Waiting, Some(reason))) => Goodbye::new(NOT_THERE, reason),
        // What isn't there may still come.
        _ => Goodbye::fixed(NOT_THERE, ""),
    }
}

/// Carries bytes until one side ends it.
async fn relay(socket: &mut Socket, desktop: &mut TcpStream) -> Goodbye {
    let (reader, mut writer) = desktop.split();
    let (mut incoming, mut outgoing) = socket.split();
    let up = async {
        while let Some(message) = incoming.next().await? {
            let written = writer.write_all(&message).await;
            written.map_err(|_| Goodbye::BROKEN)?;
        }
        Ok(Goodbye::LEFT)
    };
    let down = async {
        let mut room = BytesMut::new();
        loop {
            // Whoever waits holds no memory for what may come.
            let readable = outgoing.wait(reader.readable()).await?;
            readable.map_err(|_| Goodbye::BROKEN)?;
            room.reserve(PIECE_BYTES);
            match reader.try_read_buf(&mut room) {
                Ok(0) => return Err(Goodbye::BROKEN),
                Ok(read_bytes) => {
                    outgoing.send(room.split().freeze()).await?;
                    if read_bytes < PIECE_BYTES {
                        room = BytesMut::new();
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(Goodbye::BROKEN),
            }
        }
    };
    let ended: Result<Goodbye, Goodbye> = tokio::select! {
        ended = up => ended,
        ended = down => ended,
    };
    ended.unwrap_or_else(|goodbye| goodbye)
}
