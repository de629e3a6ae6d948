//! A GraphQL client over one kept connection.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

/// How long a space may take to come into a status.
const STATUS_TIMEOUT: Duration = Duration::from_mins(1);

/// Asks one API as one user.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// What is delivered by a subscription to one space: its statuses.
#[derive(Debug)]
pub struct Statuses {
    response: reqwest::Response,
    received: String,
}

impl Client {
    /// A client of the API at `base` that isn't signed in.
    pub fn new(base: &str) -> anyhow::Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder().no_proxy().build()?,
            base: base.to_owned(),
            token: String::new(),
        })
    }

    /// The same for a user.
    pub async fn sign_in(&self, user_name: &str, password: &str) -> anyhow::Result<Self> {
        let input = json!({"userName": user_name, "password": password});
        let payload = self
            .change("signIn", "SignInInput", "token", input)
            .await
            .with_context(|| format!("signing in as {user_name}"))?;
        let mut client = Self::new(&self.base)?;
        payload["token"]
            .as_str()
            .context("no token")?
            .clone_into(&mut client.token);
        Ok(client)
    }

    /// What it sends as a bearer token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Where the API listens.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        let address = self.base.strip_prefix("http://");
        Ok(address.context("not a plain address")?.parse()?)
    }

    /// The text at a path.
    pub async fn text(&self, path: &str) -> anyhow::Result<String> {
        let response = self.http.get(format!("{}{path}", self.base)).send().await?;
        Ok(response.error_for_status()?.text().await?)
    }

    /// The answer to an operation, as it came.
    pub async fn answer(&self, body: &Value) -> anyhow::Result<String> {
        let response = self.post(body, "application/json").await?;
        Ok(response.text().await?)
    }

    /// The data of an operation.
    pub async fn ask(&self, document: &str, variables: Value) -> anyhow::Result<Value> {
        let body = json!({"query": document, "variables": variables});
        let mut answer: Value = serde_json::from_str(&self.answer(&body).await?)?;
        ensure!(answer["errors"].is_null(), "refused: {}", answer["errors"]);
        Ok(answer["data"].take())
    }

    /// The payload of a mutation that takes one input, with the fields of `selection`.
    pub async fn change(
        &self,
        mutation: &str,
        input_type: &str,
        selection: &str,
        input: Value,
    ) -> anyhow::Result<Value> {
        let document = format!(
            "mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ {selection} problems \
             {{ code message path }} }} }}"
        );
        let mut data = self.ask(&document, json!({"input": input})).await?;
        let payload = data[mutation].take();
        match payload["problems"].as_array() {
            Some(problems) if problems.is_empty() => Ok(payload),
            _ => bail!("{mutation}: {}", payload["problems"]),
        }
    }

    /// SQL statements the API has executed so far.
    pub async fn sql_statements(&self) -> anyhow::Result<u32> {
        let metrics = self.text("/metrics").await?;
        let value = metrics
            .lines()
            .find_map(|line| line.strip_prefix("spaceport_sql_statements_total "))
            .context("the API doesn't count SQL statements")?;
        Ok(value.trim().parse()?)
    }

    /// Subscribes to a space, by server-sent events.
    pub async fn statuses(&self, space: &str) -> anyhow::Result<Statuses> {
        let body = json!({
            "query": "subscription($id: ID!) { spaceChanged(id: $id) { space { status failure { \
                      message } } } }",
            "variables": {"id": space},
        });
        Ok(Statuses {
            response: self.post(&body, "text/event-stream").await?,
            received: String::new(),
        })
    }

    async fn post(&self, body: &Value, accept: &str) -> anyhow::Result<reqwest::Response> {
        let mut request = self
            .http
            .post(format!("{}/graphql", self.base))
            .header("accept", accept)
            .json(body);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        Ok(request.send().await?.error_for_status()?)
    }
}

impl Statuses {
    /// Waits until the space has this status.
    pub async fn wait_for(&mut self, wanted: &str) -> anyhow::Result<()> {
        let wait = async {
            while self.next_status().await? != wanted {}
            anyhow::Ok(())
        };
        tokio::time::timeout(STATUS_TIMEOUT, wait)
            .await
            .with_context(|| format!("no {wanted} came"))?
    }

    /// The status the next event tells; an error when the space has failed.
    pub async fn next_status(&mut self) -> anyhow::Result<String> {
        let event = self.next_event().await?;
        let space = &event["data"]["spaceChanged"]["space"];
        ensure!(space["failure"].is_null(), "failed: {}", space["failure"]);
        let status = space["status"].as_str();
        Ok(status
            .with_context(|| format!("no status: {event}"))?
            .to_owned())
    }

    async fn next_event(&mut self) -> anyhow::Result<Value> {
        loop {
            if let Some(end) = self.received.find("\n\n") {
                let event: String = self.received.drain(..end + 2).collect();
                if let Some(data) = event.lines().find_map(|line| line.strip_prefix("data: ")) {
                    return Ok(serde_json::from_str(data)?);
                }
                continue;
            }
            let chunk = self.response.chunk().await?;
            let chunk = chunk.context("the subscription ended")?;
            self.received.push_str(std::str::from_utf8(&chunk)?);
        }
    }
}
