//! Where browsers reach the API.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use axum::http::Uri;

/// The origin at which browsers reach the API (RFC 6454 §4), in lower case and without a port that
/// goes without saying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

/// The text is not the URL of a whole origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a URL like https://spaceport.example")]
pub struct PublicUrlError;

impl PublicUrl {
    /// Where a browser on this very host reaches `listener`.
    pub fn of_listener(listener: SocketAddr) -> Self {
        let ip = match listener.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        match listener.port() {
            80 => Self(format!("http://{}", host(ip))),
            port => Self(format!("http://{}", SocketAddr::new(ip, port))),
        }
    }

    /// The origin, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is reached by TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let url: Uri = text.parse().map_err(|_| PublicUrlError)?;
        let (scheme, implied) = match url.scheme_str() {
            Some("http") => ("http", ":80"),
            Some("https") => ("https", ":443"),
            _ => return Err(PublicUrlError),
        };
        let authority = url.authority().ok_or(PublicUrlError)?.as_str();
        let is_whole = url.path() == "/" && url.query().is_none() && !text.contains('#');
        if !is_whole || authority.contains('@') {
            return Err(PublicUrlError);
        }
        let authority = authority.strip_suffix(implied).unwrap_or(authority);
        Ok(Self(format!(
            "{scheme}://{}",
            authority.to_ascii_lowercase()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_spelling() {
        for (text, origin) in [
            ("https://Spaceport.example/", "https://spaceport.example"),
            ("https://spaceport.example:443", "https://spaceport.example"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://spaceport.example:80", "http://spaceport.example"),
        ] {
            let parsed: PublicUrl = text.parse().expect(text);
            assert_eq!(parsed.as_str(), origin);
        }
        for bad in [
            "",
            "spaceport.example",
            "ftp://spaceport.example",
            "https://",
            "https://spaceport.example/below",
            "https://spaceport.example/?x",
            "https://spaceport.example/#x",
            "https://somebody@spaceport.example/",
        ] {
            assert_eq!(bad.parse::<PublicUrl>(), Err(PublicUrlError), "{bad:?}");
        }
    }

    #[test]
    fn who_listens_everywhere_is_reached_on_loopback() {
        for (listen, origin) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("[::]:8080", "http://[::1]:8080"),
            ("192.0.2.1:80", "http://192.0.2.1"),
        ] {
            let listener = listen.parse().expect("an address");
            assert_eq!(PublicUrl::of_listener(listener).as_str(), origin);
        }
    }
}
