//! Between a visitor's WebSocket and a space's agent.
//!
//! ```text
//! visitor ── Exec, as text ────────────▶ edge ── Exec ────────▶ agent      Talk::Exec
//! visitor ◀─ Reply, as text ──────────── edge ◀─ Reply ──────── agent
//!
//!                                        edge ── Attach ──────▶ agent      Talk::Terminal
//! visitor ◀─ Terminal, or Refusal ────── edge ◀─ Reply ──────── agent
//!
//! visitor ◀═ kind and payload, binary ═▶ edge ◀═ frames ══════▶ agent
//! ```

use std::{sync::Arc, time::Instant};

use http::{
    HeaderMap, HeaderValue, Response,
    header::{SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION},
};
use spaceport_domain::agent::{Answer as Told, Attach, Exec, Refusal, RefusalCode, Reply, Service};
use tokio::time;

use super::{
    agent_of,
    socket::{Goodbye, Socket},
};
use crate::{
    headers::Malformed,
    http::{Routed, body::Source},
    reply::Answer,
    upgrade::{Switch, Wish, extended},
    upstream::{
        Upstreams,
        agent::{AgentAt, AgentError, Conversation},
    },
};

/// The version of the protocol (RFC 6455 §4.1).
const VERSION: &str = "13";

/// What a visitor's WebSocket is for.
#[derive(Clone, Debug)]
pub enum Talk {
    /// A program is run, which the visitor's first message names.
    Exec,
    /// A terminal is attached to.
    Terminal(Attach),
}

/// Opens the WebSocket that `request` wishes for, and carries what is said.
pub fn open(mut request: Routed<'_>, wish: Wish, talk: Talk) -> Result<Response<Source>, Answer> {
    request.refuse_body()?;
    let fields = handshake(&request.parts.headers, wish).map_err(Answer::malformed)?;
    let upstreams = Arc::clone(&request.worker.upstreams);
    let agent = agent_of(&request)?;
    let switch = Switch::of(&mut request, wish);
    let answer = switch.answer(fields);
    request
        .worker
        .tasks
        .spawn(carry(switch, upstreams, agent, talk));
    Ok(answer)
}

/// The fields that agree to a WebSocket. Over HTTP/2 there is nothing to prove (RFC 8441 §5).
fn handshake(headers: &HeaderMap, wish: Wish) -> Result<HeaderMap, Malformed> {
    let version = headers.get(SEC_WEBSOCKET_VERSION);
    if version != Some(&HeaderValue::from_static(VERSION)) {
        return Err(Malformed::Handshake);
    }
    let mut fields = HeaderMap::new();
    if !wish.extended {
        let key = headers.get(SEC_WEBSOCKET_KEY);
        let proof = key.and_then(extended::proof);
        fields.insert(SEC_WEBSOCKET_ACCEPT, proof.ok_or(Malformed::Handshake)?);
    }
    Ok(fields)
}

async fn carry(mut switch: Switch, upstreams: Arc<Upstreams>, agent: AgentAt, talk: Talk) {
    let began = Instant::now();
    let Some((stream, counted)) = switch.opened().await else {
        // The visitor has gone before the answer reached them.
        return;
    };
    let mut socket = Socket::new(stream, switch.limits.ping).await;
    let talking = async {
        match talk {
            Talk::Exec => exec(&mut socket, &upstreams, agent, &switch).await,
            Talk::Terminal(attach) => attached(&mut socket, &upstreams, agent, attach).await,
        }
    };
    let ended = tokio::select! {
        ended = talking => ended,
        () = switch.open.cut() => Err(Goodbye::CUT),
    };
    socket.end(ended.unwrap_or_else(|goodbye| goodbye)).await;
    drop(counted);
    switch.ended(began, socket.received_bytes, socket.sent_bytes);
}

/// Runs a program that the visitor names.
async fn exec(
    socket: &mut Socket,
    upstreams: &Upstreams,
    agent: AgentAt,
    switch: &Switch,
) -> Result<Goodbye, Goodbye> {
    let heard = time::timeout(switch.limits.switch, socket.hear()).await;
    let text = heard.map_err(|_| Goodbye::SILENT)??;
    let asked = match serde_json::from_str::<Exec>(&text) {
        Ok(exec) => upstreams.ask(agent, Service::Exec(exec)).await,
        Err(error) => Err(AgentError::Refused(Refusal {
            code: RefusalCode::Invalid,
            message: format!("what is to be run isn't understood: {error}"),
        })),
    };
    match asked {
        Ok(mut conversation) => {
            socket.say(&Reply::Done(conversation.answer)).await?;
            Ok(socket.carry(&mut conversation.stream).await)
        }
        Err(error) => {
            let refusal = refusal(error);
            let goodbye = goodbye(&refusal);
            socket.say(&Reply::Refused(refusal)).await?;
            Err(goodbye)
        }
    }
}

/// Attaches to a terminal.
async fn attached(
    socket: &mut Socket,
    upstreams: &Upstreams,
    agent: AgentAt,
    attach: Attach,
) -> Result<Goodbye, Goodbye> {
    match upstreams.ask(agent, Service::Terminal(attach)).await {
        Ok(Conversation {
            answer: Told::Terminal(terminal),
            mut stream,
            slot: _slot,
        }) => {
            socket.say(&terminal).await?;
            Ok(socket.carry(&mut stream).await)
        }
        Ok(_) => Err(Goodbye::BROKEN),
        Err(error) => {
            let refusal = refusal(error);
            socket.say(&refusal).await?;
            Err(goodbye(&refusal))
        }
    }
}

/// Why an agent didn't do what it was asked for, as an agent would say it.
pub fn refusal(error: AgentError) -> Refusal {
    match error {
        AgentError::Refused(refusal) => refusal,
        error => Refusal {
            code: RefusalCode::Failed,
            message: error.to_string(),
        },
    }
}

fn goodbye(refusal: &Refusal) -> Goodbye {
    match refusal.code {
        RefusalCode::NotFound => Goodbye::NOT_FOUND,
        _ => Goodbye::REFUSED,
    }
}
