//! Which ports are forwarded.

use std::{net::IpAddr, str::FromStr};

/// A port of this machine that leads to one of a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// Where to listen; loopback when nothing is said.
    pub bind: Option<IpAddr>,
    /// The port here; 0 is any free one.
    pub local: u16,
    /// The port in the space.
    pub remote: u16,
}

/// The text isn't `[bind:]local[:remote]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardedError {
    /// It has another shape.
    #[error("must be [ADDRESS:]LOCAL[:REMOTE], as in 8080, 8080:80 or 0.0.0.0:8080:80")]
    Shape,
    /// There is no port 0 in a space.
    #[error("the space's port must be from 1 to 65535")]
    Remote,
}

impl FromStr for Forwarded {
    type Err = ForwardedError;

    fn from_str(text: &str) -> Result<Self, ForwardedError> {
        let (bind, ports) = match bind_of(text) {
            Some((bind, ports)) => (Some(bind), ports),
            None => (None, text),
        };
        let port = |text: &str| {
            let is_plain = text.bytes().all(|it| it.is_ascii_digit());
            text.parse::<u16>().ok().filter(|_| is_plain)
        };
        let (local, remote) = match ports.split_once(':') {
            Some((local, remote)) => (port(local), port(remote)),
            None => (port(ports), port(ports)),
        };
        let (Some(local), Some(remote)) = (local, remote) else {
            return Err(ForwardedError::Shape);
        };
        if remote == 0 {
            return Err(ForwardedError::Remote);
        }
        Ok(Self {
            bind,
            local,
            remote,
        })
    }
}

/// The address in front, where there is one: IPv6 in brackets, `*` for all.
fn bind_of(text: &str) -> Option<(IpAddr, &str)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, ports) = rest.split_once("]:")?;
        return Some((IpAddr::V6(address.parse().ok()?), ports));
    }
    let (address, ports) = text.split_once(':')?;
    match address {
        "*" => Some((IpAddr::from([0, 0, 0, 0]), ports)),
        "localhost" => Some((IpAddr::from([127, 0, 0, 1]), ports)),
        _ => Some((IpAddr::V4(address.parse().ok()?), ports)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_spelled_in_short_or_in_full() {
        let read = |text: &str| {
            let it = text.parse::<Forwarded>().expect(text);
            (it.bind.map(|it| it.to_string()), it.local, it.remote)
        };
        let bound = |address: &str| Some(address.to_owned());
        assert_eq!(read("8080"), (None, 8080, 8080));
        assert_eq!(read("8080:80"), (None, 8080, 80));
        assert_eq!(read("0:80"), (None, 0, 80));
        assert_eq!(read("0.0.0.0:8080:80"), (bound("0.0.0.0"), 8080, 80));
        assert_eq!(read("127.0.0.1:8080"), (bound("127.0.0.1"), 8080, 8080));
        assert_eq!(read("*:1:2"), (bound("0.0.0.0"), 1, 2));
        assert_eq!(read("[::1]:8080:80"), (bound("::1"), 8080, 80));
        for bad in [
            "", "x", "80:", ":80", "1:2:3", "65536", "+80", "[::1]:", "[x]:1", "0", "1:0",
        ] {
            assert!(bad.parse::<Forwarded>().is_err(), "{bad}");
        }
    }
}
