//! Programs that an agent runs for somebody, and how they end.

use serde::{Deserialize, Serialize};

use super::{ByteText, terminal::Size};

/// Which program is run, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Exec {
    /// The program.
    pub program: Program,
    /// Environment variables beside those of the space, or instead of them.
    pub env: Vec<(String, ByteText)>,
    /// Where it starts; the user's home directory if nothing is said.
    pub working_dir: Option<ByteText>,
    /// Its terminal, if it is to have one.
    pub pty: Option<Pty>,
}

/// A program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Program {
    /// The user's shell as a login shell; if they have none, the first there is of bash, zsh, fish
    /// and sh.
    #[default]
    Shell,
    /// What the user's shell makes of this line.
    Line(ByteText),
    /// A program and its arguments.
    Arguments(Vec<ByteText>),
}

/// A terminal as a program sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pty {
    /// The kind of terminal: the program's `TERM`.
    pub term: String,
    /// Its size.
    pub size: Size,
    /// Modes, as pairs of an opcode and a value of RFC 4254 §8.
    #[serde(default)]
    pub modes: Vec<(u8, u32)>,
}

/// How a program ended: the payload of a [`super::frame::Kind::Exit`] frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Exit {
    /// With a status.
    Status(u8),
    /// By a signal, named without `SIG`.
    Signal {
        /// Its name.
        name: String,
        /// Whether it left its memory.
        core_dumped: bool,
    },
}
