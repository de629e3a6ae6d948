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

use std::{sync::Arc, time::Duration};

use http::Response;
use spaceport_domain::agent::{Answer as Told, Attach, Exec, Refusal, RefusalCode, Reply, Service};
use tokio::time;

use super::frames;
use crate::{
    http::{Routed, body::Source},
    reply::Answer,
    upgrade::Wish,
    upstream::{
        Upstreams,
        agent::{AgentAt, AgentError, Conversation},
    },
    websocket::{Agreed, Goodbye, Socket},
};

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
    let upstreams = Arc::clone(&request.worker.upstreams);
    let agent = request.agent()?;
    let (agreed, answer) = Agreed::to(&mut request, wish, None)?;
    request
        .worker
        .tasks
        .spawn(carry(agreed, upstreams, agent, talk));
    Ok(answer)
}

async fn carry(agreed: Agreed, upstreams: Arc<Upstreams>, agent: AgentAt, talk: Talk) {
    let Some(mut opened) = agreed.opened().await else {
        // The visitor has gone before the answer reached them.
        return;
    };
    let (socket, patience) = (&mut opened.socket, opened.switch.limits.switch);
    let talking = async {
        match talk {
            Talk::Exec => exec(socket, &upstreams, agent, patience).await,
            Talk::Terminal(attach) => attached(socket, &upstreams, agent, attach).await,
        }
    };
    let ended = tokio::select! {
        ended = talking => ended,
        () = opened.switch.open.cut() => Err(Goodbye::CUT),
    };
    opened.end(ended.unwrap_or_else(|goodbye| goodbye)).await;
}

/// Runs a program that the visitor names.
async fn exec(
    socket: &mut Socket,
    upstreams: &Upstreams,
    agent: AgentAt,
    patience: Duration,
) -> Result<Goodbye, Goodbye> {
    let heard = time::timeout(patience, socket.hear()).await;
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
            Ok(frames::carry(socket, &mut conversation.stream).await)
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
            Ok(frames::carry(socket, &mut stream).await)
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
