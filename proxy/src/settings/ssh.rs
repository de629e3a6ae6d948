//! Where SSH clients come in, and what they may take.

use std::{net::SocketAddr, time::Duration};

use super::{Reader, address, at_least_one, count_from, kib_from, some_seconds};

/// The word that turns SSH off.
const OFF: &str = "off";

/// What the operator decides about SSH.
#[derive(Clone, Copy, Debug)]
pub struct SshSettings {
    /// `SSH_LISTEN`: where clients come in; `off` is nowhere. Port 0 takes a free one.
    pub listen: Option<SocketAddr>,
    /// The bounds.
    pub limits: SshLimits,
}

/// Every bound on SSH. Each field names its setting without the prefix `SPACEPORT_`.
#[derive(Clone, Copy, Debug)]
pub struct SshLimits {
    /// `SSH_SIGN_IN_SECONDS`: from the beginning of a connection to its sign-in.
    pub sign_in: Duration,
    /// `SSH_SIGN_IN_TRIES`: how many keys a connection may offer in vain, until it is ended. The
    /// question which methods there are counts as one.
    pub sign_in_tries: usize,
    /// `SSH_FAILURES_PER_MINUTE`: connections without a sign-in from one address, or from one /64
    /// network of IPv6, in any minute; more are closed at once.
    pub failures_per_minute: u32,
    /// `SSH_CHANNELS`: channels open at once on one connection: sessions, and connections that are
    /// forwarded.
    pub channels: usize,
    /// `SSH_FORWARDS`: ports that one connection listens on inside its space.
    pub forwards: usize,
    /// `SSH_WINDOW_KIB`: bytes a client may send on one channel before it waits for an answer.
    pub window_bytes: u32,
    /// `SSH_BUFFER_KIB`: bytes of one connection that a space hasn't taken yet. When it is reached,
    /// nothing more is read from the client until the space takes some.
    pub buffer_bytes: usize,
    /// `SSH_BUFFER_TOTAL_KIB`: the same of all connections together, a quarter of it for those of one
    /// person. Beyond it each connection may hold a little.
    pub buffer_total_bytes: usize,
    /// `SSH_STALL_SECONDS`: how long a connection may stand full while nothing is taken, until the
    /// channel that holds most is closed.
    pub stall: Duration,
    /// `SSH_KEEPALIVE_SECONDS`: after this silence a client is asked for a sign of life, and after
    /// the third question without an answer its connection ends. `None`: only the kernel asks,
    /// whom a client answers that is suspended.
    pub keepalive: Option<Duration>,
}

pub(super) fn ssh(read: &mut Reader<'_>) -> SshSettings {
    SshSettings {
        listen: read.or("SSH_LISTEN", "127.0.0.1:2222", address_or_off),
        limits: SshLimits {
            sign_in: read.or("SSH_SIGN_IN_SECONDS", "30", some_seconds),
            sign_in_tries: read.or("SSH_SIGN_IN_TRIES", "10", at_least_one).get(),
            failures_per_minute: read.or("SSH_FAILURES_PER_MINUTE", "60", count_from(1)),
            channels: read.or("SSH_CHANNELS", "256", at_least_one).get(),
            forwards: read.or("SSH_FORWARDS", "64", count_from(0)),
            window_bytes: read.or("SSH_WINDOW_KIB", "2048", kib_from(64)),
            buffer_bytes: read.or("SSH_BUFFER_KIB", "16384", kib_from(64)),
            buffer_total_bytes: read.or("SSH_BUFFER_TOTAL_KIB", "524288", kib_from(1024)),
            stall: read.or("SSH_STALL_SECONDS", "60", some_seconds),
            keepalive: read.maybe("SSH_KEEPALIVE_SECONDS", some_seconds),
        },
    }
}

fn address_or_off(text: &str) -> Result<Option<SocketAddr>, String> {
    if text == OFF {
        return Ok(None);
    }
    address(text)
        .map(Some)
        .map_err(|why| format!("{why}; or {OFF}"))
}
