//! The terminal that a command runs in.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    os::fd::AsFd,
};

use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use spaceport_domain::agent::Size;

use crate::failure::Failure;

/// The modes of standard input's terminal, which come back when this is dropped.
#[derive(Debug)]
pub struct Modes(Termios);

impl Modes {
    /// Changes the modes of standard input's terminal.
    fn change(when: OptionalActions, change: impl FnOnce(&mut Termios)) -> io::Result<Self> {
        let input = io::stdin();
        let before = termios::tcgetattr(input.as_fd())?;
        let mut wanted = before.clone();
        change(&mut wanted);
        termios::tcsetattr(input.as_fd(), when, &wanted)?;
        Ok(Self(before))
    }

    /// Every byte is passed on as it is typed, also those that otherwise are signals. What was typed
    /// before is the program's, too.
    pub fn raw() -> io::Result<Self> {
        Self::change(OptionalActions::Drain, Termios::make_raw)
    }

    /// What is typed isn't shown. What was typed before, and was, is no secret: it is dropped.
    fn hidden() -> io::Result<Self> {
        Self::change(OptionalActions::Flush, |modes| {
            modes.local_modes.remove(LocalModes::ECHO);
            modes.local_modes.insert(LocalModes::ECHONL);
        })
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(io::stdin().as_fd(), OptionalActions::Now, &self.0);
    }
}

/// The size of the terminal, if standard output or standard input is one.
pub fn size() -> Option<Size> {
    let size = termios::tcgetwinsize(io::stdout().as_fd())
        .or_else(|_| termios::tcgetwinsize(io::stdin().as_fd()))
        .ok()?;
    Some(Size {
        columns: size.ws_col,
        rows: size.ws_row,
        width_px: size.ws_xpixel,
        height_px: size.ws_ypixel,
    })
}

/// Asks for a line.
pub fn ask(prompt: &str) -> Result<String, Failure> {
    eprint!("{prompt}: ");
    let _ = io::stderr().flush();
    read_line()
}

/// Asks for a line that isn't shown.
pub fn ask_hidden(prompt: &str) -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return read_line();
    }
    eprint!("{prompt}: ");
    let _ = io::stderr().flush();
    let _modes = Modes::hidden().map_err(|error| Failure::io("the terminal", &error))?;
    read_line()
}

/// The next line of standard input, without its end.
pub fn read_line() -> Result<String, Failure> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    match read {
        Ok(0) => Err(Failure::refused("INPUT", "standard input has ended")),
        Ok(_) => Ok(line.trim_end_matches(['\n', '\r']).to_owned()),
        Err(error) => Err(Failure::io("standard input", &error)),
    }
}
