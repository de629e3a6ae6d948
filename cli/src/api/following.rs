//! A subscription that goes on over breaks of the connection and restarts of the API.

use std::time::{Duration, Instant};

use graphql_client::GraphQLQuery;
use serde::de::DeserializeOwned;
use tokio::time::sleep;

use super::{Api, events::Events};
use crate::failure::{Failure, Kind};

/// Between attempts to come back, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Follows a subscription; resumes behind the last cursor that was noted.
pub struct Following<'a, Q: GraphQLQuery> {
    api: &'a Api,
    operation: Q,
    variables: Box<dyn Fn(Option<String>) -> Q::Variables + Send + 'a>,
    cursor: Option<String>,
    events: Option<Events<Q::ResponseData>>,
    /// How long to try to come back; for ever when absent.
    patience: Option<Duration>,
}

impl<'a, Q> Following<'a, Q>
where
    Q: GraphQLQuery + Copy,
    Q::ResponseData: DeserializeOwned,
{
    /// Begins to follow. `variables` are made of the cursor to resume behind.
    ///
    /// # Errors
    /// The first attempt fails: only what has worked once is tried again.
    pub async fn begin(
        api: &'a Api,
        operation: Q,
        patience: Option<Duration>,
        variables: impl Fn(Option<String>) -> Q::Variables + Send + 'a,
    ) -> Result<Self, Failure> {
        let events = api.follow(operation, variables(None)).await?;
        Ok(Self {
            api,
            operation,
            variables: Box::new(variables),
            cursor: None,
            events: Some(events),
            patience,
        })
    }

    /// The next event; `None` when the API ends the subscription for good.
    pub async fn next(&mut self) -> Result<Option<Q::ResponseData>, Failure> {
        loop {
            let mut events = match self.events.take() {
                Some(events) => events,
                None => self.come_back().await?,
            };
            match events.next().await {
                Ok(Some(event)) => {
                    self.events = Some(events);
                    return Ok(Some(event));
                }
                Ok(None) => return Ok(None),
                Err(failure) if is_passing(&failure) => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Where to resume, as the last event said.
    pub fn note(&mut self, cursor: Option<&String>) {
        if let Some(cursor) = cursor {
            self.cursor = Some(cursor.clone());
        }
    }

    async fn come_back(&self) -> Result<Events<Q::ResponseData>, Failure> {
        let began = Instant::now();
        let (mut wait, longest) = RETRY;
        loop {
            sleep(wait).await;
            wait = (wait * 2).min(longest);
            let variables = (self.variables)(self.cursor.clone());
            match self.api.follow(self.operation, variables).await {
                Ok(events) => return Ok(events),
                Err(failure) if !is_passing(&failure) => return Err(failure),
                Err(failure) => {
                    if self.patience.is_some_and(|it| began.elapsed() > it) {
                        return Err(failure);
                    }
                }
            }
        }
    }
}

fn is_passing(failure: &Failure) -> bool {
    failure.kind() == Kind::Unreachable && failure.code() != "TLS_UNTRUSTED"
}
