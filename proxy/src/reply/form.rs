//! In which form a client wants to read an answer (RFC 9110 §12.5.1).

use http::HeaderValue;

/// The form of an answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Html,
    Json,
    Plain,
}

impl Form {
    /// Browsers name `text/html`; a program that wants JSON names it. `*/*` names nothing.
    pub(super) fn accepted(accept: Option<&HeaderValue>) -> Self {
        let accepted: Vec<&str> = accept
            .and_then(|it| it.to_str().ok())
            .unwrap_or_default()
            .split(',')
            .filter_map(named_type)
            .collect();
        let any = |wanted: fn(&str) -> bool| accepted.iter().any(|it| wanted(it));
        if any(|it| it.eq_ignore_ascii_case("text/html")) {
            Self::Html
        } else if any(|it| it.eq_ignore_ascii_case("application/json") || it.ends_with("+json")) {
            Self::Json
        } else {
            Self::Plain
        }
    }

    /// As the answer's field says it.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
            Self::Plain => "text/plain; charset=utf-8",
        }
    }
}

/// The media type of one element of `Accept`, unless it is there to be refused (`q=0`).
fn named_type(element: &str) -> Option<&str> {
    let mut parts = element.split(';').map(str::trim);
    let name = parts.next()?;
    let refused = parts.any(|it| {
        it.split_once('=').is_some_and(|(key, value)| {
            key.trim().eq_ignore_ascii_case("q") && value.trim().parse() == Ok(0.0_f32)
        })
    });
    (!refused).then_some(name)
}
