//! Pages that `dev/web` has built and that are a part of the program which serves them.
//!
//! A program's build script names its pages ([`embed()`]); the program says of each what the page may
//! do and who may keep it ([`Page`]), and answers in its own way for what isn't there.

mod embed;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
        ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};

pub use self::embed::embed;

/// The page itself.
const INDEX: &str = "/index.html";
/// The names of files below it change with what is in them.
const HASHED: &str = "/assets/";
/// Beside a file, the same in Brotli's format (RFC 7932).
const COMPRESSED: &str = ".br";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The files of a page that the build script named to [`embed()`]; none where it wasn't built.
#[macro_export]
macro_rules! embedded {
    ($page:literal) => {
        include!(concat!(env!("OUT_DIR"), "/", $page, ".rs"))
    };
}

/// The files of a page, sorted by their paths.
pub type Files = &'static [File];

/// What is loaded at once.
#[derive(Debug)]
pub struct File {
    /// As a browser asks for it.
    pub path: &'static str,
    /// What is in it.
    pub body: &'static [u8],
    /// Tells it from its other versions, in quotes.
    pub tag: &'static str,
}

/// Who may keep a page's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caches {
    /// Everybody on the way: it is the same for all.
    Shared,
    /// The visitor alone: others aren't let in.
    Private,
}

/// A page with the files that it loads.
#[derive(Debug)]
pub struct Page {
    /// Empty in a program beside which nothing was built.
    pub files: Files,
    /// What the page may load and run (Content Security Policy).
    pub policy: &'static str,
    /// Who may keep its files.
    pub caches: Caches,
}

impl Page {
    /// The file at `path`, in the form that a request with `headers` wants, if there is one. The page
    /// itself is at `/`, and only missing where it wasn't built.
    pub fn file(&self, path: &str, headers: &HeaderMap) -> Option<Response<Bytes>> {
        let path = if path == "/" { INDEX } else { path };
        let content_type = content_type(path)?;
        let plain = self.find(path)?;
        let compressed = self.find(&format!("{path}{COMPRESSED}"));
        let coded = compressed.filter(|_| takes_brotli(headers));
        let mut response = sent(coded.unwrap_or(plain), headers);
        let fields = response.headers_mut();
        for (name, value) in [
            (CONTENT_TYPE, content_type),
            (CACHE_CONTROL, self.cache_control(path)),
            (CONTENT_SECURITY_POLICY, self.policy),
            (OPENER_POLICY, "same-origin"),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            fields.insert(name, HeaderValue::from_static(value));
        }
        if compressed.is_some() {
            fields.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        if coded.is_some() {
            fields.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
        }
        Some(response)
    }

    fn find(&self, path: &str) -> Option<&'static File> {
        let at = self.files.binary_search_by_key(&path, |file| file.path);
        Some(&self.files[at.ok()?])
    }

    fn cache_control(&self, path: &str) -> &'static str {
        match (self.caches, path.starts_with(HASHED)) {
            (Caches::Shared, true) => "public, max-age=31536000, immutable",
            (Caches::Shared, false) => "no-cache",
            (Caches::Private, true) => "private, max-age=31536000, immutable",
            (Caches::Private, false) => "private, no-cache",
        }
    }
}

/// A file, or that its visitor has it.
fn sent(file: &'static File, headers: &HeaderMap) -> Response<Bytes> {
    let is_known = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .any(|it| it.to_str().is_ok_and(|it| it.contains(file.tag)));
    let mut response = if is_known {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        Response::new(Bytes::from_static(file.body))
    };
    let tag = HeaderValue::from_static(file.tag);
    response.headers_mut().insert(ETAG, tag);
    response
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

#[cfg(test)]
mod tests {
    use super::*;

    const fn file(path: &'static str, body: &'static str, tag: &'static str) -> File {
        File {
            path,
            body: body.as_bytes(),
            tag,
        }
    }

    static BUILT: Page = Page {
        files: &[
            file("/assets/index-1.js", "plain script", "\"1\""),
            file("/assets/index-1.js.br", "short script", "\"2\""),
            file("/icon.svg", "<svg/>", "\"3\""),
            file("/index.html", "<!doctype html>", "\"4\""),
        ],
        policy: "default-src 'none'",
        caches: Caches::Private,
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
        assert_eq!(body("/index.html"), body("/"));
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
    }

    #[test]
    fn a_page_that_was_not_built_has_no_files() {
        let page = Page {
            files: &[],
            ..BUILT
        };
        assert!(page.file("/", &HeaderMap::new()).is_none());
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
        let known = headers(&[(IF_NONE_MATCH, "\"0\", W/\"4\"")]);
        let again = BUILT.file("/", &known).expect("an answer");
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()[ETAG], "\"4\"");
        assert!(again.body().is_empty());
        // Another file has another tag.
        let other = BUILT.file("/icon.svg", &known).expect("a file");
        assert_eq!(other.status(), StatusCode::OK);
    }

    #[test]
    fn files_are_kept_for_good_where_their_names_tell_versions_apart() {
        for (caches, path, expected) in [
            (Caches::Private, "/", "private, no-cache"),
            (
                Caches::Private,
                "/assets/index-1.js",
                "private, max-age=31536000, immutable",
            ),
            (Caches::Shared, "/", "no-cache"),
            (
                Caches::Shared,
                "/assets/index-1.js",
                "public, max-age=31536000, immutable",
            ),
        ] {
            let page = Page { caches, ..BUILT };
            let response = page.file(path, &HeaderMap::new()).expect("a file");
            assert_eq!(response.headers()[CACHE_CONTROL], expected);
        }
    }

    #[test]
    fn a_page_comes_with_its_policy() {
        let page = BUILT.file("/", &HeaderMap::new()).expect("a page");
        assert_eq!(page.headers()[CONTENT_SECURITY_POLICY], BUILT.policy);
        assert_eq!(page.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
}
