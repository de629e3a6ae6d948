//! The files of a space, which its agent serves by HTTP at the hostname of their app, and the edge's own
//! page for people.
//!
//! A file is never a page of that hostname: what is in a space could be anybody's, and a script among
//! it would have the visitor's cookie for the rest.

use http::{
    HeaderMap, HeaderValue, Method, Response, Version,
    header::{
        CONTENT_LENGTH, CONTENT_SECURITY_POLICY, REFERRER_POLICY, SET_COOKIE, TE, TRAILER,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use hyper::body::Body;

use super::{Routed, body::Source, exchange};
use crate::{headers::Framing, page, reply::Answer};

/// Below these paths are files: by their absolute paths, and by those in the user's home directory.
const ROOTS: [&str; 2] = ["/fs/", "/home/"];
/// Below it the page has an address for each of them.
const BROWSE: &str = "/browse/";
/// A page is shown as if it were of an origin of its own, and loads and runs nothing. What it links to
/// may be downloaded, as every file is.
const CONTENT_SECURITY: &str = "sandbox allow-downloads; default-src 'none'; style-src 'unsafe-inline'; \
    form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
/// What is sent behind a file: what it should have been.
const DIGEST: &str = "spaceport-digest";

/// Answers a request for files.
pub async fn serve(mut request: Routed<'_>) -> Result<Response<Source>, Answer> {
    let path = request.parts.uri.path();
    if !ROOTS.iter().any(|root| path.starts_with(root)) {
        return page(&request);
    }
    pass_trailers_on(&mut request);
    let mut response = exchange::carry(request, None).await?;
    secure(response.headers_mut());
    Ok(response)
}

/// A file of the page. The page itself is of no use where there is no agent.
fn page(request: &Routed<'_>) -> Result<Response<Source>, Answer> {
    if ![Method::GET, Method::HEAD].contains(&request.parts.method) {
        return Err(Answer::unknown_host());
    }
    let path = request.parts.uri.path();
    let is_page = path == "/" || path.starts_with(BROWSE);
    if is_page {
        request.agent()?;
    }
    let file = if is_page { "/" } else { path };
    page::FILES.serve(file, &request.parts.headers)
}

/// By HTTP/2 any message may have trailers. By HTTP/1.1, which the agent speaks, only one in chunks
/// that announced them may (RFC 9110 §6.5.1), and only to whom said that they take them.
fn pass_trailers_on(request: &mut Routed<'_>) {
    let headers = &mut request.parts.headers;
    headers.insert(TE, HeaderValue::from_static("trailers"));
    if request.parts.version >= Version::HTTP_2 && !request.body.is_end_stream() {
        headers.insert(TRAILER, HeaderValue::from_static(DIGEST));
        headers.remove(CONTENT_LENGTH);
        request.framing = Framing::Chunked;
    }
}

fn secure(headers: &mut HeaderMap) {
    headers.remove(SET_COOKIE);
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, CONTENT_SECURITY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
