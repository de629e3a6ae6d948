//! Open files, of which the kernel gives a process only so many, and a connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// One in so many files is left for what isn't a visitor's connection: connections into spaces,
/// the routes' file, certificates.
const OTHERS_SHARE: u64 = 4;

/// Raises the limit on open files as far as this process may, and returns how many connections of
/// visitors it leaves room for, at most `wanted`.
///
/// Fewer than wanted are logged: the edge then lets newcomers wait, where it would otherwise run
/// out of files in the middle of a request.
pub fn room_for(wanted: usize) -> usize {
    let Some(files) = raised() else {
        return wanted;
    };
    let room = files - files / OTHERS_SHARE;
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    if room < wanted {
        tracing::warn!(
            files,
            connections = room,
            wanted,
            "the limit on open files leaves room for fewer connections than \
             SPACEPORT_EDGE_MAX_CONNECTIONS; raise it (systemd: LimitNOFILE=)"
        );
    }
    room.min(wanted)
}

/// The limit in force; `None`: there is none.
fn raised() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let current = current?;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => Some(current),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_to_others() {
        let files = raised().expect("tests run with a limit");
        let files = usize::try_from(files).expect("it fits");
        assert_eq!(room_for(10), 10);
        assert!(room_for(usize::MAX) < files);
    }
}
