//! Where an edge's certificates come from, opened at its start and kept up to date afterwards.

use std::sync::Arc;

use tokio::{signal::unix::Signal, sync::mpsc, task::JoinHandle, time};

use super::StartError;
use crate::{
    certs::{
        CertError, Certificates,
        acme::{OnDemand, UnderWay, ca::Ca, challenge::Challenges, orders::Orders, shelf::Shelf},
        dev_ca::{DevCa, RENEW_INTERVAL},
        files::{self, Files},
    },
    listener::Site,
    settings::Settings,
    tls::{self, HandshakesOnDemand},
};

/// What certificates come from beside an ACME server.
pub(super) struct Given {
    files: Option<Files>,
    /// There is one when nothing else was named.
    pub(super) authority: Option<DevCa>,
}

impl Given {
    /// Opens the operator's files or else, if no ACME server is named, the development CA; what
    /// they give is served in `certificates`.
    pub(super) fn open(
        settings: &Settings,
        certificates: &Certificates,
    ) -> Result<Self, CertError> {
        let (single, folder) = (settings.tls_files.clone(), settings.tls_dir.clone());
        if single.is_some() || folder.is_some() {
            let files = Files::open(single, folder)?;
            certificates.replace(files.store());
            return Ok(Self {
                files: Some(files),
                authority: None,
            });
        }
        let authority = match settings.acme {
            None => Some(development_ca(settings, certificates)?),
            Some(_) => None,
        };
        Ok(Self {
            files: None,
            authority,
        })
    }
}

fn development_ca(settings: &Settings, certificates: &Certificates) -> Result<DevCa, CertError> {
    let domains = [settings.tunnel_domain.clone(), settings.app_domain.clone()];
    let ca = DevCa::open(&settings.ca_dir(), domains)?;
    certificates.replace(ca.issue()?);
    tracing::info!(path = %ca.path().display(), "serving certificates of the development CA");
    Ok(ca)
}

/// Orders of certificates, to be fulfilled as they come.
pub(super) struct OnOrder {
    orders: Orders,
    wanted: mpsc::UnboundedReceiver<UnderWay>,
}

impl OnOrder {
    /// Serves the certificates an ACME server made, and prepares for more of them. `None`: no
    /// server is named.
    pub(super) fn open(
        settings: &Settings,
        site: &Site,
    ) -> Result<Option<(HandshakesOnDemand, Self)>, StartError> {
        let folder = settings.acme_dir();
        let Some(settings) = &settings.acme else {
            return Ok(None);
        };
        let unusable = |error| CertError::file(&folder, error);
        let shelf = Arc::new(Shelf::open(&folder, &settings.directory).map_err(unusable)?);
        let challenges = Arc::new(Challenges::default());
        let ca = Ca::new(
            settings.clone(),
            Arc::clone(&shelf),
            Arc::clone(&challenges),
        )?;
        let (on_demand, wanted) = OnDemand::new(
            settings,
            Arc::clone(&site.routes),
            Arc::clone(&site.certificates),
            Arc::clone(&site.metrics),
        );
        let at_once = settings.orders_at_once.get();
        let orders = Orders::open(Arc::clone(&on_demand), ca, shelf, at_once).map_err(unusable)?;
        tracing::info!(
            directory = settings.directory,
            "certificates are made by an ACME server"
        );
        let handshakes = HandshakesOnDemand {
            on_demand,
            challenges: Arc::new(tls::challenge_config(challenges)?),
        };
        Ok(Some((handshakes, Self { orders, wanted })))
    }
}

/// Starts what keeps certificates up to date, on this thread's runtime. `hangup` is when to look at
/// files at once.
pub(super) fn keep_up(
    given: Given,
    hangup: Signal,
    on_order: Option<OnOrder>,
    site: &Arc<Site>,
) -> Vec<JoinHandle<()>> {
    let mut tasks = Vec::new();
    if let Some(files) = given.files {
        let certificates = Arc::clone(&site.certificates);
        let metrics = Arc::clone(&site.metrics);
        let following = files::follow(files, hangup, certificates, metrics);
        tasks.push(tokio::spawn(following));
    }
    if let Some(authority) = given.authority {
        tasks.push(tokio::spawn(renew(authority, Arc::clone(site))));
    }
    if let Some(OnOrder { orders, wanted }) = on_order {
        tasks.push(tokio::spawn(orders.run(wanted)));
    }
    tasks
}

/// Makes the development CA's certificates anew while the edge runs for months.
async fn renew(authority: DevCa, site: Arc<Site>) {
    loop {
        time::sleep(RENEW_INTERVAL).await;
        match authority.issue() {
            Ok(store) => site.certificates.replace(store),
            Err(error) => tracing::error!(%error, "the certificates can't be made anew"),
        }
    }
}
