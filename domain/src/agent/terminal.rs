//! Terminals of a space, which outlive those who look at them.

use serde::{Deserialize, Serialize};

/// The size of a terminal. The sizes in pixels may be 0: unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// Characters in a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
    /// Width in pixels.
    #[serde(default)]
    pub width_px: u16,
    /// Height in pixels.
    #[serde(default)]
    pub height_px: u16,
}

/// The number of a terminal in its space.
pub type TerminalId = u32;

/// Attaches to a terminal.
///
/// What comes first is either everything behind `seen`, or a [`super::frame::Kind::Reset`] and what draws
/// the terminal anew. Each [`super::frame::Kind::Data`] frame to the edge adds its length to the position
/// that `seen` speaks of. A terminal has the size of the smallest of those attached to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Attach {
    /// Which; a new one if nothing is said.
    pub id: Option<TerminalId>,
    /// The size of the window it is shown in.
    pub size: Size,
    /// How far its output is known already, if it was attached to before.
    pub seen: Option<u64>,
}

/// A terminal of a space.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Terminal {
    /// Its number.
    pub id: TerminalId,
    /// What programs called it last.
    pub title: String,
    /// Its size.
    pub size: Size,
    /// How many are attached to it.
    pub viewers: u32,
    /// Seconds since it was made.
    pub age_seconds: u64,
    /// Whether something other than the shell runs in its foreground.
    pub busy: bool,
    /// The position of its output at which what comes behind the reply begins; see [`Attach`].
    pub position: u64,
    /// The position that its output had reached when this was said. What comes from before it is of
    /// the past: whoever draws it must not answer what programs asked then. 0 in agents that don't
    /// tell.
    pub end: u64,
}
