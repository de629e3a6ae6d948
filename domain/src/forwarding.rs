//! Whom a request is from, when proxies stand in between.
//!
//! A proxy adds the address it was asked from at the end of `Forwarded` (RFC 7239) or of
//! `X-Forwarded-For`, behind whatever the client wrote there itself. So a field is read from right
//! to left, and only as far as those who wrote it are trusted:
//!
//! ```text
//! X-Forwarded-For: 198.51.100.9, 192.0.2.7, 10.0.0.2          peer of the socket: 10.0.0.1
//!                  └ anybody's    └ client   └ trusted ◀──────── trusted ◀┘
//!                    invention
//! ```
//!
//! Absent on purpose: any word of the proxies' on host or protocol. Both are known first-hand.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

/// Proxies whose word on addresses is believed. None by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

/// An address, or all that share its first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// How many bits count; at least one.
    prefix: u8,
}

/// Why a text is not a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// It is neither an address nor a network in CIDR notation.
    #[error("{0:?} is neither an address nor a network like 10.0.0.0/8")]
    Notation(String),
    /// The network is everybody.
    #[error("{0:?} would trust everybody")]
    Everybody(String),
    /// The address goes on where the prefix ends.
    #[error("{0:?} has bits beyond its prefix; {1} has none")]
    Beyond(String, Network),
}

impl TrustedProxies {
    /// Whether `address` is one of them.
    pub fn include(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.includes(address))
    }

    /// The client behind `peer`, the other end of a request's connection. `forwarded` and
    /// `x_forwarded_for` are the values of the request's fields of these names, in their order.
    ///
    /// When both fields are there and disagree, neither is believed: a proxy that writes one of
    /// them may let the other through as the client made it up.
    pub fn client<'a>(
        &self,
        peer: IpAddr,
        forwarded: impl DoubleEndedIterator<Item = &'a [u8]>,
        x_forwarded_for: impl DoubleEndedIterator<Item = &'a [u8]>,
    ) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.include(peer) {
            return peer;
        }
        let mut by_standard = forwarded.rev().flat_map(elements).peekable();
        let mut by_custom = x_forwarded_for.rev().flat_map(addresses).peekable();
        let is_there = (by_standard.peek().is_some(), by_custom.peek().is_some());
        let by_standard = self.farthest(peer, by_standard.map(node_of));
        let by_custom = self.farthest(peer, by_custom.map(node));
        match is_there {
            (true, true) if by_standard != by_custom => peer,
            (true, _) => by_standard,
            (false, _) => by_custom,
        }
    }

    /// The first of `hops`, nearest first, that isn't trusted, or the last that is. Behind one
    /// that can't be read nothing is believed.
    fn farthest(&self, peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut client = peer;
        for hop in hops {
            let Some(hop) = hop else { break };
            client = hop;
            if !self.include(hop) {
                break;
            }
        }
        client
    }
}

impl FromStr for TrustedProxies {
    type Err = NetworkError;

    /// Reads networks separated by commas.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let items = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        items.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl Network {
    fn includes(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (network.to_bits() ^ address.to_bits()) >> (32 - self.prefix) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits() ^ address.to_bits()) >> (128 - self.prefix) == 0
            }
            _ => false,
        }
    }

    /// The network without what stands beyond its prefix.
    fn trimmed(self) -> Self {
        let address = match self.address {
            IpAddr::V4(it) => {
                let rest = 32 - self.prefix;
                IpAddr::V4((it.to_bits() >> rest << rest).into())
            }
            IpAddr::V6(it) => {
                let rest = 128 - self.prefix;
                IpAddr::V6((it.to_bits() >> rest << rest).into())
            }
        };
        Self { address, ..self }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError::Notation(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        // IPv4 in the clothes of IPv6: where its prefix begins would be a guess.
        if address.to_canonical() != address {
            return Err(wrong());
        }
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(prefix) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => {
                prefix.parse().map_err(|_| wrong())?
            }
            Some(_) => return Err(wrong()),
        };
        match prefix {
            0 => return Err(NetworkError::Everybody(text.to_owned())),
            prefix if prefix > longest => return Err(wrong()),
            _ => {}
        }
        let network = Self { address, prefix };
        if network.trimmed() == network {
            Ok(network)
        } else {
            Err(NetworkError::Beyond(text.to_owned(), network.trimmed()))
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The members of a list, last first; empty ones don't count (RFC 9110 §5.6.1). A comma within a
/// quoted string separates nothing.
///
/// It looks at no byte before the member it gives: what a client wrote in front, an open quote for
/// one, can't change how the members behind it are read.
fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(list);
    let members = std::iter::from_fn(move || {
        let list = rest?;
        let comma = last_outside_quotes(list, b',');
        rest = comma.map(|at| &list[..at]);
        Some(&list[comma.map_or(0, |at| at + 1)..])
    });
    members.map(<[u8]>::trim_ascii).filter(|it| !it.is_empty())
}

/// The members of a list that knows no quotes, last first.
fn addresses(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let members = list.rsplit(|byte| *byte == b',');
    members.map(<[u8]>::trim_ascii).filter(|it| !it.is_empty())
}

/// Where the last `wanted` is that doesn't stand within a quoted string (RFC 9110 §5.6.4), looking
/// from the end.
fn last_outside_quotes(text: &[u8], wanted: u8) -> Option<usize> {
    let mut quoted = false;
    let mut at = text.len();
    while at > 0 {
        at -= 1;
        let byte = text[at];
        // Within quotes a quote behind a backslash is a character like any other. An opening quote
        // never is behind one: it follows "=".
        if byte == b'"' && !(quoted && is_escaped(text, at)) {
            quoted = !quoted;
        } else if byte == wanted && !quoted {
            return Some(at);
        }
    }
    None
}

/// Whether an odd number of backslashes stands before `at`.
fn is_escaped(text: &[u8], at: usize) -> bool {
    let before = text[..at].iter().rev();
    before.take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The address that an element of `Forwarded` says the request came from; `None` when it says none
/// or can't be read.
fn node_of(element: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    let mut rest = Some(element);
    while let Some(pairs) = rest {
        let semicolon = last_outside_quotes(pairs, b';');
        rest = semicolon.map(|at| &pairs[..at]);
        let pair = pairs[semicolon.map_or(0, |at| at + 1)..].trim_ascii();
        let Some(equals) = pair.iter().position(|byte| *byte == b'=') else {
            // RFC 7239 §4 allows for empty pairs.
            if pair.is_empty() {
                continue;
            }
            return None;
        };
        if pair[..equals].eq_ignore_ascii_case(b"for") {
            // Each parameter occurs at most once.
            if found.is_some() {
                return None;
            }
            found = Some(node(unquoted(&pair[equals + 1..])?)?);
        }
    }
    found
}

/// A token as it is, or what stands within quotes. An address needs no escapes.
fn unquoted(value: &[u8]) -> Option<&[u8]> {
    match value {
        [b'"', inner @ .., b'"'] if !inner.contains(&b'"') => Some(inner),
        _ if value.contains(&b'"') => None,
        _ => Some(value),
    }
}

/// An address, with or without a port; IPv6 with or without brackets. Names and what is obfuscated
/// (RFC 7239 §6.3) are no addresses.
fn node(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bracketed = || {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    };
    let with_port = || text.parse::<SocketAddr>().ok().map(|it| it.ip());
    let address = text.parse().ok().or_else(bracketed).or_else(with_port)?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests;
