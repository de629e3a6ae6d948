//! Which media type a client is answered in: RFC 9110, section 12.5.1.

use axum::http::{HeaderMap, HeaderValue, header};

use super::StatusProfile;

/// A form of a single response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseType {
    /// `application/graphql-response+json`, whose status code tells of the outcome.
    GraphqlResponse,
    /// `application/json`, which is 200 whenever the request was well-formed.
    Json,
}

impl ResponseType {
    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }
}

/// What the client takes, as far as we can give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    /// The form of a single response, if any.
    pub(super) response: Option<ResponseType>,
    /// Whether a stream of events is taken.
    pub(super) events: bool,
    /// Whether a stream of events is liked better than a single response.
    pub(super) prefers_events: bool,
}

/// Thousandths.
type Quality = u16;

/// Reads all `Accept` headers. None at all means anything.
pub(super) fn negotiate(headers: &HeaderMap, profile: StatusProfile) -> Accepted {
    let ranges: Vec<Range> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| split(value, ','))
        .filter_map(|range| Range::parse(&range))
        .collect();
    if ranges.is_empty() && !headers.contains_key(header::ACCEPT) {
        return decide([(1000, 0); 3], profile);
    }
    let quality = |name| {
        let matching = ranges
            .iter()
            .filter(|range| range.specificity(name).is_some());
        let best = matching.max_by_key(|range| range.specificity(name));
        best.map_or((0, 0), |range| {
            (range.quality, range.specificity(name).unwrap_or(0))
        })
    };
    decide(
        [
            quality("application/graphql-response+json"),
            quality("application/json"),
            quality("text/event-stream"),
        ],
        profile,
    )
}

/// Where both forms are liked the same, the one that is named wins over the one that merely
/// matches a wildcard, and the better form over the older one.
fn decide([graphql, json, events]: [(Quality, u8); 3], profile: StatusProfile) -> Accepted {
    let by_wildcard = match profile {
        StatusProfile::Audits => ResponseType::Json,
        StatusProfile::Draft => ResponseType::GraphqlResponse,
    };
    let response = match (graphql, json) {
        ((0, _), (0, _)) => None,
        (graphql, json) if graphql == json && graphql.1 < NAMED => Some(by_wildcard),
        (graphql, json) if graphql >= json => Some(ResponseType::GraphqlResponse),
        _ => Some(ResponseType::Json),
    };
    Accepted {
        response,
        events: events.0 > 0,
        prefers_events: events.0 > graphql.0.max(json.0),
    }
}

/// The specificity of a range that names a type in full.
const NAMED: u8 = 2;

struct Range {
    name: String,
    quality: Quality,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = split(text, ';');
        let name = parts.next()?.trim().to_ascii_lowercase();
        let mut quality = 1000;
        for parameter in parts {
            let (key, value) = parameter.split_once('=')?;
            let value = value.trim().trim_matches('"');
            match key.trim().to_ascii_lowercase().as_str() {
                "q" => quality = parse_quality(value)?,
                "charset" if !value.eq_ignore_ascii_case("utf-8") => return None,
                _ => {}
            }
        }
        Some(Self { name, quality })
    }

    fn specificity(&self, name: &str) -> Option<u8> {
        let kind = name.split('/').next().unwrap_or_default();
        if self.name == name {
            Some(NAMED)
        } else if self.name.strip_suffix("/*") == Some(kind) {
            Some(1)
        } else {
            (self.name == "*/*").then_some(0)
        }
    }
}

/// A weight such as `0.25`: at most three decimals, at most one.
fn parse_quality(text: &str) -> Option<Quality> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decimals: Quality = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(decimals),
        "1" if decimals == 0 => Some(1000),
        _ => None,
    }
}

/// Splits at a separator that is not within quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = String> {
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for char in text.chars() {
        if char == separator && !quoted {
            parts.push(String::new());
            continue;
        }
        if char == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && char == '\\' && !escaped;
        if let Some(last) = parts.last_mut() {
            last.push(char);
        }
    }
    parts.into_iter()
}

/// Whether a body is JSON in UTF-8. Nothing else is taken: a page of a foreign origin can send the
/// simple content types without asking, but not this one.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else {
        return false;
    };
    let encoded = headers.get(header::CONTENT_ENCODING);
    let plain = encoded.is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    let range = value.to_str().ok().and_then(Range::parse);
    plain && range.is_some_and(|range| range.name == "application/json")
}

#[cfg(test)]
mod tests {
    use super::{
        ResponseType::{GraphqlResponse, Json},
        *,
    };

    fn accept(value: &str) -> Accepted {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, value.parse().unwrap());
        negotiate(&headers, StatusProfile::Audits)
    }

    #[test]
    fn the_most_wanted_form_is_given() {
        for (value, expected) in [
            ("application/graphql-response+json", Some(GraphqlResponse)),
            ("application/json", Some(Json)),
            ("APPLICATION/JSON; Charset=UTF-8", Some(Json)),
            ("application/json; charset=latin1", None),
            (
                "application/json, application/graphql-response+json",
                Some(GraphqlResponse),
            ),
            (
                "application/graphql-response+json;q=0.5, application/json;q=0.6",
                Some(Json),
            ),
            ("application/json;q=0.9, */*", Some(GraphqlResponse)),
            ("application/json, */*;q=0.1", Some(Json)),
            ("application/json, */*", Some(Json)),
            ("application/json;q=0, */*", Some(GraphqlResponse)),
            ("*/*", Some(Json)),
            ("application/*", Some(Json)),
            ("text/html, text/*;q=0.5", None),
            ("image/png", None),
            ("application/json;q=2", None),
            (
                "application/json;p=\",application/graphql-response+json\"",
                Some(Json),
            ),
            ("", None),
        ] {
            assert_eq!(accept(value).response, expected, "{value}");
        }
    }

    #[test]
    fn no_wish_is_any_form() {
        let headers = HeaderMap::new();
        let audits = negotiate(&headers, StatusProfile::Audits);
        assert_eq!((audits.response, audits.events), (Some(Json), true));
        let draft = negotiate(&headers, StatusProfile::Draft);
        assert_eq!(draft.response, Some(GraphqlResponse));
    }

    #[test]
    fn events_are_preferred_only_when_liked_better() {
        let only = accept("text/event-stream");
        assert_eq!(
            (only.response, only.events, only.prefers_events),
            (None, true, true)
        );
        let both = accept("application/json, text/event-stream, multipart/mixed");
        assert_eq!((both.events, both.prefers_events), (true, false));
        let neither = accept("application/json");
        assert!(!neither.events);
    }

    #[test]
    fn only_json_bodies_are_taken() {
        for (value, expected) in [
            ("application/json", true),
            ("application/json; charset=utf-8", true),
            ("Application/Json;charset=\"UTF-8\"", true),
            ("application/json; charset=utf-16", false),
            ("application/graphql", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=application/json", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            assert_eq!(is_json(&headers), expected, "{value}");
            headers.insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
            assert!(!is_json(&headers));
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
