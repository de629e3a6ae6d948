//! Fields behind a body (RFC 9110 §6.5).
//!
//! They pass both ways, except for those that would say, too late, what a message means. A recipient
//! may take trailers for fields, and then such a one would undo a check that was made on the head.

use http::{
    HeaderMap, HeaderName,
    header::{
        AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
        CONTENT_TYPE, COOKIE, EXPECT, HOST, MAX_FORWARDS, SET_COOKIE, TRAILER, TRANSFER_ENCODING,
    },
};

use super::{HOP_BY_HOP, is_framing_look_alike, is_from_the_edge, is_ours, remove};

/// Fields for framing, routing, authentication and content (RFC 9110 §6.5.1).
const HEAD_ONLY: [HeaderName; 14] = [
    AUTHORIZATION,
    CACHE_CONTROL,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    CONTENT_TYPE,
    COOKIE,
    EXPECT,
    HOST,
    MAX_FORWARDS,
    SET_COOKIE,
    TRAILER,
    TRANSFER_ENCODING,
];

/// Makes a visitor's trailers those the space receives.
pub fn to_space(trailers: &mut HeaderMap) {
    keep(trailers, |name| {
        !is_ours(name) && !is_framing_look_alike(name)
    });
}

/// Makes a space's trailers those the visitor receives.
pub fn to_visitor(trailers: &mut HeaderMap) {
    keep(trailers, |name| !is_from_the_edge(name));
}

fn keep(trailers: &mut HeaderMap, keeps: impl Fn(&HeaderName) -> bool) {
    remove(trailers, |name| {
        HEAD_ONLY.contains(name) || HOP_BY_HOP.contains(name) || !keeps(name)
    });
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn left(names: &[&'static str], make: fn(&mut HeaderMap)) -> Vec<String> {
        let field = |name| (HeaderName::from_static(name), HeaderValue::from_static("1"));
        let mut trailers = names.iter().copied().map(field).collect();
        make(&mut trailers);
        trailers.keys().map(|it| it.as_str().to_owned()).collect()
    }

    #[test]
    fn what_a_head_decides_can_not_be_said_behind_the_body() {
        let late = [
            "content-length",
            "transfer-encoding",
            "host",
            "te",
            "connection",
            "keep-alive",
            "upgrade",
            "trailer",
            "authorization",
            "cookie",
            "set-cookie",
        ];
        assert!(left(&late, to_space).is_empty());
        assert!(left(&late, to_visitor).is_empty());
        let edges = [
            "x-forwarded-for",
            "x_real_ip",
            "content_length",
            "forwarded",
        ];
        assert!(left(&edges, to_space).is_empty());
        assert!(left(&["x-spaceport-error"], to_visitor).is_empty());
    }

    #[test]
    fn a_calls_status_and_an_apps_own_trailers_pass() {
        let own = ["grpc-status", "grpc-message", "x-sum"];
        assert_eq!(left(&own, to_space), own);
        assert_eq!(left(&own, to_visitor), own);
    }
}
