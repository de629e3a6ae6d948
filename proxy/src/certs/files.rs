//! Certificates from the operator's files, read again when the files change.
//!
//! Their content is compared, once a second: whatever replaced it (a new file, another target of a
//! symlink, a swapped folder) is seen, and nothing hangs on the clock of a file system. A pair that
//! is broken or only half written changes nothing: what was good before is served on.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{signal::unix::Signal, task, time};

use super::{CertError, CertStore, Certificate, Certificates, certificate::PemError};
use crate::{metrics::Metrics, settings::TlsFiles};

/// How often the files are compared with what is served.
const COMPARE_INTERVAL: Duration = Duration::from_secs(1);
/// Whoever replaces files by hand is told when so little is left of a certificate's life.
const ENDS_SOON: Duration = Duration::from_hours(14 * 24);
/// How often they are told.
const WARN_INTERVAL: Duration = Duration::from_hours(24);

/// The files, what they last held, and the certificates that came of it.
#[derive(Debug)]
pub struct Files {
    single: Option<TlsFiles>,
    folder: Option<PathBuf>,
    pairs: BTreeMap<PathBuf, Pair>,
    /// Why the folder could not be listed when it was last tried.
    unlisted: Option<String>,
}

/// What was seen of one pair of files, and what is served for it.
#[derive(Debug)]
struct Pair {
    seen: Result<Content, String>,
    /// `None`: there has been nothing usable yet.
    certificate: Option<Arc<Certificate>>,
}

/// What the two files of a pair held.
#[derive(PartialEq, Eq)]
struct Content {
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Content(…)")
    }
}

impl Files {
    /// Reads `single`, whose certificate is the default's then, and every pair in `folder`.
    ///
    /// # Errors
    /// At the start everything must be usable: somebody is there to see that it isn't.
    pub fn open(single: Option<TlsFiles>, folder: Option<PathBuf>) -> Result<Self, CertError> {
        let mut files = Self {
            single,
            folder,
            pairs: BTreeMap::new(),
            unlisted: None,
        };
        for pair in files.list()? {
            let content = read(&pair)?;
            let certificate = Some(Arc::new(understand(&pair, &content)?));
            let seen = Ok(content);
            files.pairs.insert(pair.key, Pair { seen, certificate });
        }
        match &files.folder {
            Some(folder) if files.pairs.is_empty() => Err(CertError::Empty {
                path: folder.display().to_string(),
            }),
            _ => Ok(files),
        }
    }

    /// The certificates, indexed: that of the single pair first, the others by their files' names.
    pub fn store(&self) -> CertStore {
        let single = self.single.as_ref().map(|it| &it.key);
        let first = single.and_then(|key| self.pairs.get(key));
        let others = self.pairs.iter().filter(|(key, _)| Some(*key) != single);
        let all = first.into_iter().chain(others.map(|(_, pair)| pair));
        CertStore::new(all.filter_map(|pair| pair.certificate.clone()))
    }

    /// Reads the files again, and says whether other certificates are to be served now. What is
    /// wrong with the files is logged once, until they change again.
    pub fn look(&mut self) -> bool {
        let listed = match self.list() {
            Ok(listed) => listed,
            Err(error) => {
                let why = error.to_string();
                if self.unlisted.as_ref() != Some(&why) {
                    tracing::warn!(%error, "certificates can't be looked for; the old ones stay");
                    self.unlisted = Some(why);
                }
                return false;
            }
        };
        let mut changed = false;
        for pair in &listed {
            changed |= self.look_at(pair);
        }
        let is_listed = |key: &PathBuf| listed.iter().any(|pair| pair.key == *key);
        let usable = |pair: &Pair| pair.certificate.is_some();
        let left = self.pairs.iter().filter(|(key, _)| is_listed(key));
        if left.map(|(_, pair)| pair).any(usable) {
            self.unlisted = None;
            self.pairs.retain(|key, pair| {
                let stays = is_listed(key);
                changed |= !stays && usable(pair);
                stays
            });
        } else if self.unlisted.is_none() {
            let why = "no usable certificate is left in the folder; the old ones stay";
            tracing::warn!("{why}");
            self.unlisted = Some(why.to_owned());
        }
        changed
    }

    /// Looks at one pair again; returns whether its certificate is another now.
    fn look_at(&mut self, files: &TlsFiles) -> bool {
        let seen = read(files).map_err(|error| error.to_string());
        let known = self.pairs.get(&files.key);
        if known.is_some_and(|pair| pair.seen == seen) {
            return false;
        }
        let understood = match &seen {
            Ok(content) => understand(files, content).map_err(|error| error.to_string()),
            Err(why) => Err(why.clone()),
        };
        let certificate = match understood {
            Ok(certificate) => {
                let (path, names) = (files.chain.display(), certificate.describe());
                tracing::info!(%path, names, "serving a new certificate");
                Some(Arc::new(certificate))
            }
            Err(error) => {
                tracing::warn!(error, "a certificate can't be used; the old one stays");
                None
            }
        };
        let changed = certificate.is_some();
        let certificate = certificate.or_else(|| known?.certificate.clone());
        let pair = Pair { seen, certificate };
        self.pairs.insert(files.key.clone(), pair);
        changed
    }

    /// Every pair there should be. In the folder those are the keys without a certificate, too, as
    /// the other half may be on its way; a certificate without a key is an authority's.
    fn list(&self) -> Result<Vec<TlsFiles>, CertError> {
        let mut pairs: Vec<_> = self.single.clone().into_iter().collect();
        let Some(folder) = &self.folder else {
            return Ok(pairs);
        };
        let unreadable = |error| CertError::file(folder, error);
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let key = entry.map_err(unreadable)?.path();
            let hidden = |path: &Path| {
                path.file_stem()
                    .is_none_or(|it| it.as_encoded_bytes()[0] == b'.')
            };
            if key.extension().is_some_and(|it| it == "key") && !hidden(&key) {
                let pem = key.with_extension("pem");
                let chain = if pem.exists() {
                    pem
                } else {
                    key.with_extension("crt")
                };
                pairs.push(TlsFiles { chain, key });
            }
        }
        Ok(pairs)
    }
}

fn read(files: &TlsFiles) -> Result<Content, CertError> {
    let read = |path: &Path| fs::read(path).map_err(|error| CertError::file(path, error));
    Ok(Content {
        chain: read(&files.chain)?,
        key: read(&files.key)?,
    })
}

fn understand(files: &TlsFiles, content: &Content) -> Result<Certificate, CertError> {
    Certificate::from_pem(&content.chain, &content.key).map_err(|error| match error {
        PemError::Chain => CertError::content(&files.chain, "certificate"),
        PemError::Key => CertError::content(&files.key, "private key"),
        PemError::Pair(error) => CertError::Pair {
            path: files.chain.display().to_string(),
            error,
        },
    })
}

/// Serves what the files hold, for as long as the task lives: looks at them every second, and at
/// once after a SIGHUP.
pub async fn follow(
    mut files: Files,
    mut hangup: Signal,
    certificates: Arc<Certificates>,
    metrics: Arc<Metrics>,
) {
    let mut tick = time::interval(COMPARE_INTERVAL);
    tick.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    let mut warn = time::interval(WARN_INTERVAL);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = hangup.recv() => {}
            _ = warn.tick() => warn_of_ends(&files.store(), SystemTime::now()),
        }
        // A file system may hang, and visitors' routes come by this thread.
        let looked = task::spawn_blocking(move || {
            let changed = files.look();
            (files, changed)
        });
        let Ok((looked, changed)) = looked.await else {
            tracing::error!("certificates are not read again any more; restart the edge");
            return;
        };
        files = looked;
        if changed {
            let store = files.store();
            warn_of_ends(&store, SystemTime::now());
            certificates.replace(store);
            metrics.certificate_reloads.increment(1);
        }
    }
}

/// Says which certificates have ended or soon will.
fn warn_of_ends(store: &CertStore, now: SystemTime) {
    for certificate in store.iter() {
        let names = certificate.describe();
        match certificate.not_after().duration_since(now) {
            Ok(left) if left > ENDS_SOON => {}
            Ok(left) => {
                let days = left.as_secs() / (24 * 60 * 60);
                tracing::warn!(names, days, "a certificate ends soon; replace its files");
            }
            Err(_) => tracing::error!(names, "a certificate has ended; replace its files"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let name = format!("spaceport-files-{}", uuid::Uuid::now_v7());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).expect("a folder");
            Self(path)
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.0.join(name), text).expect("written");
        }

        fn single(&self) -> TlsFiles {
            TlsFiles {
                chain: self.0.join("chain"),
                key: self.0.join("key"),
            }
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// A chain and its key.
    fn made(name: &str) -> [String; 2] {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("names");
        let chain = params.self_signed(&key).expect("signed").pem();
        [chain, key.serialize_pem()]
    }

    fn names(files: &Files) -> Vec<String> {
        files.store().iter().map(|it| it.describe()).collect()
    }

    #[test]
    fn a_replaced_pair_is_seen_and_half_of_one_changes_nothing() {
        let folder = Folder::new();
        let [chain, key] = made("a.example");
        folder.write("chain", &chain);
        folder.write("key", &key);
        let mut files = Files::open(Some(folder.single()), None).expect("usable");
        assert!(!files.look());
        let [new_chain, new_key] = made("b.example");
        for half in [&new_chain, &new_chain[..200], ""] {
            folder.write("chain", half);
            assert!(!files.look());
            assert_eq!(names(&files), ["a.example"]);
        }
        fs::remove_file(folder.0.join("chain")).expect("removed");
        assert!(!files.look() && names(&files) == ["a.example"]);
        folder.write("chain", &new_chain);
        folder.write("key", &new_key);
        assert!(files.look());
        assert_eq!(names(&files), ["b.example"]);
    }

    #[test]
    fn the_swap_of_a_symlinked_folder_is_seen() {
        let folder = Folder::new();
        for version in ["1", "2"] {
            fs::create_dir(folder.0.join(version)).expect("a folder");
            let [chain, key] = made(&format!("v{version}.example"));
            folder.write(&format!("{version}/chain"), &chain);
            folder.write(&format!("{version}/key"), &key);
        }
        let swap = |to: &str| {
            symlink(to, folder.0.join("new")).expect("a link");
            fs::rename(folder.0.join("new"), folder.0.join("live")).expect("swapped");
        };
        swap("1");
        let single = TlsFiles {
            chain: folder.0.join("live/chain"),
            key: folder.0.join("live/key"),
        };
        let mut files = Files::open(Some(single), None).expect("usable");
        swap("2");
        assert!(files.look());
        assert_eq!(names(&files), ["v2.example"]);
    }

    #[test]
    fn a_folder_holds_many_pairs_and_each_is_kept_on_its_own() {
        let folder = Folder::new();
        let [single, key] = made("z.example");
        folder.write("chain", &single);
        folder.write("key", &key);
        let add = |file: &str, extension: &str, name: &str| {
            let [chain, key] = made(name);
            folder.write(&format!("pairs/{file}.{extension}"), &chain);
            folder.write(&format!("pairs/{file}.key"), &key);
        };
        let pairs = folder.0.join("pairs");
        fs::create_dir(&pairs).expect("a folder");
        Files::open(None, Some(pairs.clone())).expect_err("empty");
        add("apps", "crt", "a.example");
        add("tunnels", "pem", "t.example");
        folder.write("pairs/ca.crt", "of no interest");
        let mut files = Files::open(Some(folder.single()), Some(pairs.clone())).expect("usable");
        assert_eq!(names(&files), ["z.example", "a.example", "t.example"]);

        add("apps", "crt", "b.example");
        folder.write("pairs/tunnels.key", "half");
        folder.write("pairs/new.key", "without a chain");
        assert!(files.look());
        assert_eq!(names(&files), ["z.example", "b.example", "t.example"]);
        fs::remove_file(pairs.join("apps.key")).expect("removed");
        assert!(files.look());
        assert_eq!(names(&files), ["z.example", "t.example"]);

        let mut alone = Files::open(None, Some(pairs.clone())).expect_err("a broken pair");
        assert!(alone.to_string().contains("key"), "{alone}");
        fs::remove_file(pairs.join("new.key")).expect("removed");
        add("tunnels", "pem", "u.example");
        let mut files = Files::open(None, Some(pairs.clone())).expect("usable");
        fs::remove_file(pairs.join("tunnels.key")).expect("removed");
        assert!(
            !files.look() && names(&files) == ["u.example"],
            "the last one stays"
        );
        fs::remove_dir_all(&pairs).expect("removed");
        assert!(!files.look() && names(&files) == ["u.example"]);
        alone = Files::open(None, Some(pairs)).expect_err("no folder");
        assert!(matches!(alone, CertError::File { .. }), "{alone}");
    }
}
