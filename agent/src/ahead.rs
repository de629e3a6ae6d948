//! Input that was taken from the edge and that a program hasn't read yet.
//!
//! It is taken ahead so that what is sent behind it (signals, sizes) is heard, however long the
//! program takes to read.

use std::{collections::VecDeque, future::pending, io};

use bytes::{Buf, Bytes};

use crate::descriptor::Descriptor;

/// As much is taken ahead,
const MAX_BYTES: usize = 256 << 10;
/// in as many pieces, however small they are.
const MAX_PIECES: usize = 4096;

/// What the program hasn't read yet.
#[derive(Debug, Default)]
pub struct Ahead {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    ended: bool,
}

impl Ahead {
    /// Whether more may be taken.
    pub fn has_room(&self) -> bool {
        self.bytes < MAX_BYTES && self.pieces.len() < MAX_PIECES
    }

    /// Takes one more piece.
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() && !self.ended {
            self.bytes += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// Nothing comes behind what there is.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Whether nothing is left and nothing will come.
    pub fn is_over(&self) -> bool {
        self.ended && self.pieces.is_empty()
    }

    /// Writes some of it; waits while there is nothing, or nowhere to write to. What a program no
    /// longer reads is thrown away.
    pub async fn write(&mut self, to: Option<&Descriptor>) {
        let (Some(first), Some(to)) = (self.pieces.front_mut(), to) else {
            return pending().await;
        };
        let written: io::Result<usize> = to.write(first).await;
        match written {
            Ok(written) => {
                first.advance(written);
                self.bytes -= written;
                if first.is_empty() {
                    self.pieces.pop_front();
                }
            }
            Err(_) => {
                self.pieces.clear();
                self.bytes = 0;
                self.ended = true;
            }
        }
    }
}
