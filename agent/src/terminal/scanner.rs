//! What programs tell a terminal beside what they draw.

use std::collections::BTreeMap;

/// As much of a sequence is looked at.
const SEQUENCE_MAX_BYTES: usize = 512;
/// As much of a title is kept.
const TITLE_MAX_CHARACTERS: usize = 200;

/// The private modes that are followed: reports of the mouse and the focus, bracketed paste, and how
/// the cursor blinks. The emulator knows those that change what is drawn.
const MODES: [u16; 11] = [9, 12, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004];

/// Follows the output of a terminal's programs.
#[derive(Clone, Debug, Default)]
pub struct Scanner {
    state: State,
    sequence: Vec<u8>,
    title: String,
    modes: BTreeMap<u16, bool>,
    keypad_sends_sequences: bool,
    cursor_style: Option<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Escape,
    /// Behind `ESC [`.
    Control,
    /// Behind `ESC ]`.
    Command,
    /// Behind an `ESC` that should end it.
    CommandEscape,
    /// Behind `ESC P`, `ESC X`, `ESC ^` or `ESC _`: up to its end nothing is for us.
    Other,
}

impl Scanner {
    /// What programs called the terminal last.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Follows more output.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            if self.state == State::Text {
                // Most of all output is text.
                match rest.iter().position(|byte| *byte == 0x1b) {
                    Some(escape) => rest = &rest[escape + 1..],
                    None => return,
                }
                self.state = State::Escape;
            } else {
                rest = &rest[1..];
                self.step(byte);
            }
        }
    }

    fn step(&mut self, byte: u8) {
        match (self.state, byte) {
            (State::CommandEscape, b'\\') => self.command(),
            (State::Escape | State::CommandEscape, _) => self.escape(byte),
            (State::Command, 0x07) => self.command(),
            (State::Command, 0x1b) => self.state = State::CommandEscape,
            // Cancelled, or begun anew.
            (_, 0x18 | 0x1a) => self.state = State::Text,
            (_, 0x1b) => self.state = State::Escape,
            (State::Control, 0x40..=0x7e) => self.control(byte),
            (State::Control | State::Command, _) => {
                if self.sequence.len() < SEQUENCE_MAX_BYTES {
                    self.sequence.push(byte);
                }
            }
            (State::Other, 0x07) => self.state = State::Text,
            (State::Other | State::Text, _) => {}
        }
    }

    fn escape(&mut self, byte: u8) {
        self.sequence.clear();
        self.state = State::Text;
        match byte {
            b'[' => self.state = State::Control,
            b']' => self.state = State::Command,
            b'P' | b'X' | b'^' | b'_' => self.state = State::Other,
            b'=' => self.keypad_sends_sequences = true,
            b'>' => self.keypad_sends_sequences = false,
            b'c' => self.reset(),
            0x1b => self.state = State::Escape,
            _ => {}
        }
    }

    fn control(&mut self, last: u8) {
        self.state = State::Text;
        match (self.sequence.as_slice(), last) {
            ([b'?', modes @ ..], b'h' | b'l') => {
                let modes = modes.split(|byte| *byte == b';').filter_map(number);
                for mode in modes.filter(|mode| MODES.contains(mode)) {
                    self.modes.insert(mode, last == b'h');
                }
            }
            ([style @ .., b' '], b'q') => {
                self.cursor_style = number(style).and_then(|style| u8::try_from(style).ok());
            }
            (b"!", b'p') => self.keypad_sends_sequences = false,
            _ => {}
        }
    }

    /// An operating system command: 0 and 2 are titles.
    fn command(&mut self) {
        self.state = State::Text;
        if let [b'0' | b'2', b';', title @ ..] = self.sequence.as_slice() {
            let title = String::from_utf8_lossy(title);
            let shown = title.chars().filter(|character| !character.is_control());
            self.title = shown.take(TITLE_MAX_CHARACTERS).collect();
        }
    }

    fn reset(&mut self) {
        *self = Self {
            title: std::mem::take(&mut self.title),
            ..Self::default()
        };
    }

    /// What makes a new terminal know the same.
    pub fn redraw(&self, into: &mut Vec<u8>) {
        let mut say = |sequence: String| into.extend_from_slice(sequence.as_bytes());
        for (mode, on) in &self.modes {
            say(format!("\x1b[?{mode}{}", if *on { 'h' } else { 'l' }));
        }
        if self.keypad_sends_sequences {
            say("\x1b=".to_owned());
        }
        if let Some(style) = self.cursor_style {
            say(format!("\x1b[{style} q"));
        }
        if !self.title.is_empty() {
            say(format!("\x1b]2;{}\x07", self.title));
        }
    }

    /// The beginning of a sequence whose end is yet to come is for the emulator to repeat.
    #[cfg(test)]
    fn is_between_sequences(&self) -> bool {
        self.state == State::Text
    }
}

fn number(digits: &[u8]) -> Option<u16> {
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scanned(pieces: &[&[u8]]) -> Scanner {
        let mut scanner = Scanner::default();
        for piece in pieces {
            scanner.feed(piece);
        }
        scanner
    }

    #[test]
    fn titles_are_what_programs_said_last() {
        for said in [
            b"\x1b]0;one\x07\x1b]2;two\x1b\\rest".as_slice(),
            b"\x1b]2;t\x01w\no\x07\x1b]9;three\x07",
        ] {
            assert_eq!(scanned(&[said]).title(), "two");
        }
        let long = format!("\x1b]0;{}\x07", "é".repeat(240));
        assert_eq!(scanned(&[long.as_bytes()]).title(), "é".repeat(200));
    }

    #[test]
    fn modes_are_those_of_the_last_word() {
        let scanner = scanned(&[b"\x1b[?1002;1006h\x1b[?2004h\x1b[?1002l\x1b=\x1b[4 q\x1b[?25l"]);
        let mut redrawn = Vec::new();
        scanner.redraw(&mut redrawn);
        assert_eq!(redrawn, b"\x1b[?1002l\x1b[?1006h\x1b[?2004h\x1b=\x1b[4 q");
        let mut reset = Vec::new();
        scanned(&[b"\x1b[?1000h\x1bc"]).redraw(&mut reset);
        assert!(reset.is_empty());
    }

    proptest! {
        #[test]
        fn it_matters_not_where_the_output_is_cut(
            pieces in proptest::collection::vec("(\x1b(\\[|\\]|c|=)?)?[?0-9;hl q\x07]{0,9}", 0..8),
            cut in 0..64_usize,
        ) {
            let all = pieces.concat();
            let cut = (0..=cut.min(all.len())).rev().find(|at| all.is_char_boundary(*at)).unwrap_or(0);
            let (mut whole, mut parts) = (Vec::new(), Vec::new());
            let one = scanned(&[all.as_bytes()]);
            let two = scanned(&[&all.as_bytes()[..cut], &all.as_bytes()[cut..]]);
            one.redraw(&mut whole);
            two.redraw(&mut parts);
            prop_assert_eq!(whole, parts);
            prop_assert_eq!(one.is_between_sequences(), two.is_between_sequences());
        }
    }
}
