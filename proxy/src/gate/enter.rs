//! Coming back from the API with a one-time code.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Response,
    header::{REFERRER_POLICY, SET_COOKIE},
    request::Parts,
};
use serde::Deserialize;
use spaceport_domain::{event::Cursor, ticket::Ticket};
use tokio::time;

use super::{Gate, cookie, field, now};
use crate::{
    api::AskError,
    headers::{CLEAR_SITE_DATA, Requested},
    reply::{self, Answer},
};

const QUESTION: &str = "mutation($input:RedeemAppCodeInput!){redeemAppCode(input:$input){ticket \
    problems{code}}}";
/// The longest code; the API's are shorter.
const CODE_BYTES_MAX: usize = 64;
/// How long the table may take to learn of the sign-in that a ticket rests on.
const CATCH_UP: Duration = Duration::from_secs(2);

/// Why there is no ticket.
#[derive(Debug, thiserror::Error)]
enum RedeemError {
    /// The code was used, has expired, is for another host, or never was.
    #[error("the API refuses the code")]
    Refused,
    /// The API can't be asked, or too many ask.
    #[error("codes can't be redeemed now: {0}")]
    Unavailable(String),
}

impl From<AskError> for RedeemError {
    fn from(error: AskError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

#[derive(Deserialize)]
struct Execution {
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    redeem_app_code: Redeemed,
}

#[derive(Deserialize)]
struct Redeemed {
    ticket: Option<String>,
}

impl Gate {
    /// Takes the code of a request for the path of entry; the answer leads to what was wanted, with
    /// the ticket as a cookie of this host.
    ///
    /// What the browser keeps for this host is another space's, unless it was let into this one
    /// before: it is told to forget that. A service worker among it lies in between, and is not what
    /// a code is redeemed for.
    ///
    /// A link with somebody else's code is easily followed. It takes nobody's way in away: who has
    /// one as another person keeps it. `client` is whose address the audit log names.
    pub(super) async fn enter(
        &self,
        label: &str,
        requested: &Requested,
        request: &Parts,
        client: IpAddr,
    ) -> Result<Response<Bytes>, Answer> {
        let (mut code, mut to) = (None, None);
        for (name, value) in
            form_urlencoded::parse(request.uri.query().unwrap_or_default().as_bytes())
        {
            match &*name {
                "code" => code = Some(value.into_owned()),
                "to" => to = Some(value.into_owned()),
                _ => {}
            }
        }
        let to = to
            .filter(|it| is_path(it))
            .unwrap_or_else(|| "/".to_owned());
        let authority = requested.spelled.to_str().unwrap_or(&requested.host);
        let again = self.api_url(
            spaceport_domain::ticket::SIGN_IN_PATH,
            &format!("https://{authority}{to}"),
        );
        let code = code.filter(|it| is_code(it));
        if is_by_worker(request) && !self.is_at_home(label, requested, request) {
            return Err(Answer::sign_in_failed(again).with_fresh_site());
        }
        let is_page = is_page_of_its_own(request);
        let (Some(code), true, &Method::GET) = (code, is_page, &request.method) else {
            return Err(Answer::sign_in_failed(again));
        };
        match self.redeem(&code, &requested.host, client).await {
            Ok((text, ticket)) => {
                self.catch_up(ticket.as_of).await;
                let cookie = cookie::set(&text).ok_or_else(|| Answer::sign_in_failed(again))?;
                let mut response = reply::see_other(&to);
                let headers = response.headers_mut();
                if !self.is_in_as_another(label, &ticket, request) {
                    headers.insert(SET_COOKIE, cookie);
                }
                if !self.is_at_home(label, requested, request) {
                    headers.insert(CLEAR_SITE_DATA, reply::fresh_site());
                }
                headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
                Ok(response)
            }
            Err(RedeemError::Refused) => Err(Answer::sign_in_failed(again)),
            Err(error @ RedeemError::Unavailable(_)) => {
                tracing::warn!(%error, "somebody can't enter an app");
                // By way of the API again: a link from here would be one of the app's own.
                Err(Answer::sign_in_unavailable(again))
            }
        }
    }

    /// Whether whoever asks may enter already, as another person than `ticket` says.
    fn is_in_as_another(&self, label: &str, ticket: &Ticket, request: &Parts) -> bool {
        let table = self.routes.current();
        self.proven(&table, &request.headers, &ticket.host)
            .is_some_and(|known| {
                known.sub != ticket.sub && self.still_admits(&table, label, &known).is_some()
            })
    }

    async fn redeem(
        &self,
        code: &str,
        host: &str,
        client: IpAddr,
    ) -> Result<(String, std::sync::Arc<Ticket>), RedeemError> {
        let busy = || RedeemError::Unavailable("too many ask at once".to_owned());
        let _turn = self.redemptions.turn(client).await.ok_or_else(busy)?;
        let question = serde_json::json!({
            "query": QUESTION,
            "variables": {"input": {"code": code, "host": host, "address": client}},
        });
        let answer = self.api.answer(&question).await?;
        let unclear = || RedeemError::Unavailable("its answer isn't understood".to_owned());
        let execution: Execution = serde_json::from_slice(&answer).map_err(|_| unclear())?;
        let redeemed = execution.data.ok_or_else(unclear)?.redeem_app_code;
        let text = redeemed.ticket.ok_or(RedeemError::Refused)?;
        let ticket = match self.keys.prove(&text, host, now()) {
            Some(ticket) => Some(ticket),
            // Signed with a key that the feed has not brought yet.
            None => match self.keys.fetch(&self.api).await {
                Ok(()) => self.keys.prove(&text, host, now()),
                Err(error) => return Err(RedeemError::Unavailable(error.to_string())),
            },
        };
        Ok((text, ticket.ok_or_else(unclear)?))
    }

    /// Waits until the table has read as far as the ticket, so that the next request is judged by
    /// what the API knew when it made it.
    async fn catch_up(&self, as_of: Cursor) {
        let mut changes = self.routes.changes();
        let caught_up = changes.wait_for(|_| self.routes.glance().as_of() >= as_of);
        let _ = time::timeout(CATCH_UP, caught_up).await;
    }
}

/// Whether a service worker of this host hands on what a browser asked it for: it leaves out what the
/// answer is for, and no page can ask so.
fn is_by_worker(request: &Parts) -> bool {
    let kind = ["sec-fetch-mode", "sec-fetch-dest"].map(|name| field(request, name));
    kind == [Some("navigate"), Some("empty")]
}

/// Whether a browser shows the answer as a page, in no frame.
fn is_page_of_its_own(request: &Parts) -> bool {
    field(request, "sec-fetch-dest").is_none_or(|it| it == "document") || is_by_worker(request)
}

/// Whether `text` could be a code: anything else isn't worth a question.
fn is_code(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=CODE_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_letter)
}

/// Whether `text` is a path, with or without a query, and leads to this host whoever reads it.
fn is_path(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_elsewhere_is_no_path() {
        for path in ["/", "/a/b?c=//d", "/?next=https://evil.example/"] {
            assert!(is_path(path), "{path}");
        }
        for other in [
            "",
            "a",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/",
            "/\r\nset-cookie: a=b",
            "/\t/evil.example",
            "\\\\evil.example",
        ] {
            assert!(!is_path(other), "{other:?}");
        }
    }
}
