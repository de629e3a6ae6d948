//! The control plane, asked in GraphQL.

pub mod events;
pub mod following;
pub mod operations;
mod problem;

use std::time::Duration;

use graphql_client::{GraphQLQuery, Response};
use http::{
    HeaderValue, Request, StatusCode, Uri,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT},
};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use self::events::Events;
pub use self::problem::{Problem, require};
use crate::{
    failure::{Failure, Kind},
    http::{self as client, Http},
};

/// The longest answer that is no stream.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// For a whole answer that is no stream. The API itself gives up a little earlier.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(40);
/// As the audit log and the list of sign-ins show it.
const AGENT: &str = concat!("spaceport/", env!("CARGO_PKG_VERSION"));

/// The API of one installation.
#[derive(Clone, Debug)]
pub struct Api {
    /// Its address, without a final slash.
    pub url: String,
    token: Option<String>,
    /// What asks it.
    pub http: Http,
}

impl Api {
    /// The API at `url`, asked as who has `token`.
    pub fn new(url: &str, token: Option<String>, http: Http) -> Result<Self, Failure> {
        Ok(Self {
            url: checked_url(url)?,
            token,
            http,
        })
    }

    /// The proof of who asks.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The data of a query or mutation.
    ///
    /// # Errors
    /// The API can't be reached, doesn't know who asks, or refuses the whole request. What a
    /// mutation refuses is in its data; see [`require`].
    pub async fn ask<Q: GraphQLQuery>(
        &self,
        _: Q,
        variables: Q::Variables,
    ) -> Result<Q::ResponseData, Failure>
    where
        Q::ResponseData: DeserializeOwned,
    {
        let question = Q::build_query(variables);
        let asking = async {
            let accept = "application/graphql-response+json, application/json;q=0.9";
            let response = self.post(&question, accept).await?;
            let status = response.status();
            let is_wrong_place = status == StatusCode::NOT_FOUND;
            let body = client::read_whole(response.into_body(), ANSWER_BYTES_MAX).await?;
            let answer: Response<Q::ResponseData> =
                serde_json::from_slice(&body).map_err(|error| {
                    let message = if is_wrong_place {
                        format!("there is no Spaceport API at {}", self.url)
                    } else {
                        format!(
                            "{} answered {status} in no way known here: {error}",
                            self.url
                        )
                    };
                    Failure::new(Kind::Unreachable, "NOT_THE_API", message)
                        .hint("the URL is that of the API, as in http://127.0.0.1:8080")
                })?;
            if let Some(error) = answer.errors.into_iter().flatten().next() {
                return Err(refused(&error));
            }
            answer
                .data
                .ok_or_else(|| Failure::unreachable("the API answered without data"))
        };
        match timeout(ANSWER_TIMEOUT, asking).await {
            Ok(answered) => answered,
            Err(_) => Err(Failure::unreachable(format!(
                "{} did not answer in time",
                self.url
            ))),
        }
    }

    /// What a subscription tells from now on.
    pub async fn follow<Q: GraphQLQuery>(
        &self,
        _: Q,
        variables: Q::Variables,
    ) -> Result<Events<Q::ResponseData>, Failure>
    where
        Q::ResponseData: DeserializeOwned,
    {
        let question = Q::build_query(variables);
        let response = self.post(&question, "text/event-stream").await?;
        Events::begin(response).await
    }

    async fn post(
        &self,
        question: &impl serde::Serialize,
        accept: &'static str,
    ) -> Result<http::Response<Incoming>, Failure> {
        let invalid = |error: String| Failure::refused("INVALID_REQUEST", error);
        let body = serde_json::to_vec(question).map_err(|error| invalid(error.to_string()))?;
        let mut request = Request::post(format!("{}/graphql", self.url))
            .header(ACCEPT, accept)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, AGENT);
        if let Some(token) = &self.token {
            let bearer = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| Failure::not_signed_in("the token is none"))?;
            request = request.header(AUTHORIZATION, bearer);
        }
        let request = request
            .body(client::full(body))
            .map_err(|error| invalid(error.to_string()))?;
        let response = self.http.send(request).await?;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            let after = response.headers().get(RETRY_AFTER);
            let after = after.and_then(|it| it.to_str().ok()).unwrap_or("a few");
            let message = format!("too many requests: try again in {after} seconds");
            return Err(Failure::refused("RATE_LIMITED", message));
        }
        Ok(response)
    }
}

/// The address of an API as it is kept: `http` or `https`, a host, perhaps a port.
pub fn checked_url(text: &str) -> Result<String, Failure> {
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let trimmed = with_scheme.trim_end_matches('/');
    let trimmed = trimmed.strip_suffix("/graphql").unwrap_or(trimmed);
    let uri: Uri = trimmed
        .parse()
        .map_err(|error| Failure::usage(format!("{text} is no URL: {error}")))?;
    let is_known = matches!(uri.scheme_str(), Some("http" | "https"));
    let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
    let has_user = uri.authority().is_some_and(|it| it.as_str().contains('@'));
    if !is_known || uri.host().is_none() || !is_bare || has_user {
        let message = format!("{text} is no address of an API, such as https://spaceport.example");
        return Err(Failure::usage(message));
    }
    Ok(trimmed.to_owned())
}

/// A request that is refused as a whole.
fn refused(error: &graphql_client::Error) -> Failure {
    let code = error.extensions.as_ref().and_then(|it| it.get("code"));
    let code = code.and_then(|it| it.as_str()).unwrap_or("REFUSED");
    match code {
        "UNAUTHENTICATED" => Failure::not_signed_in("nobody is signed in, or not any more"),
        "NOT_FOUND" => Failure::not_found(&error.message),
        _ => Failure::refused(code, &error.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_apis_are_kept_in_one_spelling() {
        for (given, kept) in [
            ("https://spaceport.example/", "https://spaceport.example"),
            ("spaceport.example", "https://spaceport.example"),
            ("http://127.0.0.1:8080/graphql", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(checked_url(given).as_deref(), Ok(kept));
        }
        for bad in [
            "",
            "ftp://a",
            "https://a/b",
            "https://u:p@a",
            "https://a?b",
            "http://",
        ] {
            assert!(checked_url(bad).is_err(), "{bad}");
        }
    }
}
