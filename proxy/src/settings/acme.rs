//! What the operator decides about certificates from an ACME server.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use http::Uri;

use super::{Reader, at_least_one, some_seconds};

/// Certificates made on demand, and the bounds on asking for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeSettings {
    /// `ACME_DIRECTORY`: the server's directory (RFC 8555 §7.1.1), an `https` URL.
    pub directory: String,
    /// `ACME_CONTACT`: whom the server may write to, as URLs.
    pub contact: Vec<String>,
    /// `ACME_CA`: a PEM file of the authorities to believe the server's own certificate by;
    /// `None`: those of the system.
    pub roots: Option<PathBuf>,
    /// `ACME_WAIT_SECONDS`: how long a visitor's handshake may wait for a certificate.
    pub wait: Duration,
    /// `ACME_ORDER_SECONDS`: for an order to be fulfilled.
    pub order: Duration,
    /// `ACME_ORDERS_AT_ONCE`: orders under way at a time.
    pub orders_at_once: NonZeroUsize,
    /// `ACME_ORDERS_PER_HOUR`: orders begun in any hour, those that failed included.
    pub orders_per_hour: NonZeroUsize,
    /// `ACME_RETRY_SECONDS`: until a name whose order failed is ordered again; each further
    /// failure doubles it.
    pub retry: Duration,
}

/// The settings, when there is a directory.
pub(super) fn acme(read: &mut Reader<'_>) -> Option<AcmeSettings> {
    let directory = read.maybe("ACME_DIRECTORY", directory);
    let contact = read.maybe("ACME_CONTACT", contact);
    let roots = read.maybe("ACME_CA", |it| Ok(Path::new(it).to_owned()));
    let wait = read.or("ACME_WAIT_SECONDS", "20", some_seconds);
    let order = read.or("ACME_ORDER_SECONDS", "120", some_seconds);
    let orders_at_once = read.or("ACME_ORDERS_AT_ONCE", "4", at_least_one);
    let orders_per_hour = read.or("ACME_ORDERS_PER_HOUR", "60", at_least_one);
    let retry = read.or("ACME_RETRY_SECONDS", "300", some_seconds);
    Some(AcmeSettings {
        directory: directory?,
        contact: contact.unwrap_or_default(),
        roots,
        wait,
        order,
        orders_at_once,
        orders_per_hour,
        retry,
    })
}

fn directory(text: &str) -> Result<String, String> {
    let url: Option<Uri> = text.parse().ok();
    match url {
        Some(url) if url.scheme_str() == Some("https") && url.host().is_some() => {
            Ok(text.to_owned())
        }
        _ => Err(format!(
            "must be a URL like https://acme.example/directory, not {text:?}"
        )),
    }
}

/// Addresses of electronic mail, separated by commas; with or without `mailto:`.
fn contact(text: &str) -> Result<Vec<String>, String> {
    let one = |it: &str| {
        let address = it.trim();
        let address = address.strip_prefix("mailto:").unwrap_or(address);
        let plain = address.bytes().all(|byte| byte.is_ascii_graphic());
        match address.split_once('@') {
            Some((user, domain)) if plain && !user.is_empty() && !domain.is_empty() => {
                Ok(format!("mailto:{address}"))
            }
            _ => Err(format!(
                "must be addresses like ops@example.com, not {it:?}"
            )),
        }
    };
    text.split(',').map(one).collect()
}
