//! Tickets, and the keys that prove them.

use std::{
    collections::{BTreeSet, HashMap},
    fs, io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use spaceport_domain::ticket::{AUDIENCE, Ticket};

use crate::{
    api::{Api, AskError},
    routes::disk::write_atomically,
};

const KEYS_PATH: &str = "/.well-known/jwks.json";
/// Tickets remembered as proven: proving one takes as long as the rest of a request.
const PROVEN_MAX: usize = 8192;
/// The longest ticket; what is longer is none.
const TICKET_BYTES_MAX: usize = 2048;

/// The control plane's public keys, also from before the edge's start.
pub struct TicketKeys {
    path: PathBuf,
    keys: ArcSwap<HashMap<String, DecodingKey>>,
    proven: Mutex<HashMap<String, Arc<Ticket>>>,
    saves: AtomicBool,
}

impl std::fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids: Vec<_> = self.keys.load().keys().cloned().collect();
        f.debug_tuple("TicketKeys").field(&ids).finish()
    }
}

/// Why the keys can't be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// They can't be asked for.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// What came is no set of keys (RFC 7517).
    #[error("it gave no set of keys: {0}")]
    Content(#[from] serde_json::Error),
    /// They can't be kept for the next start.
    #[error("they can't be saved: {0}")]
    Save(#[from] io::Error),
}

impl TicketKeys {
    /// The keys that were last saved at `path`, if there are any.
    pub fn open(path: PathBuf) -> Self {
        let saved = match fs::read(&path) {
            Ok(bytes) => read(&bytes).unwrap_or_else(|error| {
                tracing::warn!(%error, path = %path.display(), "the saved keys can't be read");
                HashMap::new()
            }),
            Err(_) => HashMap::new(),
        };
        Self {
            path,
            keys: ArcSwap::from_pointee(saved),
            proven: Mutex::default(),
            saves: AtomicBool::new(true),
        }
    }

    /// Leaves the file to a successor.
    pub fn stop_saving(&self) {
        self.saves.store(false, Ordering::Relaxed);
    }

    /// Asks for the keys, uses them from now on, and saves them.
    pub async fn fetch(&self, api: &Api) -> Result<(), KeysError> {
        let bytes = api.get(KEYS_PATH).await?;
        let keys = read(&bytes)?;
        let known: BTreeSet<_> = self.keys.load().keys().cloned().collect();
        if known == keys.keys().cloned().collect() {
            return Ok(());
        }
        {
            let mut proven = self.proven();
            self.keys.store(Arc::new(keys));
            // By what may be no key any more.
            proven.clear();
        }
        if self.saves.load(Ordering::Relaxed) {
            write_atomically(&self.path, &bytes, 0o600)?;
        }
        Ok(())
    }

    /// What `text` says, if the control plane has signed it as a ticket for `host` that has not
    /// ended at `now`, in seconds since the Unix epoch.
    pub fn prove(&self, text: &str, host: &str, now: i64) -> Option<Arc<Ticket>> {
        self.read(text, host).filter(|ticket| ticket.exp > now)
    }

    /// What `text` says, if the control plane has signed it as a ticket for `host`, which may have
    /// ended.
    pub fn read(&self, text: &str, host: &str) -> Option<Arc<Ticket>> {
        let known = self.proven().get(text).cloned();
        let ticket = match known {
            Some(ticket) => ticket,
            None => self.prove_anew(text)?,
        };
        (ticket.host == host).then_some(ticket)
    }

    fn prove_anew(&self, text: &str) -> Option<Arc<Ticket>> {
        if text.len() > TICKET_BYTES_MAX {
            return None;
        }
        let header = jsonwebtoken::decode_header(text).ok()?;
        let keys = self.keys.load();
        let key = keys.get(&header.kid?)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[AUDIENCE]);
        validation.validate_exp = false;
        let ticket = jsonwebtoken::decode::<Ticket>(text, key, &validation).ok()?;
        let ticket = Arc::new(ticket.claims);
        let mut proven = self.proven();
        if !Arc::ptr_eq(&keys, &self.keys.load()) {
            // The keys were exchanged meanwhile. It is proven anew when it comes again.
            return None;
        }
        if proven.len() >= PROVEN_MAX {
            // Rare enough that which ones are proven anew doesn't matter.
            proven.clear();
        }
        proven.insert(text.to_owned(), Arc::clone(&ticket));
        Some(ticket)
    }

    fn proven(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Ticket>>> {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(bytes: &[u8]) -> Result<HashMap<String, DecodingKey>, serde_json::Error> {
    let set: JwkSet = serde_json::from_slice(bytes)?;
    let keys = set.keys.iter().filter_map(|jwk| {
        let id = jwk.common.key_id.clone()?;
        Some((id, DecodingKey::from_jwk(jwk).ok()?))
    });
    Ok(keys.collect())
}

/// The time of day, in seconds since the Unix epoch, as tickets have it.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |it| i64::try_from(it.as_secs()).unwrap_or(i64::MAX))
}
