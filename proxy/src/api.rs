//! The control plane, as the edge asks it: one connection a question, with the edge's own token.

use std::{io, time::Duration};

use bytes::Bytes;
use http::{
    Method, Request, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time};
use tokio_util::task::AbortOnDropHandle;

use crate::{guard::ControlPlane, routes::token::TokenSource, settings::ApiUrl};

const GRAPHQL_PATH: &str = "/graphql";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For a whole answer that is no stream.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer that is no stream.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Where the control plane is, and the edge's proof of who it is.
#[derive(Clone, Debug)]
pub struct Api {
    /// Its address.
    pub url: ApiUrl,
    /// The proof.
    pub token: TokenSource,
    /// The addresses its name led to.
    pub found_at: ControlPlane,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody takes the connection.
    #[error("it can't be reached: {0}")]
    Connect(#[source] io::Error),
    /// The connection broke, or what came is no HTTP.
    #[error("HTTP failed: {0}")]
    Http(#[from] hyper::Error),
    /// It answered, but not with success.
    #[error("it answered with status {0}")]
    Status(StatusCode),
    /// The answer broke off, or is too long.
    #[error("its answer can't be read: {0}")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It took too long.
    #[error("it did not answer in time")]
    Timeout,
    /// The settings can't be put into a request.
    #[error("the request can't be written: {0}")]
    Request(#[from] http::Error),
}

/// An answer whose body may still be coming.
#[derive(Debug)]
pub struct Answering {
    /// The answer.
    pub response: Response<Incoming>,
    /// Ends with this value.
    pub connection: AbortOnDropHandle<()>,
}

impl Api {
    /// Asks a GraphQL question, to be answered as `accept` says. There is no bound on the time.
    pub async fn ask(
        &self,
        question: &serde_json::Value,
        accept: &'static str,
    ) -> Result<Answering, AskError> {
        let token = self.token.wait().await;
        let request = Request::post(GRAPHQL_PATH)
            .header(HOST, self.url.authority())
            .header(ACCEPT, accept)
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("Bearer {}", token.reveal()))
            .body(Full::new(Bytes::from(question.to_string())))?;
        self.send(request).await
    }

    /// The answer to a GraphQL query or mutation, as it came.
    pub async fn answer(&self, question: &serde_json::Value) -> Result<Bytes, AskError> {
        let whole = async { read(self.ask(question, "application/json").await?).await };
        time::timeout(ANSWER_TIMEOUT, whole)
            .await
            .unwrap_or(Err(AskError::Timeout))
    }

    /// What is at `path` for everybody.
    pub async fn get(&self, path: &'static str) -> Result<Bytes, AskError> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(path)
            .header(HOST, self.url.authority())
            .body(Full::default())?;
        let whole = async { read(self.send(request).await?).await };
        time::timeout(ANSWER_TIMEOUT, whole)
            .await
            .unwrap_or(Err(AskError::Timeout))
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answering, AskError> {
        let target = (self.url.host.as_str(), self.url.port);
        let stream = time::timeout(CONNECT_TIMEOUT, TcpStream::connect(target))
            .await
            .unwrap_or_else(|elapsed| Err(elapsed.into()))
            .map_err(AskError::Connect)?;
        self.found_at
            .note(stream.peer_addr().map_err(AskError::Connect)?);
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = AbortOnDropHandle::new(tokio::spawn(async move {
            // Its error reaches the answer through the body.
            let _ = connection.await;
        }));
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(AskError::Status(response.status()));
        }
        Ok(Answering {
            response,
            connection,
        })
    }
}

async fn read(answering: Answering) -> Result<Bytes, AskError> {
    let body = Limited::new(answering.response.into_body(), ANSWER_BYTES_MAX);
    let collected = body.collect().await.map_err(AskError::Body)?;
    Ok(collected.to_bytes())
}
