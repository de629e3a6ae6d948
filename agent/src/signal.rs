//! The names of signals, as SSH and shells have them.

pub mod arrival;

use rustix::process::{Signal, WaitStatus};
use spaceport_domain::agent::Exit;

/// The bit of a wait status that says that a core was dumped.
const CORE_DUMPED: i32 = 0x80;

/// Names without `SIG`.
const NAMES: [(Signal, &str); 31] = [
    (Signal::HUP, "HUP"),
    (Signal::INT, "INT"),
    (Signal::QUIT, "QUIT"),
    (Signal::ILL, "ILL"),
    (Signal::TRAP, "TRAP"),
    (Signal::ABORT, "ABRT"),
    (Signal::BUS, "BUS"),
    (Signal::FPE, "FPE"),
    (Signal::KILL, "KILL"),
    (Signal::USR1, "USR1"),
    (Signal::SEGV, "SEGV"),
    (Signal::USR2, "USR2"),
    (Signal::PIPE, "PIPE"),
    (Signal::ALARM, "ALRM"),
    (Signal::TERM, "TERM"),
    (Signal::STKFLT, "STKFLT"),
    (Signal::CHILD, "CHLD"),
    (Signal::CONT, "CONT"),
    (Signal::STOP, "STOP"),
    (Signal::TSTP, "TSTP"),
    (Signal::TTIN, "TTIN"),
    (Signal::TTOU, "TTOU"),
    (Signal::URG, "URG"),
    (Signal::XCPU, "XCPU"),
    (Signal::XFSZ, "XFSZ"),
    (Signal::VTALARM, "VTALRM"),
    (Signal::PROF, "PROF"),
    (Signal::WINCH, "WINCH"),
    (Signal::IO, "IO"),
    (Signal::POWER, "PWR"),
    (Signal::SYS, "SYS"),
];

/// The signal with this name.
pub fn named(name: &[u8]) -> Option<Signal> {
    let known = NAMES.iter().find(|(_, known)| known.as_bytes() == name);
    known.map(|(signal, _)| *signal)
}

/// The name of a signal; its number where it has none.
fn name(number: i32) -> String {
    let known = NAMES.iter().find(|(signal, _)| signal.as_raw() == number);
    known.map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
}

/// How a process ended, by what the kernel says.
pub fn exit(status: WaitStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(status), _) => Exit::Status(u8::try_from(status).unwrap_or(u8::MAX)),
        (None, Some(signal)) => Exit::Signal {
            name: name(signal),
            core_dumped: status.as_raw() & CORE_DUMPED != 0,
        },
        // A process that is told of as ended has one or the other.
        (None, None) => Exit::Status(u8::MAX),
    }
}

/// The same as the exit status that shells give it: 128 and the signal's number.
pub fn exit_code(status: WaitStatus) -> u8 {
    let code = status
        .exit_status()
        .or_else(|| status.terminating_signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_as_it_is_written() {
        for (signal, spelled) in NAMES {
            assert_eq!(named(spelled.as_bytes()), Some(signal));
            assert_eq!(name(signal.as_raw()), spelled);
        }
        assert_eq!(named(b"SIGTERM"), None);
        assert_eq!(name(40), "40");
    }
}
