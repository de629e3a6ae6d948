//! Pages of the edge's own, on which people work in a space. Their files were built beside this
//! program (`dev/web`) and are a part of it.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
        ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};
use ring::digest;

use crate::{http::body::Source, reply::Answer};

/// Paths as a browser asks for them, and what is there. Sorted.
type Files = &'static [(&'static str, &'static [u8])];

/// The page itself.
const INDEX: &str = "/index.html";
/// The names of files below it change with what is in them.
const HASHED: &str = "/assets/";
/// Beside a file, the same in Brotli's format (RFC 7932).
const COMPRESSED: &str = ".br";
/// How much of its hash names a file: enough to tell versions apart.
const TAG_BYTES: usize = 12;

/// A page with the files that it loads.
#[derive(Debug)]
pub struct Page {
    /// What people do there, as a part of a sentence.
    name: &'static str,
    /// Empty in a program beside which nothing was built.
    files: Files,
    /// What the page may load and run (Content Security Policy).
    policy: &'static str,
}

/// The page of terminals. It loads its own files and speaks with its own host, and nobody frames it.
/// Styles may be in the page because xterm.js writes rules for its colours and its font there; what
/// programs print is drawn as text and never becomes markup.
pub static TERMINAL: Page = Page {
    name: "terminal",
    files: include!(concat!(env!("OUT_DIR"), "/terminal_files.rs")),
    policy: "default-src 'none'; script-src 'self'; \
        style-src 'self' 'unsafe-inline'; img-src 'self'; connect-src 'self'; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/// The page of the desktop. Images may be in the page because noVNC makes some of what the space
/// sends: pieces of the picture as JPEG or PNG, and the pointer.
pub static DESKTOP: Page = Page {
    name: "desktop",
    files: include!(concat!(env!("OUT_DIR"), "/desktop_files.rs")),
    policy: "default-src 'none'; script-src 'self'; \
        style-src 'self'; img-src 'self' data:; connect-src 'self'; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

impl Page {
    /// The file at the path of a request with `headers`, in the form that it wants.
    ///
    /// # Errors
    ///
    /// There is no such file, or the page isn't a part of this program.
    pub fn serve(&self, path: &str, headers: &HeaderMap) -> Result<Response<Source>, Answer> {
        if path == "/" && find(self.files, INDEX).is_none() {
            return Err(Answer::page_not_built(self.name));
        }
        let file = self.file(path, headers);
        Ok(file.ok_or_else(Answer::unknown_host)?.map(Source::Own))
    }

    fn file(&self, path: &str, headers: &HeaderMap) -> Option<Response<Bytes>> {
        let path = if path == "/" { INDEX } else { path };
        let content_type = content_type(path)?;
        let plain = find(self.files, path)?;
        let compressed = find(self.files, &format!("{path}{COMPRESSED}"));
        let sent = compressed.filter(|_| takes_brotli(headers));
        let body = sent.unwrap_or(plain);
        let tag = tag(body);
        let is_known = headers
            .get_all(IF_NONE_MATCH)
            .iter()
            .any(|it| it.to_str().is_ok_and(|it| it.contains(&tag)));
        let mut response = Response::new(if is_known {
            Bytes::new()
        } else {
            Bytes::from_static(body)
        });
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let kept = if path.starts_with(HASHED) {
            "private, max-age=31536000, immutable"
        } else {
            "private, no-cache"
        };
        let fields = response.headers_mut();
        for (name, value) in [
            (CONTENT_TYPE, content_type),
            (CACHE_CONTROL, kept),
            (CONTENT_SECURITY_POLICY, self.policy),
            (OPENER_POLICY, "same-origin"),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            fields.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(tag) = HeaderValue::try_from(tag) {
            fields.insert(ETAG, tag);
        }
        if compressed.is_some() {
            fields.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        if sent.is_some() {
            fields.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
        }
        Some(response)
    }
}

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

fn find(files: Files, path: &str) -> Option<&'static [u8]> {
    let at = files.binary_search_by_key(&path, |(path, _)| path).ok()?;
    Some(files[at].1)
}

/// What a file is, by its name; `None` for what isn't asked for by itself.
fn content_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

/// Whether Brotli is among the codings that a visitor takes (RFC 9110 §12.5.3).
fn takes_brotli(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(ACCEPT_ENCODING).iter();
    fields
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(','))
        .any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
            name.trim().eq_ignore_ascii_case("br") && weight.parse() != Ok(0.0_f32)
        })
}

/// An entity tag (RFC 9110 §8.8.3).
fn tag(body: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, body);
    let mut tag = String::from("\"");
    for byte in &hash.as_ref()[..TAG_BYTES] {
        // Writing to a string doesn't fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Code;

    const BUILT: Page = Page {
        name: "test",
        files: &[
            ("/assets/index-1.js", b"plain script"),
            ("/assets/index-1.js.br", b"short script"),
            ("/icon.svg", b"<svg/>"),
            ("/index.html", b"<!doctype html>"),
        ],
        policy: "default-src 'none'",
    };

    fn headers(fields: &[(HeaderName, &'static str)]) -> HeaderMap {
        let pairs = fields.iter().cloned();
        pairs
            .map(|(name, value)| (name, HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn only_the_pages_own_files_are_served() {
        let none = HeaderMap::new();
        let body = |path| BUILT.file(path, &none).map(Response::into_body);
        assert_eq!(body("/").as_deref(), Some(&b"<!doctype html>"[..]));
        assert_eq!(body("/icon.svg").as_deref(), Some(&b"<svg/>"[..]));
        for path in [
            "",
            "/assets",
            "/assets/",
            "/assets/../index.html",
            "/assets/index-1.js.br",
            "//icon.svg",
        ] {
            assert_eq!(body(path), None, "{path}");
        }
        let unbuilt = Page {
            files: &[],
            ..BUILT
        };
        let answer = unbuilt.serve("/", &none).err();
        assert_eq!(answer.map(|it| it.code), Some(Code::PageNotBuilt));
    }

    #[test]
    fn who_takes_brotli_gets_it() {
        for (accepted, expected) in [
            ("gzip, deflate, br", "short script"),
            ("BR;q=0.5", "short script"),
            ("gzip, br;q=0", "plain script"),
            ("gzip", "plain script"),
        ] {
            let headers = headers(&[(ACCEPT_ENCODING, accepted)]);
            let response = BUILT.file("/assets/index-1.js", &headers).expect("a file");
            assert_eq!(response.headers()[VARY], "accept-encoding");
            let coded = response.headers().contains_key(CONTENT_ENCODING);
            assert_eq!(coded, expected == "short script", "{accepted}");
            assert_eq!(response.body(), expected, "{accepted}");
        }
    }

    #[test]
    fn what_a_browser_has_is_not_sent_again() {
        let first = BUILT.file("/", &HeaderMap::new()).expect("a page");
        assert_eq!(first.headers()[CACHE_CONTROL], "private, no-cache");
        let mut known = HeaderMap::new();
        known.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        let again = BUILT.file("/", &known).expect("an answer");
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert!(again.body().is_empty());
        // Another file has another tag.
        let other = BUILT.file("/icon.svg", &known).expect("a file");
        assert_eq!(other.status(), StatusCode::OK);
        let hashed = BUILT.file("/assets/index-1.js", &known).expect("a file");
        let kept = &hashed.headers()[CACHE_CONTROL];
        assert!(kept.to_str().expect("text").contains("immutable"));
    }

    #[test]
    fn a_page_runs_its_own_scripts_alone() {
        let page = BUILT.file("/", &HeaderMap::new()).expect("a page");
        assert_eq!(page.headers()[CONTENT_SECURITY_POLICY], BUILT.policy);
        for Page { policy, .. } in [&TERMINAL, &DESKTOP] {
            let scripts = policy.split("; ").find(|it| it.starts_with("script-src"));
            assert_eq!(scripts, Some("script-src 'self'"));
            assert!(policy.starts_with("default-src 'none'"));
        }
    }
}
