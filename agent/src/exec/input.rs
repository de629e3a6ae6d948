//! What the edge sends to a program.

use std::{collections::VecDeque, future::pending, io};

use bytes::{Buf, Bytes};
use spaceport_domain::agent::frame::{Kind, decode_size};
use tokio::net::tcp::OwnedReadHalf;

use super::End;
use crate::{
    children::Child, descriptor::Descriptor, pty::Pty, server::Agent, signal, wire::Frames,
};

/// As much is taken from the edge before the program has read it, so that signals and sizes behind
/// it are heard.
const AHEAD_MAX_BYTES: usize = 256 << 10;
/// And as many pieces, however small they are.
const AHEAD_MAX_PIECES: usize = 4096;

/// What the program hasn't read yet.
#[derive(Debug, Default)]
struct Ahead {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    /// Nothing comes behind it.
    ended: bool,
}

impl Ahead {
    fn has_room(&self) -> bool {
        self.bytes < AHEAD_MAX_BYTES && self.pieces.len() < AHEAD_MAX_PIECES
    }

    fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() && !self.ended {
            self.bytes += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// Writes some of the first piece.
    async fn write(&mut self, to: &Descriptor) -> io::Result<()> {
        let Some(first) = self.pieces.front_mut() else {
            return Ok(());
        };
        let written = to.write(first).await?;
        first.advance(written);
        self.bytes -= written;
        if first.is_empty() {
            self.pieces.pop_front();
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self {
            ended: true,
            ..Self::default()
        };
    }
}

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
        let write = async {
            match &input {
                Some(input) if !ahead.pieces.is_empty() => ahead.write(input.descriptor()).await,
                _ => pending().await,
            }
        };
        let frame = tokio::select! {
            frame = frames.next(), if has_room => frame?.ok_or(io::ErrorKind::UnexpectedEof)?,
            written = write => {
                if written.is_err() {
                    // The program has closed its input; what is still sent is for nobody.
                    ahead.clear();
                }
                if ahead.ended && ahead.pieces.is_empty() {
                    input = None;
                }
                continue;
            }
        };
        agent.activity.note();
        match frame {
            (Kind::Data, payload) => ahead.push(payload),
            (Kind::End, _) => {
                // A terminal has no end, but a character that stands for it.
                if let Some(character) = pty.and_then(Pty::end_of_input) {
                    ahead.push(Bytes::copy_from_slice(&[character]));
                } else if pty.is_none() {
                    ahead.ended = true;
                    if ahead.pieces.is_empty() {
                        input = None;
                    }
                }
            }
            (kind, payload) => control(kind, &payload, child, pty),
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
