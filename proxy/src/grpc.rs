//! What the edge knows of gRPC: how a call is recognised, and how one is answered.
//!
//! The source is gRPC's own `PROTOCOL-HTTP2.md`, and `http-grpc-status-mapping.md` beside it. A
//! call goes into its space by HTTP/2 with prior knowledge, because gRPC servers speak nothing else;
//! every other request goes by HTTP/1.1, which every other server speaks. Nothing is probed: the
//! content type decides. gRPC-Web is made for HTTP/1.1 and goes that way.

use std::{fmt::Write, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header::CONTENT_TYPE};

/// The media type of a call and of its answer, to which a `+` and the messages' own may be added.
pub const MEDIA_TYPE: &str = "application/grpc";
/// How a call ended.
pub const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// Why, in words, percent-encoded.
pub const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// How long the client waits.
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// The longest a call's own deadline makes the edge wait.
const DEADLINE_MAX: Duration = Duration::from_hours(24);

/// Whether a request is a gRPC call.
pub fn is_call(version: Version, method: &Method, headers: &HeaderMap) -> bool {
    version == Version::HTTP_2
        && method == Method::POST
        && headers
            .get(CONTENT_TYPE)
            .is_some_and(|it| is_grpc(it.as_bytes()))
}

fn is_grpc(content_type: &[u8]) -> bool {
    content_type
        .split_at_checked(MEDIA_TYPE.len())
        .is_some_and(|(name, rest)| {
            name.eq_ignore_ascii_case(MEDIA_TYPE.as_bytes())
                && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
        })
}

/// How long the client of a call waits for it, if it says so.
pub fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let is_number = (1..=8).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
    let amount: u64 = digits.parse().ok().filter(|_| is_number)?;
    let deadline = match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    };
    Some(deadline.min(DEADLINE_MAX))
}

/// The status of a call that HTTP would answer with `status`.
pub const fn status(status: StatusCode) -> u16 {
    const UNKNOWN: u16 = 2;
    const PERMISSION_DENIED: u16 = 7;
    const UNIMPLEMENTED: u16 = 12;
    const INTERNAL: u16 = 13;
    const UNAVAILABLE: u16 = 14;
    const UNAUTHENTICATED: u16 = 16;
    match status.as_u16() {
        400 => INTERNAL,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 => UNIMPLEMENTED,
        429 | 502 | 503 | 504 => UNAVAILABLE,
        _ => UNKNOWN,
    }
}

/// `text` as the field `grpc-message` spells it.
pub fn message(text: &str) -> HeaderValue {
    let mut spelled = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => spelled.push(char::from(byte)),
            // Writing to a string doesn't fail.
            _ => drop(write!(spelled, "%{byte:02X}")),
        }
    }
    HeaderValue::try_from(spelled).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_by_its_content_type_over_http_2_alone() {
        for (content_type, is) in [
            ("application/grpc", true),
            ("Application/gRPC+proto", true),
            ("application/grpc; charset=utf-8", true),
            ("application/grpc-web", false),
            ("application/grpc-web+proto", false),
            ("application/grpcx", false),
            ("application/grp", false),
            ("text/plain; a=application/grpc", false),
        ] {
            for version in [Version::HTTP_2, Version::HTTP_11] {
                let value = HeaderValue::from_static(content_type);
                let headers = HeaderMap::from_iter([(CONTENT_TYPE, value)]);
                let wanted = is && version == Version::HTTP_2;
                let found = is_call(version, &Method::POST, &headers);
                assert_eq!(found, wanted, "{content_type} {version:?}");
                assert!(!is_call(version, &Method::GET, &headers));
            }
        }
    }

    #[test]
    fn a_deadline_has_up_to_eight_digits_and_a_unit() {
        let read = |text: &'static str| {
            let value = HeaderValue::from_static(text);
            deadline(&HeaderMap::from_iter([(GRPC_TIMEOUT, value)]))
        };
        assert_eq!(read("1H"), Some(Duration::from_hours(1)));
        assert_eq!(read("2M"), Some(Duration::from_mins(2)));
        assert_eq!(read("00000003S"), Some(Duration::from_secs(3)));
        assert_eq!(read("4m"), Some(Duration::from_millis(4)));
        assert_eq!(read("5u"), Some(Duration::from_micros(5)));
        assert_eq!(read("6n"), Some(Duration::from_nanos(6)));
        assert_eq!(read("99999999H"), Some(DEADLINE_MAX));
        for wrong in [
            "",
            "S",
            "1",
            "1s",
            "-1S",
            "+1S",
            "1.5S",
            "123456789S",
            " 1S",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(deadline(&HeaderMap::new()), None);
    }

    #[test]
    fn a_message_is_spelled_in_printable_ascii() {
        assert_eq!(
            message("100 % “sure”\n"),
            "100 %25 %E2%80%9Csure%E2%80%9D%0A"
        );
    }
}
