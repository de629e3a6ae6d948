//! The ACME server, and one order with it from beginning to end.

use std::{
    error::Error,
    fs,
    future::Future,
    io,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use http_body_util::Limited;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeType,
    HttpClient, Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde::{Deserialize, Serialize};
use tokio::{sync::OnceCell, time};

use super::{challenge::Challenges, shelf::Shelf};
use crate::{certs::CertError, settings::AcmeSettings};

/// For the head of one answer of the server's.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer of the server's; chains have a few KiB.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Between two looks at an order; it doubles each time, and the server may ask for more.
const POLL_PAUSE: Duration = Duration::from_millis(250);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The server can't be reached, or says no.
    #[error("{}", whole(.0))]
    Server(#[from] instant_acme::Error),
    /// The server did not believe that the host is served here.
    #[error("the server did not accept the proof: {0}")]
    Unconvinced(String),
    /// The server wants a proof that the edge can't give.
    #[error("the server does not offer the challenge tls-alpn-01")]
    NoChallenge,
    /// The server took too long.
    #[error("it took longer than SPACEPORT_ACME_ORDER_SECONDS")]
    Timeout,
    /// The proof can't be made, or the server's certificate not be used.
    #[error(transparent)]
    Certificate(#[from] CertError),
    /// The account can't be kept.
    #[error("the account can't be kept: {0}")]
    Disk(#[from] io::Error),
    /// What was kept of the account is no account.
    #[error("the kept account can't be read: {0}")]
    Account(#[from] serde_json::Error),
}

/// The server, the edge's account there, and where the proofs are shown.
pub struct Ca {
    settings: AcmeSettings,
    http: Https,
    shelf: Arc<Shelf>,
    challenges: Arc<Challenges>,
    /// Found or made when it is first needed, by one order for all.
    account: Mutex<Arc<OnceCell<Account>>>,
}

impl std::fmt::Debug for Ca {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ca")
            .field("directory", &self.settings.directory)
            .finish_non_exhaustive()
    }
}

/// The account as it is kept.
#[derive(Deserialize, Serialize)]
struct Kept {
    contact: Vec<String>,
    /// [`AccountCredentials`], which can be read but not copied.
    credentials: serde_json::Value,
}

impl Ca {
    /// Reads whom to trust. The server is first asked when there is something to order.
    pub fn new(
        settings: AcmeSettings,
        shelf: Arc<Shelf>,
        challenges: Arc<Challenges>,
    ) -> Result<Self, CertError> {
        let roots = match &settings.roots {
            Some(path) => given_roots(path)?,
            None => system_roots(),
        };
        Ok(Self {
            http: Https::new(roots)?,
            settings,
            shelf,
            challenges,
            account: Mutex::default(),
        })
    }

    /// Orders a certificate for `host` alone, and returns its key and chain as one PEM text.
    pub async fn certificate(&self, host: &str) -> Result<String, OrderError> {
        let ordered = time::timeout(self.settings.order, self.order(host)).await;
        let result = ordered.unwrap_or(Err(OrderError::Timeout));
        if let Err(OrderError::Server(instant_acme::Error::Api(problem))) = &result
            && problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:accountDoesNotExist")
        {
            tracing::warn!("the ACME server has forgotten the account; the next order makes one");
            self.shelf.forget_account()?;
            *self.cell() = Arc::default();
        }
        result
    }

    async fn order(&self, host: &str) -> Result<String, OrderError> {
        let cell = Arc::clone(&self.cell());
        let account = cell.get_or_try_init(|| self.open_account()).await?;
        let identifiers = [Identifier::Dns(host.to_owned())];
        let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
        let policy = RetryPolicy::new()
            .initial_delay(POLL_PAUSE)
            .timeout(self.settings.order);
        self.prove(host, &mut order, &policy).await?;
        let key = order.finalize().await?;
        let chain = order.poll_certificate(&policy).await?;
        Ok(format!("{key}{chain}"))
    }

    /// Returns when the server believes that `host` is served here.
    async fn prove(
        &self,
        host: &str,
        order: &mut Order,
        policy: &RetryPolicy,
    ) -> Result<(), OrderError> {
        let mut proofs = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            // The server may remember an earlier proof.
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let mut challenge = authorization
                .challenge(ChallengeType::TlsAlpn01)
                .ok_or(OrderError::NoChallenge)?;
            let digest = challenge.key_authorization().digest();
            proofs.push(self.challenges.show(host, digest.as_ref())?);
            challenge.set_ready().await?;
        }
        match order.poll_ready(policy).await {
            Ok(OrderStatus::Ready) => Ok(()),
            Ok(_) => Err(OrderError::Unconvinced(reason(order).await)),
            // Some servers say at once why; others leave it in the authorization.
            Err(instant_acme::Error::Api(problem)) => {
                Err(OrderError::Unconvinced(problem.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The account that was kept, or a new one.
    async fn open_account(&self) -> Result<Account, OrderError> {
        let contact: Vec<_> = self.settings.contact.iter().map(String::as_str).collect();
        let builder = Account::builder_with_http(Box::new(self.http.clone()));
        let (account, mut kept) = match self.shelf.account()? {
            Some(bytes) => {
                let kept: Kept = serde_json::from_slice(&bytes)?;
                let credentials: AccountCredentials =
                    serde_json::from_value(kept.credentials.clone())?;
                let account = builder.from_credentials(credentials).await?;
                if kept.contact == self.settings.contact {
                    return Ok(account);
                }
                account.update_contacts(&contact).await?;
                (account, kept)
            }
            None => {
                let wanted = NewAccount {
                    contact: &contact,
                    terms_of_service_agreed: true,
                    only_return_existing: false,
                };
                let directory = self.settings.directory.clone();
                let (account, credentials) = builder.create(&wanted, directory, None).await?;
                tracing::info!(account = account.id(), "made an account at the ACME server");
                let kept = Kept {
                    contact: Vec::new(),
                    credentials: serde_json::to_value(credentials)?,
                };
                (account, kept)
            }
        };
        kept.contact.clone_from(&self.settings.contact);
        self.shelf.keep_account(&serde_json::to_vec(&kept)?)?;
        Ok(account)
    }

    fn cell(&self) -> std::sync::MutexGuard<'_, Arc<OnceCell<Account>>> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the server says of the proof it did not accept.
async fn reason(order: &mut Order) -> String {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else {
            break;
        };
        let mut problems = state.challenges.iter().filter_map(|it| it.error.as_ref());
        if let Some(problem) = problems.next() {
            return problem.to_string();
        }
    }
    "it gave no reason".to_owned()
}

fn given_roots(path: &Path) -> Result<RootCertStore, CertError> {
    let pem = fs::read(path).map_err(|error| CertError::file(path, error))?;
    let bad = || CertError::content(path, "certificate");
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(&pem) {
        roots.add(root.map_err(|_| bad())?).map_err(|_| bad())?;
    }
    if roots.is_empty() {
        return Err(bad());
    }
    Ok(roots)
}

fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "an authority of the system can't be read");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::warn!("the system trusts no authority; name one by SPACEPORT_ACME_CA");
    }
    roots
}

/// A client that speaks HTTPS alone and waits for nothing without a bound.
#[derive(Clone)]
struct Https(Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>);

impl Https {
    fn new(roots: RootCertStore) -> Result<Self, rustls::Error> {
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .enable_http1()
            .build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }
}

impl HttpClient for Https {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let answer = time::timeout(ANSWER_TIMEOUT, self.0.request(request));
        Box::pin(async move {
            let other = |error| instant_acme::Error::Other(error);
            let response = answer.await.map_err(|it| other(it.into()))?;
            let response = response.map_err(|it| other(it.into()))?;
            Ok(response.map(|it| Limited::new(it, ANSWER_BYTES_MAX)).into())
        })
    }
}

/// An error with all its causes, which libraries leave out of their messages.
fn whole(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
