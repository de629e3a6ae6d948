//! Where a browser wants to go: a URL at the hostname of an app.
//!
//! The control plane sends browsers to such a URL after it has found out who uses them, and it gets
//! the URL from whoever made the link. So only one spelling is taken, and nothing that two readers
//! could understand differently: what is not certain to lead to an app leads nowhere.

use crate::{
    hostname::{AppLabel, label_below},
    name::LABEL_MAX,
};

/// The longest URL in bytes.
const URL_BYTES_MAX: usize = 8 << 10;
/// The port that `https` means (RFC 9110 §4.2.2).
const HTTPS_PORT: u16 = 443;

/// A URL at the hostname of an app. Whether there is such an app is another question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    url: String,
    host_end: usize,
    path_start: usize,
}

/// The text is no URL at the hostname of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the address of an app")]
pub struct DestinationError;

const SCHEME: &str = "https://";

impl Destination {
    /// Reads a URL at a hostname one label below `domain`, at the edge's public `port`.
    ///
    /// # Errors
    ///
    /// Whenever the text is anything but `https://<label>.<domain>[:<port>]` in lower case, followed
    /// by nothing or by a path and query of visible ASCII without backslashes, which doesn't begin
    /// with two slashes: such a path alone would be read as another host's URL.
    pub fn parse(text: &str, domain: &str, port: u16) -> Result<Self, DestinationError> {
        let rest = text.strip_prefix(SCHEME).ok_or(DestinationError)?;
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#');
        if text.len() > URL_BYTES_MAX || !rest.bytes().all(is_plain) {
            return Err(DestinationError);
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let is_path = path.is_empty() || (path.starts_with('/') && !path.starts_with("//"));
        let (host, given) = match authority.split_once(':') {
            Some((host, given)) => (host, given.to_owned()),
            None => (authority, HTTPS_PORT.to_string()),
        };
        let label = label_below(host, domain).ok_or(DestinationError)?;
        if !is_label(label) || given != port.to_string() || !is_path {
            return Err(DestinationError);
        }
        Ok(Self {
            host_end: SCHEME.len() + host.len(),
            path_start: SCHEME.len() + authority.len(),
            url: text.to_owned(),
        })
    }

    /// The whole URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The hostname, in lower case and without a port.
    pub fn host(&self) -> &str {
        &self.url[SCHEME.len()..self.host_end]
    }

    /// The path and the query; never empty.
    pub fn path_and_query(&self) -> &str {
        match &self.url[self.path_start..] {
            "" => "/",
            path => path,
        }
    }

    /// The app that the hostname below `domain` means, when it is spelled like one.
    pub fn app(&self, domain: &str) -> Option<AppLabel> {
        AppLabel::of_host(self.host(), domain).ok()
    }
}

fn is_label(label: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    label.len() <= LABEL_MAX
        && label.bytes().all(is_plain)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DOMAIN: &str = "apps.example";

    fn parse(text: &str) -> Result<Destination, DestinationError> {
        Destination::parse(text, DOMAIN, 8443)
    }

    #[test]
    fn an_apps_url_is_taken_apart() {
        let host = "8000--lab--ada.apps.example";
        for (rest, path) in [
            ("", "/"),
            ("/", "/"),
            ("/deep?x=1&y=//z", "/deep?x=1&y=//z"),
            ("/a%2Fb/../c", "/a%2Fb/../c"),
        ] {
            let url = format!("https://{host}:8443{rest}");
            let destination = parse(&url).expect(&url);
            assert_eq!(destination.url(), url);
            assert_eq!(destination.host(), host);
            assert_eq!(destination.path_and_query(), path);
            assert!(destination.app(DOMAIN).is_some());
        }
        // What names no app is a destination all the same: only the edge says what there is.
        let other = parse("https://whatever.apps.example:8443/").expect("a label");
        assert_eq!(other.app(DOMAIN), None);
        let standard = format!("https://{host}/");
        assert!(Destination::parse(&standard, DOMAIN, 443).is_ok());
        assert!(
            Destination::parse(&standard.replace("example/", "example:443/"), DOMAIN, 443).is_ok()
        );
    }

    #[test]
    fn what_could_lead_elsewhere_leads_nowhere() {
        for text in [
            "",
            "/",
            "a.apps.example:8443",
            "//a.apps.example:8443/",
            "http://a.apps.example:8443/",
            "HTTPS://a.apps.example:8443/",
            "javascript://a.apps.example:8443/",
            "https:a.apps.example:8443/",
            "https:///a.apps.example:8443/",
            "https://a.apps.example/",
            "https://a.apps.example:443/",
            "https://a.apps.example:08443/",
            "https://a.apps.example:+8443/",
            "https://a.apps.example:8443x/",
            "https://a.apps.example:8443:8443/",
            "https://a.apps.example:/",
            "https://apps.example:8443/",
            "https://.apps.example:8443/",
            "https://a.b.apps.example:8443/",
            "https://a.apps.example.:8443/",
            "https://a.apps.example.evil.example:8443/",
            "https://evil.example:8443/?a.apps.example:8443",
            "https://evil.example:8443/a.apps.example:8443/",
            "https://evil.example#.apps.example:8443/",
            "https://evil.example?.apps.example:8443/",
            "https://evil.example\\.apps.example:8443/",
            "https://evil.example/.apps.example:8443/",
            "https://evil.example%2f.apps.example:8443/",
            "https://evil.example@a.apps.example:8443/",
            "https://a.apps.example:8443@evil.example/",
            "https://a.apps.example:8443\\@evil.example/",
            "https://a.apps.example:8443//evil.example/",
            "https://a.apps.example:8443/\\evil.example/",
            "https://a.apps.example:8443?x",
            "https://a.apps.example:8443/#x",
            "https://A.apps.example:8443/",
            "https://a.APPS.example:8443/",
            "https://-a.apps.example:8443/",
            "https://a_b.apps.example:8443/",
            "https://\u{e4}.apps.example:8443/",
            "https://a.apps.example:8443/\u{e4}",
            "https://a.apps\u{3002}example:8443/",
            "https://a.apps.example:8443/ x",
            "https://a.apps.example:8443/\r\nset-cookie: x",
            " https://a.apps.example:8443/",
            "https://a\t.apps.example:8443/",
        ] {
            assert_eq!(parse(text), Err(DestinationError), "{text:?}");
        }
        let long = format!("https://a.apps.example:8443/{}", "x".repeat(URL_BYTES_MAX));
        assert_eq!(parse(&long), Err(DestinationError));
        let label = "a".repeat(LABEL_MAX + 1);
        let long = format!("https://{label}.apps.example:8443/");
        assert_eq!(parse(&long), Err(DestinationError));
    }

    proptest! {
        #[test]
        fn whatever_is_taken_is_at_a_host_below_the_domain(
            text in "https://[a-z.@:/#?-]{0,6}[.]apps[.]example(:8443)?[a-z.@:/#?]{0,6}",
        ) {
            if let Ok(destination) = parse(&text) {
                let label = label_below(destination.host(), DOMAIN);
                prop_assert!(label.is_some_and(is_label));
                let begin = format!("https://{}:8443", destination.host());
                let rest = text.strip_prefix(&begin);
                prop_assert!(rest.is_some_and(|it| it.is_empty() || it.starts_with('/')));
            }
        }
    }
}
