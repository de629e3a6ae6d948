//! Files that are a part of the program, as browsers want them.

use std::fmt::Write as _;

use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
        ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// Paths as a browser asks for them, and what is there. Sorted.
pub(super) type Files = &'static [(&'static str, &'static [u8])];

/// The names of files below it change with what is in them.
const HASHED: &str = "/assets/";
/// Beside a file, the same in Brotli's format (RFC 7932).
const COMPRESSED: &str = ".br";
/// How much of its hash names a file: enough to tell versions apart.
const TAG_BYTES: usize = 12;

/// The page loads its own files and speaks with its own host, its WebSocket included (CSP3 §6.7.2.8),
/// and nobody frames it. It keeps somebody's token, so no script, style or form of anybody else has a
/// place in it.
const CONTENT_SECURITY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The file at `path`, in the form that a request with `headers` wants, if there is one.
pub(super) fn answer(files: Files, path: &str, headers: &HeaderMap) -> Option<Response<Bytes>> {
    let content_type = content_type(path)?;
    let plain = find(files, path)?;
    let compressed = find(files, &format!("{path}{COMPRESSED}"));
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
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let fields = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, kept),
        (CONTENT_SECURITY_POLICY, CONTENT_SECURITY),
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
    let hash = Sha256::digest(body);
    let mut tag = String::from("\"");
    for byte in &hash[..TAG_BYTES] {
        // Writing to a string doesn't fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILT: Files = &[
        ("/assets/index-1.js", b"plain script"),
        ("/assets/index-1.js.br", b"short script"),
        ("/icon.svg", b"<svg/>"),
        ("/index.html", b"<!doctype html>"),
    ];

    fn asked(path: &str, fields: &[(HeaderName, &HeaderValue)]) -> Option<Response<Bytes>> {
        let fields = fields.iter();
        let headers = fields.map(|(name, value)| (name.clone(), (*value).clone()));
        answer(BUILT, path, &headers.collect())
    }

    #[test]
    fn only_the_pages_own_files_are_served() {
        let body = |path| asked(path, &[]).map(Response::into_body);
        assert_eq!(
            body("/index.html").as_deref(),
            Some(&b"<!doctype html>"[..])
        );
        assert_eq!(body("/icon.svg").as_deref(), Some(&b"<svg/>"[..]));
        for path in [
            "",
            "/",
            "/assets/",
            "/assets/../index.html",
            "/assets/index-1.js.br",
            "//icon.svg",
        ] {
            assert_eq!(body(path), None, "{path}");
        }
    }

    #[test]
    fn who_takes_brotli_gets_it() {
        for (accepted, expected) in [
            ("gzip, deflate, br", "short script"),
            ("BR;q=0.5", "short script"),
            ("gzip, br;q=0", "plain script"),
            ("gzip", "plain script"),
        ] {
            let value = HeaderValue::from_static(accepted);
            let response = asked("/assets/index-1.js", &[(ACCEPT_ENCODING, &value)]);
            let response = response.expect("a file");
            assert_eq!(response.headers()[VARY], "accept-encoding");
            let coded = response.headers().contains_key(CONTENT_ENCODING);
            assert_eq!(coded, expected == "short script", "{accepted}");
            assert_eq!(response.body(), expected, "{accepted}");
        }
    }

    #[test]
    fn what_a_browser_has_is_not_sent_again() {
        let first = asked("/index.html", &[]).expect("a page");
        assert_eq!(first.headers()[CACHE_CONTROL], "no-cache");
        let known = &[(IF_NONE_MATCH, &first.headers()[ETAG])];
        let again = asked("/index.html", known).expect("an answer");
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert!(again.body().is_empty());
        // Another file has another tag.
        let other = asked("/icon.svg", known).expect("a file");
        assert_eq!(other.status(), StatusCode::OK);
        let hashed = asked("/assets/index-1.js", known).expect("a file");
        let kept = &hashed.headers()[CACHE_CONTROL];
        assert!(kept.to_str().expect("text").contains("immutable"));
    }

    #[test]
    fn the_page_runs_nothing_but_its_own() {
        let page = asked("/index.html", &[]).expect("a page");
        let policy = page.headers()[CONTENT_SECURITY_POLICY]
            .to_str()
            .expect("text");
        assert!(policy.starts_with("default-src 'none'"));
        assert!(!policy.contains("unsafe"));
    }
}
