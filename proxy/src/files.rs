//! Open files, of which the kernel gives a process only so many, and a connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Visitors have at most so many of eight files. Most of their connections are idle, and of the rest
/// each needs one more for the way into a space.
const VISITORS_EIGHTHS: u64 = 5;
/// One in so many files is left for what is no connection: listening sockets, the routes' file,
/// certificates, the API.
const OTHERS_SHARE: u64 = 16;

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Of visitors.
    pub visitors: usize,
    /// Into spaces.
    pub spaces: usize,
}

/// Raises the limit on open files as far as this process may, and returns how many connections it
/// leaves room for, at most the wanted ones of visitors and into spaces.
///
/// Fewer than wanted are logged: the edge then lets newcomers wait, or says that it is busy, where
/// it would otherwise run out of files in the middle of a request.
pub fn room_for(visitors: usize, spaces: usize) -> Room {
    let wanted = Room { visitors, spaces };
    let Some(files) = raised() else {
        return wanted;
    };
    let room = divided(files, wanted);
    if room != wanted {
        tracing::warn!(
            files,
            connections = room.visitors,
            wanted = wanted.visitors,
            upstream_connections = room.spaces,
            upstream_wanted = wanted.spaces,
            "the limit on open files leaves room for fewer connections than \
             SPACEPORT_EDGE_MAX_CONNECTIONS or SPACEPORT_EDGE_UPSTREAM_MAX_CONNECTIONS; raise it \
             (systemd: LimitNOFILE=)"
        );
    }
    room
}

/// What visitors don't want, spaces may have.
fn divided(files: u64, wanted: Room) -> Room {
    let count = |files: u64| usize::try_from(files).unwrap_or(usize::MAX);
    let visitors = wanted.visitors.min(count(files / 8 * VISITORS_EIGHTHS));
    let rest = count(files - files / OTHERS_SHARE) - visitors;
    Room {
        visitors,
        spaces: wanted.spaces.min(rest),
    }
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
    fn connections_leave_files_to_each_other_and_to_the_rest() {
        let divided = |visitors, spaces| {
            let room = divided(1600, Room { visitors, spaces });
            (room.visitors, room.spaces)
        };
        assert_eq!(divided(10, 20), (10, 20));
        assert_eq!(divided(usize::MAX, usize::MAX), (1000, 500));
        assert_eq!(divided(100, usize::MAX), (100, 1400));
        assert_eq!(divided(usize::MAX, 1), (1000, 1));
    }

    #[test]
    fn what_is_wanted_is_had_where_there_are_files() {
        assert_eq!(
            room_for(10, 5),
            Room {
                visitors: 10,
                spaces: 5
            }
        );
        let files = raised().expect("tests run with a limit");
        let all = room_for(usize::MAX, usize::MAX);
        assert!(((all.visitors + all.spaces) as u64) < files);
    }
}
