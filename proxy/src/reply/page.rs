//! The page a browser shows for an answer of the edge's own.

use spaceport_domain::spelling;

use super::Answer;

/// The page's only style. Its hash stands in [`CONTENT_SECURITY`]; a test compares them.
pub(super) const STYLE: &str = ":root{color-scheme:light dark}\
body{margin:0;min-height:100vh;display:grid;place-items:center;font:16px/1.5 system-ui,sans-serif;\
background:Canvas;color:CanvasText}\
main{max-width:32rem;padding:2rem}\
h1{font-size:1.5rem;margin:0 0 .5rem}\
p{margin:.5rem 0}\
small{opacity:.65}\
code{font-size:.85em;overflow-wrap:anywhere}";

/// Nothing but the style above: no script, no image, no frame, no form.
pub(super) const CONTENT_SECURITY: &str = "default-src 'none'; \
style-src 'sha256-eIw0mEvu6N2eh3fhkSUm+rrg0PuSN+9MmROdiKPu0EA='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page of `answer`, complete.
pub(super) fn html(answer: &Answer, request_id: &str) -> String {
    let refresh = match answer.retry_after_seconds {
        Some(seconds) if answer.refresh => {
            format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">")
        }
        _ => String::new(),
    };
    let link = answer.link.as_ref().map_or_else(String::new, |link| {
        format!(
            "<p><a href=\"{}\">{}</a></p>",
            spelling::html(&link.url),
            link.text
        )
    });
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">{refresh}\
         <title>{title}</title><style>{STYLE}</style></head><body><main>\
         <h1>{title}</h1><p role=\"status\">{message}</p>{link}\
         <p><small>{status} · <code>{code}</code> · request <code>{id}</code></small></p>\
         </main></body></html>\n",
        title = spelling::html(answer.title),
        message = spelling::html(&answer.message),
        status = answer.status().as_u16(),
        code = answer.code.as_str(),
        id = spelling::html(request_id),
    )
}

/// A page that goes on to `url` by itself, and where browsers don't let it, by a link.
pub(super) fn onward(url: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta http-equiv=\"refresh\" content=\"0;url={url}\">\
         <title>Opening</title><style>{STYLE}</style></head><body><main>\
         <p><a href=\"{url}\">Open</a></p></main></body></html>\n",
        url = spelling::html(url),
    )
}
