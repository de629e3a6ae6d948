//! Which pages may open a WebSocket.
//!
//! Browsers let any page open a WebSocket to any host, so the `Origin` they send is checked on
//! upgrade. Credentials come in `connection_init` and never from a cookie, so a foreign page has
//! none to misuse; this is the second lock, and the first once there are cookies. Clients that are
//! no browsers send no origin, and are let through.

/// Whether an origin is the host the request is for, or allowed by a setting.
pub(super) fn is_allowed(origin: Option<&str>, host: Option<&str>, allowed: &[String]) -> bool {
    let Some(origin) = origin else { return true };
    if allowed.iter().any(|name| name.eq_ignore_ascii_case(origin)) {
        return true;
    }
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let port = match scheme.to_ascii_lowercase().as_str() {
        "http" => "80",
        "https" => "443",
        _ => return false,
    };
    let (host_name, host_port) = split_port(host.unwrap_or_default());
    let (origin_name, origin_port) = split_port(authority);
    !origin_name.is_empty()
        && origin_name.eq_ignore_ascii_case(host_name)
        && origin_port.unwrap_or(port) == host_port.unwrap_or(port)
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        // The colons of a bare IPv6 address are within brackets.
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_host_and_listed_origins_are_allowed() {
        let allowed = ["https://console.example.com".to_owned()];
        for (origin, host, expected) in [
            (None, "api.example.com", true),
            (Some("https://api.example.com"), "api.example.com", true),
            (Some("https://API.example.com"), "api.example.com:443", true),
            (Some("http://localhost:8080"), "localhost:8080", true),
            (Some("http://[::1]:8080"), "[::1]:8080", true),
            (Some("http://[::1]"), "[::1]", true),
            (Some("https://console.example.com"), "api.example.com", true),
            (Some("https://evil.example.com"), "api.example.com", false),
            (Some("http://localhost:8081"), "localhost:8080", false),
            (
                Some("https://api.example.com.evil.org"),
                "api.example.com",
                false,
            ),
            (Some("null"), "api.example.com", false),
            (Some("file://"), "", false),
            (Some("https://"), "", false),
        ] {
            assert_eq!(
                is_allowed(origin, Some(host), &allowed),
                expected,
                "{origin:?} {host}"
            );
        }
    }
}
