//! What the edge sends to a program.

use std::io;

use bytes::Bytes;
use spaceport_domain::agent::frame::{Kind, decode_size};
use tokio::net::tcp::OwnedReadHalf;

use super::End;
use crate::{ahead::Ahead, children::Child, pty::Pty, server::Agent, signal, wire::Frames};

/// Carries what the edge sends until it has gone.
pub async fn carry(
    agent: &Agent,
    frames: &mut Frames<OwnedReadHalf>,
    input: End,
    child: &Child,
    pty: Option<&Pty>,
) -> io::Result<()> {
    let mut ahead = Ahead::default();
    let mut input = Some(input);
    loop {
        let has_room = ahead.has_room();
        let frame = tokio::select! {
            frame = frames.next_if(has_room) => Some(frame?.ok_or(io::ErrorKind::UnexpectedEof)?),
            () = ahead.write(input.as_ref().map(End::descriptor)) => None,
        };
        if let Some((kind, payload)) = frame {
            agent.activity.note();
            match kind {
                Kind::Data => ahead.push(payload),
                Kind::End => end(&mut ahead, pty),
                _ => control(kind, &payload, child, pty),
            }
        }
        if ahead.is_over() {
            // The program reads the end.
            input = None;
        }
    }
}

/// The input ends. A terminal has no end, but a character that stands for it.
fn end(ahead: &mut Ahead, pty: Option<&Pty>) {
    match pty {
        None => ahead.end(),
        Some(pty) => {
            if let Some(character) = pty.end_of_input() {
                ahead.push(Bytes::copy_from_slice(&[character]));
            }
        }
    }
}

fn control(kind: Kind, payload: &[u8], child: &Child, pty: Option<&Pty>) {
    match (kind, pty) {
        (Kind::Size, Some(pty)) => {
            if let Some(size) = decode_size(payload) {
                // A terminal that is closed has no size any more.
                let _ = pty.resize(size);
            }
        }
        (Kind::Signal, pty) => match (signal::named(payload), pty) {
            (Some(signal), Some(pty)) => pty.signal(signal),
            (Some(signal), None) => child.signal(signal),
            (None, _) => {}
        },
        _ => {}
    }
}
