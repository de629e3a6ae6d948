//! The cookie by which these pages know a browser.

use std::time::Duration;

use axum::http::{HeaderMap, header};

/// The most values that are looked at: another program of the same host may have set more.
const VALUES_MAX: usize = 4;

/// The cookie of this origin alone. Over TLS its name makes the browser see to that
/// (RFC 6265bis §4.1.3.2); without, nothing can, and what listens at another port of the host gets it
/// too. Hence it proves a sign-in to these pages alone (`auth::keys::Audience`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Cookie {
    is_secure: bool,
}

impl Cookie {
    pub(super) fn new(is_secure: bool) -> Self {
        Self { is_secure }
    }

    fn name(self) -> &'static str {
        if self.is_secure {
            "__Host-spaceport-session"
        } else {
            "spaceport-session"
        }
    }

    /// The values that a browser sends.
    pub(super) fn values(self, headers: &HeaderMap) -> impl Iterator<Item = &str> {
        let fields = headers.get_all(header::COOKIE).iter();
        // As bytes: what others put beside it may be no text.
        fields
            .flat_map(|field| field.as_bytes().split(|byte| *byte == b';'))
            .filter_map(move |pair| pair.trim_ascii().strip_prefix(self.name().as_bytes()))
            .filter_map(|rest| std::str::from_utf8(rest.strip_prefix(b"=")?).ok())
            .take(VALUES_MAX)
    }

    /// `Set-Cookie` that keeps `value` for as long as it holds.
    pub(super) fn set(self, value: &str, life: Duration) -> String {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let seconds = life.as_secs();
        let name = self.name();
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
    }

    /// `Set-Cookie` that ends it.
    pub(super) fn clear(self) -> String {
        self.set("", Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cookies_of_the_exact_name_are_looked_at_and_not_too_many() {
        let mut headers = HeaderMap::new();
        let fields = [
            "a=1; spaceport-session=x;spaceport-session=y",
            "Spaceport-Session=z; __Host-spaceport-session=w; xspaceport-session=v",
        ];
        for field in fields {
            headers.append(header::COOKIE, field.parse().expect("a field"));
        }
        let values = |secure| Cookie::new(secure).values(&headers).collect::<Vec<_>>();
        assert_eq!(values(false), ["x", "y"]);
        assert_eq!(values(true), ["w"]);
        let many = "spaceport-session=x; ".repeat(100);
        headers.append(header::COOKIE, many.parse().expect("a field"));
        assert_eq!(Cookie::new(false).values(&headers).count(), VALUES_MAX);
    }

    #[test]
    fn over_tls_no_other_host_can_set_it() {
        let set = Cookie::new(true).set("x", Duration::from_secs(9));
        assert_eq!(
            set,
            "__Host-spaceport-session=x; Path=/; Max-Age=9; HttpOnly; SameSite=Lax; Secure"
        );
        assert!(!Cookie::new(false).clear().contains("Secure"));
    }
}
