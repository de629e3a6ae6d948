//! What is asked for at the hostname of terminals, by path and query.

use http::Uri;
use spaceport_domain::agent::{Attach, Size, TerminalId};

/// A WebSocket on which a program is run.
const EXEC: &str = "/api/exec";
/// The list of terminals.
const TERMINALS: &str = "/api/terminals";
/// What stands for the number of a terminal that isn't there yet.
const NEW: &str = "new";

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Programs.
    Exec,
    /// The list of terminals.
    Terminals,
    /// A terminal; a new one, if it has no number.
    Terminal(Option<TerminalId>),
    /// Perhaps a file of the page.
    Page,
}

impl Place {
    /// What `path` leads to. Paths that are like a terminal's and aren't one lead nowhere, as there
    /// is no such file.
    pub(super) fn of(path: &str) -> Self {
        let below = path.strip_prefix(TERMINALS);
        match below.and_then(|it| it.strip_prefix('/')) {
            Some(NEW) => Self::Terminal(None),
            Some(id) => number(id).map_or(Self::Page, |id| Self::Terminal(Some(id))),
            None if below == Some("") => Self::Terminals,
            None if path == EXEC => Self::Exec,
            None => Self::Page,
        }
    }
}

/// How a terminal is to be attached to, by the query of `uri`; `None` if it isn't understood.
/// Parameters that this version doesn't know are passed over.
pub(super) fn attach(id: Option<TerminalId>, uri: &Uri) -> Option<Attach> {
    let mut size = Size::default();
    let mut seen = None;
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        match &*name {
            "columns" => size.columns = number(&value)?,
            "rows" => size.rows = number(&value)?,
            "seen" => seen = Some(number(&value)?),
            _ => {}
        }
    }
    (size.columns > 0 && size.rows > 0).then_some(Attach { id, size, seen })
}

/// A number in its one spelling.
fn number<N: std::str::FromStr + ToString>(text: &str) -> Option<N> {
    text.parse().ok().filter(|it: &N| it.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_to_one_place() {
        for (path, place) in [
            ("/api/exec", Place::Exec),
            ("/api/terminals", Place::Terminals),
            ("/api/terminals/new", Place::Terminal(None)),
            ("/api/terminals/7", Place::Terminal(Some(7))),
            ("/api/terminals/07", Place::Page),
            ("/api/terminals/+7", Place::Page),
            ("/api/terminals/4294967296", Place::Page),
            ("/api/terminals/", Place::Page),
            ("/api/terminalsnew", Place::Page),
            ("/api/terminals/7/", Place::Page),
            ("/", Place::Page),
        ] {
            assert_eq!(Place::of(path), place, "{path}");
        }
    }

    #[test]
    fn a_query_says_how_large_the_window_is_and_what_was_seen() {
        let read = |query: &str| {
            let uri = format!("/api/terminals/7?{query}").parse().expect("a URI");
            attach(Some(7), &uri)
        };
        let attach = read("columns=80&rows=24&seen=18446744073709551615&younger=1");
        let attach = attach.expect("an attach");
        assert_eq!((attach.id, attach.seen), (Some(7), Some(u64::MAX)));
        assert_eq!((attach.size.columns, attach.size.rows), (80, 24));
        assert_eq!(read("columns=80&rows=24").expect("an attach").seen, None);
        for wrong in [
            "",
            "columns=80",
            "columns=0&rows=24",
            "columns=65536&rows=24",
            "columns=80&rows=24&seen=-1",
            "columns=80&rows=24&seen=",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
