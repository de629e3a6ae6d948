//! Requests that the page of one origin makes to another.
//!
//! Apps of different people are one *site* to a browser, as they are below one domain, so that
//! `SameSite` keeps none of them from asking another with its visitor's cookie. Hence the edge
//! looks at who asks: the page of another space, or of anything else, is refused. Apps of one space
//! belong together and may ask each other, as far as they allow it themselves (CORS); terminals,
//! editors, desktops and files are asked by their own pages alone.

use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
        ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS,
        ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, REFERER, VARY,
    },
    request::Parts,
};

use bytes::Bytes;

/// Where a request that is judged was sent, and what belongs together with it.
pub struct Here<'a> {
    /// Host and port, as the client spelled them.
    pub authority: &'a str,
    /// Whether the page of this host, in lower case and without a port, is of the same space.
    pub is_kin: &'a dyn Fn(&str) -> bool,
}

/// Whether a request that brings a visitor's ticket may be carried out.
pub fn is_permitted(request: &Parts, here: &Here<'_>) -> bool {
    let fetch = |name: &str| {
        let field = request.headers.get(name);
        field.map(HeaderValue::as_bytes)
    };
    let site = fetch("sec-fetch-site");
    match request.headers.get(ORIGIN) {
        // A page that lets nobody know where its visitors come from says nothing here either, not
        // even to itself; what a sandboxed frame or a redirect asks is never of the same origin.
        Some(origin) if origin == "null" => return site == Some(b"same-origin"),
        Some(origin) => return here.includes(origin),
        None => {}
    }
    match site {
        // No browser that knows the field, or the visitor themselves by the address bar.
        None | Some(b"none" | b"same-origin") => true,
        // Another page leads here: a link may, a frame, an image or a script may not. A page says
        // its address by itself, and can only keep silent about it.
        Some(_) => {
            let is_link = fetch("sec-fetch-mode") == Some(b"navigate")
                && fetch("sec-fetch-dest") == Some(b"document")
                && (request.method == Method::GET || request.method == Method::HEAD);
            is_link
                || request
                    .headers
                    .get(REFERER)
                    .is_some_and(|it| here.includes(it))
        }
    }
}

/// Whether what a browser shows was led to from elsewhere, and not by its user's own typing or from a
/// page of this origin.
pub fn is_from_elsewhere(request: &Parts) -> bool {
    let site = request.headers.get("sec-fetch-site");
    site.is_some_and(|it| it != "same-origin" && it != "none")
}

impl Here<'_> {
    /// Whether `url`, an origin or the address of a page, is here or of the same space.
    fn includes(&self, url: &HeaderValue) -> bool {
        let Some(authority) = url.to_str().ok().and_then(authority_of) else {
            return false;
        };
        if authority.eq_ignore_ascii_case(self.authority) {
            return true;
        }
        let port = |it: &str| it.rsplit_once(':').map(|(_, port)| port.to_owned());
        let host = spaceport_domain::hostname::normalize(authority);
        port(authority) == port(self.authority) && host.is_some_and(|it| (self.is_kin)(&it))
    }
}

/// Host and port of a URL whose scheme is `https`.
fn authority_of(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    (!authority.contains('@')).then_some(authority)
}

/// Whether a browser asks on behalf of a page what it would be allowed (the preflight of the Fetch
/// standard, §3.2.6). It brings no cookies.
pub fn is_preflight(request: &Parts) -> bool {
    request.method == Method::OPTIONS
        && request.headers.contains_key(ORIGIN)
        && request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight: everything for a page of the same space, nothing for others. The
/// request itself is judged, and the app decides whether the page may read its answer.
pub fn answer_preflight(headers: &HeaderMap, here: &Here<'_>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let answer = response.headers_mut();
    answer.insert(VARY, HeaderValue::from_static("origin"));
    let Some(origin) = headers.get(ORIGIN).filter(|it| here.includes(it)) else {
        return response;
    };
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    answer.insert(
        ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    for (asked, allowed) in [
        (ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_ALLOW_METHODS),
        (ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_ALLOW_HEADERS),
    ] {
        if let Some(wanted) = headers.get(asked) {
            answer.insert(allowed, wanted.clone());
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const HERE: &str = "8000--lab--ada.apps.localhost:8443";

    fn parts(method: Method, fields: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri("/");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    fn permitted(method: Method, fields: &[(&str, &str)]) -> bool {
        let here = Here {
            authority: HERE,
            is_kin: &|host| host == "3000--lab--ada.apps.localhost",
        };
        is_permitted(&parts(method, fields), &here)
    }

    #[test]
    fn a_page_of_the_same_space_may_ask_and_no_other() {
        for (origin, may) in [
            ("https://8000--lab--ada.apps.localhost:8443", true),
            ("https://8000--LAB--ada.apps.localhost:8443", true),
            ("https://3000--lab--ada.apps.localhost:8443", true),
            ("https://3000--lab--ada.apps.localhost", false),
            ("http://3000--lab--ada.apps.localhost:8443", false),
            (
                "https://3000--lab--ada.apps.localhost:8443@evil.example",
                false,
            ),
            (
                "https://evil.example#3000--lab--ada.apps.localhost:8443",
                false,
            ),
            ("https://8000--lab--mallory.apps.localhost:8443", false),
            ("https://apps.localhost:8443", false),
            ("https://web--ada.tunnels.localhost:8443", false),
            ("http://127.0.0.1:8080", false),
            ("null", false),
            ("", false),
        ] {
            for method in [Method::GET, Method::POST] {
                assert_eq!(permitted(method, &[("origin", origin)]), may, "{origin}");
            }
        }
    }

    #[test]
    fn a_form_of_a_page_that_sends_no_referrer_is_its_own() {
        let asked = |site| {
            permitted(
                Method::POST,
                &[("origin", "null"), ("sec-fetch-site", site)],
            )
        };
        assert!(asked("same-origin"));
        assert!(!asked("same-site") && !asked("cross-site") && !asked("none"));
    }

    #[test]
    fn a_link_leads_here_and_nothing_else_of_a_strange_page_does() {
        let fetch = |site, mode, dest| {
            [
                ("sec-fetch-site", site),
                ("sec-fetch-mode", mode),
                ("sec-fetch-dest", dest),
            ]
        };
        for site in ["cross-site", "same-site"] {
            assert!(permitted(Method::GET, &fetch(site, "navigate", "document")));
            assert!(!permitted(
                Method::POST,
                &fetch(site, "navigate", "document")
            ));
            for (mode, dest) in [
                ("navigate", "iframe"),
                ("no-cors", "image"),
                ("no-cors", "script"),
                ("cors", "empty"),
            ] {
                let fields = fetch(site, mode, dest);
                assert!(!permitted(Method::GET, &fields), "{site} {mode} {dest}");
                let kin = ("referer", "https://3000--lab--ada.apps.localhost:8443/a?b");
                let stranger = ("referer", "https://8000--lab--mallory.apps.localhost:8443/");
                assert!(permitted(Method::GET, &[&fields[..], &[kin]].concat()));
                assert!(!permitted(
                    Method::GET,
                    &[&fields[..], &[stranger]].concat()
                ));
            }
        }
        assert!(permitted(
            Method::GET,
            &fetch("none", "navigate", "document")
        ));
        assert!(permitted(
            Method::POST,
            &fetch("same-origin", "cors", "empty")
        ));
        assert!(permitted(Method::POST, &[]));
    }

    #[test]
    fn who_types_an_address_or_stays_on_a_page_is_led_by_nobody() {
        let is_led = |fields: &[_]| is_from_elsewhere(&parts(Method::GET, fields));
        for site in ["cross-site", "same-site", "new"] {
            assert!(is_led(&[("sec-fetch-site", site)]), "{site}");
        }
        for site in ["none", "same-origin"] {
            assert!(!is_led(&[("sec-fetch-site", site)]), "{site}");
        }
        assert!(!is_led(&[]));
    }

    #[test]
    fn a_preflight_is_answered_for_the_same_space_alone() {
        let here = Here {
            authority: HERE,
            is_kin: &|host| host == "3000--lab--ada.apps.localhost",
        };
        for (origin, may) in [
            ("https://3000--lab--ada.apps.localhost:8443", true),
            ("https://8000--lab--mallory.apps.localhost:8443", false),
        ] {
            let asked = parts(
                Method::OPTIONS,
                &[
                    ("origin", origin),
                    ("access-control-request-method", "PUT"),
                    ("access-control-request-headers", "x-a"),
                ],
            );
            assert!(is_preflight(&asked));
            let answer = answer_preflight(&asked.headers, &here);
            let allowed = answer.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN);
            assert_eq!(allowed.is_some_and(|it| it == origin), may, "{origin}");
            let methods = answer.headers().get(ACCESS_CONTROL_ALLOW_METHODS);
            assert_eq!(methods.is_some(), may);
        }
    }
}
