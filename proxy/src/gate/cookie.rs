//! Cookies: the edge's own, which no space ever sees, and everybody else's, which pass.

use std::time::Duration;

use http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, SET_COOKIE},
};

/// The cookie that holds a ticket. The prefix makes browsers refuse it unless it is `Secure`, for
/// all paths, and for the one host that sets it (RFC 6265bis §4.1.3.2).
pub const NAME: &str = "__Host-spaceport-app";

/// Every cookie of Spaceport's. A browser sends the others to no space; whoever does is not helped
/// to keep one there.
const OURS: [&str; 3] = [NAME, "__Host-spaceport-session", "spaceport-session"];
/// What all of their names hold, for a quick look.
const MARK: &[u8] = b"spaceport";
/// How long a browser keeps it: the longest that browsers keep any (RFC 6265bis §5.5).
const LIFE: Duration = Duration::from_hours(400 * 24);
/// Tickets looked at in one request: a browser sends one.
const TICKETS_MAX: usize = 3;

/// The tickets a request brings, unproven.
pub fn tickets(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    // As bytes: what others put beside ours may be no text.
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|field| field.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| pair.trim_ascii().strip_prefix(NAME.as_bytes()))
        .filter_map(|rest| std::str::from_utf8(rest.strip_prefix(b"=")?).ok())
        .take(TICKETS_MAX)
}

/// What sets the cookie with `ticket`. It outlives the ticket: what a browser keeps for the host is
/// known by it to be of the ticket's space.
pub fn set(ticket: &str) -> Option<HeaderValue> {
    let seconds = LIFE.as_secs();
    let text =
        format!("{NAME}={ticket}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Takes Spaceport's own cookies out of a request, in whatever spelling, and makes one field of
/// several, as HTTP/1.1 wants it (RFC 9113 §8.2.3). A lone field without them stays as it is.
pub fn strip(headers: &mut HeaderMap) {
    let mut fields = headers.get_all(COOKIE).iter();
    let (Some(first), second) = (fields.next(), fields.next()) else {
        return;
    };
    if second.is_none() && !is_marked(first.as_bytes()) {
        return;
    }
    let kept: Vec<&[u8]> = headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|field| field.as_bytes().split(|byte| *byte == b';'))
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty() && !is_ours(pair))
        .collect();
    let joined = HeaderValue::from_bytes(&kept.join(&b"; "[..]));
    match joined {
        Ok(joined) if !joined.is_empty() => {
            headers.insert(COOKIE, joined);
        }
        _ => {
            headers.remove(COOKIE);
        }
    }
}

/// Keeps a space from setting Spaceport's own cookies, and from setting any for hosts other than
/// its own: those are other people's.
pub fn guard(headers: &mut HeaderMap) {
    let is_harmful = |field: &HeaderValue| {
        let bytes = field.as_bytes();
        is_marked(bytes) || contains(bytes, b"domain")
    };
    if !headers.get_all(SET_COOKIE).iter().any(is_harmful) {
        return;
    }
    let fields: Vec<HeaderValue> = headers
        .get_all(SET_COOKIE)
        .iter()
        .filter(|field| !is_ours(field.as_bytes().trim_ascii()))
        .map(host_only)
        .collect();
    headers.remove(SET_COOKIE);
    for field in fields {
        headers.append(SET_COOKIE, field);
    }
}

/// The same cookie without the attribute `Domain`: for the one host that sets it.
fn host_only(field: &HeaderValue) -> HeaderValue {
    let is_domain = |part: &&[u8]| {
        let name = part.split(|byte| *byte == b'=').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(b"domain")
    };
    let mut parts = field.as_bytes().split(|byte| *byte == b';');
    // The first part is the cookie itself, whatever it is called.
    let cookie = parts.next().unwrap_or_default();
    let attributes: Vec<&[u8]> = parts.collect();
    if !attributes.iter().any(is_domain) {
        return field.clone();
    }
    let kept = attributes.into_iter().filter(|part| !is_domain(part));
    let text: Vec<&[u8]> = std::iter::once(cookie).chain(kept).collect();
    HeaderValue::from_bytes(&text.join(&b";"[..])).unwrap_or_else(|_| field.clone())
}

/// Whether a pair's name is one of Spaceport's, as a lenient reader might see it: in any case, in
/// quotes, with blanks, or in the value of a cookie without a name.
fn is_ours(pair: &[u8]) -> bool {
    let pair = pair.trim_ascii_start();
    let nameless = pair
        .iter()
        .take_while(|byte| b"= \t".contains(byte))
        .count();
    let mut parts = pair[nameless..].split(|byte| b"=;".contains(byte));
    let name = parts.next().unwrap_or_default();
    let plain: Vec<u8> = name
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace() && *byte != b'"')
        .collect();
    OURS.iter()
        .any(|ours| plain.eq_ignore_ascii_case(ours.as_bytes()))
}

fn is_marked(field: &[u8]) -> bool {
    contains(field, MARK)
}

/// Whether `text` holds `wanted`, which is in lower case, in any case. Quotes and blanks between
/// don't hide it.
fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len())
        .any(|window| window.eq_ignore_ascii_case(wanted))
        || text.contains(&b'"')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(name: http::HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, value.parse().expect(value));
        }
        headers
    }

    fn stripped(values: &[&str]) -> Vec<String> {
        let mut headers = fields(COOKIE, values);
        strip(&mut headers);
        let left = headers.get_all(COOKIE).iter();
        left.map(|it| it.to_str().expect("text").to_owned())
            .collect()
    }

    #[test]
    fn our_cookie_is_found_and_taken_out_in_every_spelling() {
        let all = fields(COOKIE, &["a=1; __Host-spaceport-app=t1", "b=2"]);
        assert_eq!(tickets(&all).collect::<Vec<_>>(), ["t1"]);
        let mut beside = HeaderMap::new();
        let bytes = b"x=\xc3\xa9; __Host-spaceport-app=t2; y=\xff";
        let field = HeaderValue::from_bytes(bytes).expect("a value");
        beside.insert(COOKIE, field);
        assert_eq!(tickets(&beside).collect::<Vec<_>>(), ["t2"]);
        for spelling in [
            "__Host-spaceport-app=t",
            "__host-Spaceport-APP=t",
            " __Host-spaceport-app =t",
            "\"__Host-spaceport-app\"=t",
            "__Host-\"spaceport\"-app=t",
            "__Host-spaceport-app",
            "__Host-spaceport-session=t",
            "spaceport-session=t",
            "=__Host-spaceport-app=t",
        ] {
            let field = format!("a=1;{spelling}; b=\"2\"");
            assert_eq!(stripped(&[&field]), ["a=1; b=\"2\""], "{spelling}");
            assert_eq!(stripped(&[spelling, "c=3"]), ["c=3"], "{spelling}");
            assert_eq!(stripped(&[spelling]), [""; 0], "{spelling}");
        }
    }

    #[test]
    fn other_cookies_pass_untouched() {
        for field in ["a=1", "a=1;b=2 ;  c", "spaceships=1", ""] {
            assert_eq!(stripped(&[field]), [field]);
        }
        assert_eq!(stripped(&["a=spaceport"]), ["a=spaceport"]);
        // HTTP/2 may send one field a cookie.
        assert_eq!(stripped(&["a=1", "b=2"]), ["a=1; b=2"]);
    }

    fn guarded(value: &str) -> Option<String> {
        let mut headers = fields(SET_COOKIE, &["first=1; Path=/", value]);
        guard(&mut headers);
        let mut left = headers.get_all(SET_COOKIE).iter();
        assert_eq!(
            left.next().map(HeaderValue::as_bytes),
            Some(&b"first=1; Path=/"[..])
        );
        left.next().map(|it| it.to_str().expect("text").to_owned())
    }

    #[test]
    fn a_space_sets_cookies_for_its_own_host_alone_and_never_ours() {
        for ours in [
            "__Host-spaceport-app=x; Path=/",
            "__HOST-spaceport-app=; Max-Age=0",
            "=__Host-spaceport-app=x",
            " = __Host-spaceport-app; Path=/",
        ] {
            assert_eq!(guarded(ours), None, "{ours}");
        }
        for (set, left) in [
            ("s=1; Domain=apps.localhost; Path=/", "s=1; Path=/"),
            ("s=1;domain = .apps.localhost", "s=1"),
            (
                "s=\"1\"; DOMAIN=\"apps.localhost\"; Secure",
                "s=\"1\"; Secure",
            ),
            (
                "domain=apps.localhost; Path=/",
                "domain=apps.localhost; Path=/",
            ),
            ("s=1; Path=/domain", "s=1; Path=/domain"),
        ] {
            assert_eq!(guarded(set).as_deref(), Some(left), "{set}");
        }
    }

    proptest! {
        #[test]
        fn no_field_leaves_our_cookie_in(before in "[a-z=; \"]{0,12}", after in "[a-z=; \"]{0,12}") {
            let field = format!("{before};__Host-spaceport-app=secret;{after}");
            for left in stripped(&[&field]) {
                prop_assert!(!left.contains("secret"), "{left}");
            }
        }
    }
}
