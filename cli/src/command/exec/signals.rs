//! Signals, and what programs that they end are said to end with.

use spaceport_domain::agent::Exit;

/// What a program that was ended by a signal ends with, as shells have it, beside the signal's number.
const STATUS: u8 = 128;

/// A signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Its name, without `SIG`.
    pub name: &'static str,
    /// Its number (POSIX, `kill`).
    pub number: u8,
}

const fn signal(name: &'static str, number: u8) -> Signal {
    Signal { name, number }
}

impl Signal {
    const INT: Self = signal("INT", 2);
    /// Asks a program to end.
    pub const TERM: Self = signal("TERM", 15);
    /// Nobody reads what is written.
    pub const PIPE: Self = signal("PIPE", 13);
    /// Those that are passed on to the program.
    pub const PASSED_ON: [Self; 6] = [
        signal("HUP", 1),
        Self::INT,
        signal("QUIT", 3),
        Self::TERM,
        signal("USR1", 10),
        signal("USR2", 12),
    ];
    /// Those that others end by.
    const OTHERS: [Self; 7] = [
        signal("ILL", 4),
        signal("ABRT", 6),
        signal("FPE", 8),
        signal("KILL", 9),
        signal("SEGV", 11),
        Self::PIPE,
        signal("ALRM", 14),
    ];

    /// Whether somebody who is tired of waiting sends it.
    pub fn is_impatient(self) -> bool {
        self == Self::INT || self == Self::TERM
    }

    /// The exit status of what it ends.
    pub fn status(self) -> u8 {
        STATUS + self.number
    }
}

/// The exit status of a program, as shells have it.
pub fn status_of(exit: &Exit) -> u8 {
    match exit {
        Exit::Status(status) => *status,
        Exit::Signal { name, .. } => {
            let mut known = Signal::PASSED_ON.into_iter().chain(Signal::OTHERS);
            let signal = known.find(|it| it.name == name);
            signal.map_or(STATUS, Signal::status)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_end_as_shells_tell_it() {
        let by_signal = |name: &str| {
            status_of(&Exit::Signal {
                name: name.to_owned(),
                core_dumped: false,
            })
        };
        assert_eq!(status_of(&Exit::Status(7)), 7);
        assert_eq!(by_signal("TERM"), 143);
        assert_eq!(by_signal("KILL"), 137);
        assert_eq!(by_signal("STRANGE"), 128);
    }
}
