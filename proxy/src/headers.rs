//! What happens to a message's fields on their way through the edge.
//!
//! Pure functions over header maps. A space is told of the visitor alone: the proxies in between are
//! the installation's own affair. Absent on purpose: `Via`, because common servers stop
//! compressing when they see it; and any reading of `X-Forwarded-Host`, because routing goes by
//! the authority alone.

pub mod trailers;

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri, Version,
    header::{
        CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, EXPECT, FORWARDED, HOST,
        PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SEC_WEBSOCKET_KEY, TE, TRANSFER_ENCODING, UPGRADE,
    },
    request::Parts,
    uri::{PathAndQuery, Scheme},
};
use spaceport_domain::{forwarding::TrustedProxies, hostname};

use crate::gate;

/// Names one request in the log, in the response and to the space.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Has a browser forget what it keeps for a hostname (W3C Clear Site Data).
pub const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
/// Carries the stable code of an answer the edge gives itself; never an upstream's.
pub const X_SPACEPORT_ERROR: HeaderName = HeaderName::from_static("x-spaceport-error");

/// The protocol that a request becomes a WebSocket by (RFC 6455 §1.9, RFC 8441 §5).
pub const WEBSOCKET: &str = "websocket";

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// Fields that speak to the next hop only, beside those `Connection` names (RFC 9110 §7.6.1).
const HOP_BY_HOP: [HeaderName; 6] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    UPGRADE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
];
/// Fields of which the edge alone is the source; `_` counts as `-`, as CGI makes them the same.
const OURS: [&str; 3] = ["forwarded", "x-real-ip", "x-request-id"];
const OUR_FAMILIES: [&str; 2] = ["x-forwarded-", "x-spaceport-"];
/// What CGI takes for the fields that delimit a body.
const FRAMING_LOOK_ALIKES: [&str; 2] = ["content_length", "transfer_encoding"];

/// Which host a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requested {
    /// Ready to be looked up.
    pub host: String,
    /// As the client spelled it, with its port, for the space's own use.
    pub spelled: HeaderValue,
}

/// Why a request is refused before anybody looks where it would go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// RFC 9112 §3.2: exactly one `Host`.
    #[error("The request names no host.")]
    NoHost,
    /// RFC 9112 §3.2: exactly one `Host`.
    #[error("The request has more than one Host field.")]
    SeveralHosts,
    /// `Host` and the request's target name different hosts.
    #[error("The Host field and the request's target disagree.")]
    HostsDisagree,
    /// What is named can't be a hostname.
    #[error("The requested host is no hostname.")]
    BadHost,
    /// RFC 9112 §3.2: a target in a form that its method doesn't have.
    #[error("The request's target is not understood.")]
    BadTarget,
    /// The edge is no forward proxy.
    #[error("The method CONNECT is not served here.")]
    Connect,
    /// A transfer coding other than `chunked`.
    #[error("The transfer coding is not understood.")]
    TransferCoding,
    /// What is asked for takes none.
    #[error("This request takes no body.")]
    UnexpectedBody,
    /// RFC 6455 §4.2.1: what isn't version 13, or has no key.
    #[error("The WebSocket's handshake is not understood.")]
    Handshake,
    /// What is asked for takes parameters.
    #[error("The parameters of the address are not understood.")]
    Query,
}

/// Finds the host a request is for, and refuses what is ambiguous.
pub fn requested(request: &Parts) -> Result<Requested, Malformed> {
    if request.method == Method::CONNECT {
        return Err(Malformed::Connect);
    }
    // These forms are for `CONNECT` and for `OPTIONS` alone.
    let is_authority = request.uri.authority().is_some() && request.uri.scheme().is_none();
    let is_asterisk = request.uri.path() == "*" && request.method != Method::OPTIONS;
    if is_authority || is_asterisk {
        return Err(Malformed::BadTarget);
    }
    let named = one_host(&request.headers)?;
    let target = match (request.uri.authority(), request.uri.scheme()) {
        (Some(_), Some(scheme)) if *scheme != Scheme::HTTPS && *scheme != Scheme::HTTP => {
            return Err(Malformed::BadHost);
        }
        (Some(authority), _) => Some(HeaderValue::try_from(authority.as_str())),
        (None, _) => None,
    };
    // HTTP/1.1 requires the field even beside an absolute target.
    if named.is_none() && request.version == Version::HTTP_11 {
        return Err(Malformed::NoHost);
    }
    let named = named.map(|it| normal(it).map(|host| (host, it.clone())));
    let target = target.map(|it| {
        let spelled = it.map_err(|_| Malformed::BadHost)?;
        normal(&spelled).map(|host| (host, spelled))
    });
    let (host, spelled) = match (target.transpose()?, named.transpose()?) {
        (Some(target), Some(named)) if target.0 != named.0 => return Err(Malformed::HostsDisagree),
        (Some(one), _) | (None, Some(one)) => one,
        (None, None) => return Err(Malformed::NoHost),
    };
    Ok(Requested { host, spelled })
}

fn one_host(headers: &HeaderMap) -> Result<Option<&HeaderValue>, Malformed> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => Err(Malformed::SeveralHosts),
        (host, None) => Ok(host),
    }
}

fn normal(spelled: &HeaderValue) -> Result<String, Malformed> {
    spelled
        .to_str()
        .ok()
        .and_then(hostname::normalize)
        .ok_or(Malformed::BadHost)
}

/// Whom a request of `peer` is from. What is said of it is read before [`to_space`] removes it.
pub fn client(trusted: &TrustedProxies, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let lines = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
    trusted.client(peer, lines(FORWARDED), lines(X_FORWARDED_FOR))
}

/// How a message's body is delimited, as far as it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// In chunks.
    Chunked,
    /// By length, by the end of the stream, or there is no body.
    Other,
}

/// Reads the framing. Only `chunked` is understood, once: a coding that stays on the body after
/// its field is removed would change what the body means.
pub fn framing(headers: &HeaderMap) -> Result<Framing, Malformed> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(Framing::Other),
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            Ok(Framing::Chunked)
        }
        _ => Err(Malformed::TransferCoding),
    }
}

/// Whether `path` is where an ACME server would look for a proof by HTTP (RFC 8555 §8.3), in any
/// percent-encoding. The edge proves nothing that way, and no space may: who answers there gets
/// certificates for the host.
pub fn is_acme_challenge(path: &str) -> bool {
    const PREFIX: &[u8] = b"/.well-known/acme-challenge";
    let mut rest = path.as_bytes();
    let mut next = || {
        let (byte, after) = match *rest {
            [b'%', high, low, ref after @ ..] => {
                let digit = |it: u8| char::from(it).to_digit(16);
                let byte = digit(high)? * 16 + digit(low)?;
                (u8::try_from(byte).ok()?, after)
            }
            [byte, ref after @ ..] => (byte, after),
            [] => return None,
        };
        rest = after;
        Some(byte)
    };
    PREFIX.iter().all(|wanted| next() == Some(*wanted)) && matches!(next(), None | Some(b'/'))
}

/// Whether a request asks to become a WebSocket over HTTP/1.1 (RFC 6455 §4.1).
pub fn asks_for_websocket(request: &Parts) -> bool {
    asks_for(request, WEBSOCKET) && request.headers.contains_key(SEC_WEBSOCKET_KEY)
}

/// Whether a request asks to become something else over HTTP/1.1 (RFC 9110 §7.8).
///
/// What isn't known here is not switched to: `h2c` and its kind would carry requests past every
/// check.
pub fn asks_for(request: &Parts, protocol: &str) -> bool {
    request.version == Version::HTTP_11
        && request.method == Method::GET
        && is_switch(&request.headers, protocol)
}

/// Whether the fields speak of a switch to `protocol`, and to nothing else.
pub fn is_switch(headers: &HeaderMap, protocol: &str) -> bool {
    let mut upgrades = headers.get_all(UPGRADE).iter();
    let only = match (upgrades.next(), upgrades.next()) {
        (Some(only), None) => only.as_bytes().eq_ignore_ascii_case(protocol.as_bytes()),
        _ => false,
    };
    only && connection_options(headers).any(|it| it.eq_ignore_ascii_case("upgrade"))
}

/// Says that this hop switches to `protocol`.
pub fn say_switch(headers: &mut HeaderMap, protocol: &'static str) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static(protocol));
}

/// Makes a visitor's fields those the space receives.
pub fn to_space(
    headers: &mut HeaderMap,
    requested: &Requested,
    client: IpAddr,
    request_id: &HeaderValue,
) {
    let trailers = headers
        .get_all(TE)
        .iter()
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(','))
        .any(|it| it.trim().eq_ignore_ascii_case("trailers"));
    strip(headers, |name| {
        is_ours(name)
            || is_framing_look_alike(name)
            // The edge answers an expectation itself, by asking for the body.
            || name == EXPECT
            // RFC 9110 doesn't know it; CGI would make it the variable HTTP_PROXY.
            || name == "proxy"
    });
    gate::strip_cookies(headers);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    headers.insert(HOST, requested.spelled.clone());
    headers.insert(X_REQUEST_ID, request_id.clone());
    say_for_whom(headers, requested, client);
}

/// Makes a space's fields those the visitor receives.
pub fn to_visitor(headers: &mut HeaderMap, request_id: &HeaderValue) {
    // What comes from a space never looks like the edge's own word.
    strip(headers, is_from_the_edge);
    gate::guard_cookies(headers);
    spare_cookies(headers);
    headers.insert(X_REQUEST_ID, request_id.clone());
}

/// Leaves of what a space has browsers forget (W3C Clear Site Data) what is of its own host: the cookies
/// would be those of every host below the domain.
fn spare_cookies(headers: &mut HeaderMap) {
    let said: Vec<_> = headers.get_all(CLEAR_SITE_DATA).iter().cloned().collect();
    headers.remove(CLEAR_SITE_DATA);
    let parts = said.iter().filter_map(|it| it.to_str().ok());
    let parts: Vec<_> = parts.flat_map(|it| it.split(',')).map(str::trim).collect();
    let own = ["\"cache\"", "\"storage\"", "\"executionContexts\""];
    let own = own
        .into_iter()
        .filter(|it| parts.contains(it) || parts.contains(&"\"*\""));
    for part in own {
        headers.append(CLEAR_SITE_DATA, HeaderValue::from_static(part));
    }
}

/// Has browsers show what a space answers in no frame of another origin. The space's own policy
/// stays beside it: browsers keep to both (Content Security Policy, §8.1).
pub fn keep_frames_away(headers: &mut HeaderMap) {
    let own_alone = HeaderValue::from_static("frame-ancestors 'self'");
    headers.append(CONTENT_SECURITY_POLICY, own_alone);
}

/// Removes what speaks to the next hop only, and what must not travel on besides.
fn strip(headers: &mut HeaderMap, besides: impl Fn(&HeaderName) -> bool) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = connection_options(headers)
            .filter_map(|it| it.parse().ok())
            // Naming these would change whom the message is for or where it ends.
            .filter(|name| name != HOST && name != CONTENT_LENGTH)
            .collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    remove(headers, |name| HOP_BY_HOP.contains(name) || besides(name));
    // RFC 9112 §6.3: the coding wins, and the length must not travel on.
    if headers.remove(TRANSFER_ENCODING).is_some() {
        headers.remove(CONTENT_LENGTH);
    }
}

fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(','))
        .map(str::trim)
        .filter(|it| !it.is_empty())
}

/// Removes every field whose name is `unwanted`; mostly there is none.
fn remove(headers: &mut HeaderMap, unwanted: impl Fn(&HeaderName) -> bool) {
    let names: Vec<HeaderName> = headers.keys().filter(|it| unwanted(it)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

fn is_ours(name: &HeaderName) -> bool {
    let name = name.as_str();
    // Nearly every name is told apart by its first letter.
    if !name.starts_with(['f', 'x']) {
        return false;
    }
    let same = |byte: u8, wanted: u8| byte == wanted || (byte == b'_' && wanted == b'-');
    let begins = |wanted: &str| {
        name.len() >= wanted.len() && name.bytes().zip(wanted.bytes()).all(|(a, b)| same(a, b))
    };
    OURS.iter()
        .any(|ours| name.len() == ours.len() && begins(ours))
        || OUR_FAMILIES.iter().any(|family| begins(family))
}

/// Whether a server could take a field for one that delimits the body, which it is not.
fn is_framing_look_alike(name: &HeaderName) -> bool {
    FRAMING_LOOK_ALIKES.contains(&name.as_str())
}

/// Whether a field of a response is the edge's own word.
fn is_from_the_edge(name: &HeaderName) -> bool {
    name.as_str().starts_with("x-spaceport-")
}

/// `Forwarded` (RFC 7239) and its older relatives.
fn say_for_whom(headers: &mut HeaderMap, requested: &Requested, client: IpAddr) {
    let client = client.to_canonical();
    let host = requested.spelled.to_str().unwrap_or(&requested.host);
    let node = match client {
        IpAddr::V4(it) => it.to_string(),
        IpAddr::V6(it) => format!("\"[{it}]\""),
    };
    let forwarded = format!("for={node};host=\"{host}\";proto=https");
    for (name, value) in [
        (FORWARDED, HeaderValue::try_from(forwarded)),
        (X_FORWARDED_FOR, HeaderValue::try_from(client.to_string())),
    ] {
        if let Ok(value) = value {
            headers.insert(name, value);
        }
    }
    headers.insert(X_FORWARDED_HOST, requested.spelled.clone());
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("https"));
}

/// The target as the space gets it: path and query alone, byte for byte.
pub fn origin_form(target: &Uri) -> Uri {
    target
        .path_and_query()
        .cloned()
        .map_or_else(|| Uri::from_static("/"), Uri::from)
}

/// The target as a space gets it by HTTP/2, where the host is a part of it and no field (RFC 9113
/// §8.3.1). The scheme is that of this hop: servers compare it with their connection.
pub fn http_2_form(parts: &mut Parts, requested: &Requested) -> Result<(), Malformed> {
    let target = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    parts.uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(requested.spelled.as_bytes())
        .path_and_query(target)
        .build()
        .map_err(|_| Malformed::BadHost)?;
    parts.headers.remove(HOST);
    Ok(())
}

#[cfg(test)]
mod tests;
