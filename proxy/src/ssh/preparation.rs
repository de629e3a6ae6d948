//! A session channel before its program: what the client wants it to have.

use russh::{ChannelWriteHalf, Pty as Mode, server::Msg};
use spaceport_domain::agent::{ByteText, Pty, Size};

use super::connection::Inner;

/// Environment variables of one program, and their bytes, that a client may set.
const VARIABLES_MAX: usize = 64;
const VARIABLES_BYTES_MAX: usize = 32 << 10;
/// The longest name of a kind of terminal.
const TERM_BYTES_MAX: usize = 256;

/// A session channel before its program.
pub(super) struct Preparation {
    pub(super) channel: ChannelWriteHalf<Msg>,
    pub(super) inner: Inner,
    pub(super) env: Vec<(String, ByteText)>,
    env_bytes: usize,
    pub(super) pty: Option<Pty>,
    pub(super) wants_agent: bool,
}

impl Preparation {
    /// Nothing has been asked for yet.
    pub(super) const fn new(channel: ChannelWriteHalf<Msg>, inner: Inner) -> Self {
        Self {
            channel,
            inner,
            env: Vec::new(),
            env_bytes: 0,
            pty: None,
            wants_agent: false,
        }
    }

    /// Whether the program gets this variable.
    pub(super) fn set_variable(&mut self, name: &str, value: &str) -> bool {
        let bytes = self.env_bytes + name.len() + value.len();
        let has_room = self.env.len() < VARIABLES_MAX && bytes <= VARIABLES_BYTES_MAX;
        let is_taken = has_room && is_variable(name) && !value.contains('\0');
        if is_taken {
            self.env_bytes = bytes;
            self.env.push((name.to_owned(), value.into()));
        }
        is_taken
    }

    /// Whether the program gets this terminal.
    pub(super) fn set_terminal(&mut self, term: &str, size: Size, modes: &[(Mode, u32)]) -> bool {
        let is_taken = term.len() <= TERM_BYTES_MAX;
        if is_taken {
            // russh puts this one where it doesn't know a mode.
            let known = modes.iter().filter(|(mode, _)| *mode != Mode::TTY_OP_END);
            self.pty = Some(Pty {
                term: term.to_owned(),
                size,
                modes: known.map(|(mode, value)| (*mode as u8, *value)).collect(),
            });
        }
        is_taken
    }
}

/// A client may say more than a terminal can be.
pub(super) fn size(columns: u32, rows: u32, width_px: u32, height_px: u32) -> Size {
    let [columns, rows, width_px, height_px] =
        [columns, rows, width_px, height_px].map(|it| u16::try_from(it).unwrap_or(u16::MAX));
    Size {
        columns,
        rows,
        width_px,
        height_px,
    }
}

fn is_variable(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(is_word)
}
