//! The account and the certificates on disk, so that a restart orders nothing.
//!
//! ```text
//! <folder>/<server>/account.json
//! <folder>/<server>/certs/<host>.pem      the key and its chain, one file: never half of a pair
//! ```
//!
//! Each server has a folder of its own: certificates of one that only tests are no good when the
//! real one is named. Only the edge's own user may read them.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use http::Uri;

use crate::{certs::Certificate, routes::disk::write_atomically};

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
const EXTENSION: &str = "pem";

/// The folder of one server.
#[derive(Debug)]
pub struct Shelf {
    account: PathBuf,
    certs: PathBuf,
}

impl Shelf {
    /// Makes the folders below `folder` that `directory`, a server's URL, has its things in.
    pub fn open(folder: &Path, directory: &str) -> io::Result<Self> {
        let server = folder.join(folder_name(directory));
        let certs = server.join("certs");
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent)?;
        }
        for folder in [folder, &server, &certs] {
            match fs::DirBuilder::new().mode(FOLDER_MODE).create(folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    fs::set_permissions(folder, fs::Permissions::from_mode(FOLDER_MODE))?;
                }
                made => made?,
            }
        }
        Ok(Self {
            account: server.join("account.json"),
            certs,
        })
    }

    /// Every certificate with the host it is for. What can't be used is logged and left out.
    pub fn certificates(&self) -> io::Result<Vec<(String, Certificate)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.certs)? {
            let path = entry?.path();
            let host = path.file_stem().and_then(|it| it.to_str());
            let Some(host) = host.filter(|_| path.extension().is_some_and(|it| it == EXTENSION))
            else {
                continue;
            };
            let pem = fs::read(&path)?;
            match Certificate::from_pem(&pem, &pem) {
                Ok(certificate) => found.push((host.to_owned(), certificate)),
                Err(error) => {
                    let path = path.display();
                    tracing::warn!(%path, %error, "a kept certificate can't be used");
                }
            }
        }
        Ok(found)
    }

    /// Keeps the certificate for `host`: `pem` holds its key and its chain.
    pub fn keep(&self, host: &str, pem: &str) -> io::Result<()> {
        write_atomically(&self.file(host), pem.as_bytes(), FILE_MODE)
    }

    /// Removes the certificate for `host`, which may be gone already.
    pub fn forget(&self, host: &str) -> io::Result<()> {
        absent_is_fine(fs::remove_file(self.file(host)))
    }

    /// What was kept of the account; `None` when there is none.
    pub fn account(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(&self.account) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Keeps the account.
    pub fn keep_account(&self, bytes: &[u8]) -> io::Result<()> {
        write_atomically(&self.account, bytes, FILE_MODE)
    }

    /// Removes the account.
    pub fn forget_account(&self) -> io::Result<()> {
        absent_is_fine(fs::remove_file(&self.account))
    }

    /// Hosts are normalised, and so have no character that means something in a path.
    fn file(&self, host: &str) -> PathBuf {
        self.certs.join(format!("{host}.{EXTENSION}"))
    }
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A server's URL as the name of a folder that people recognise.
fn folder_name(directory: &str) -> String {
    let url: Option<Uri> = directory.parse().ok();
    let (host, path) = url.as_ref().map_or((directory, ""), |url| {
        let host = url.authority().map_or("", |it| it.as_str());
        (host, url.path())
    });
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    format!("{host}{path}")
        .trim_end_matches('/')
        .replace(|c| !plain(c), "-")
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    #[test]
    fn what_is_kept_is_found_again_and_nobody_else_may_read_it() {
        let id = uuid::Uuid::now_v7();
        let data = std::env::temp_dir().join(format!("spaceport-shelf-{id}"));
        let folder = data.join("edge").join("acme");
        let open = || Shelf::open(&folder, "https://acme.example:14000/dir").expect("opened");
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["a.example".to_owned()]).expect("names");
        let pem = params.self_signed(&key).expect("signed").pem();
        let pem = format!("{}{pem}", key.serialize_pem());

        let shelf = open();
        shelf.keep("a.example", &pem).expect("kept");
        shelf.keep("b.example", &pem[..100]).expect("kept");
        shelf.keep_account(b"{}").expect("kept");
        let server = folder.join("acme.example-14000-dir");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        for path in [&folder, &server, &server.join("certs")] {
            assert_eq!(mode(path), 0o700, "{}", path.display());
        }
        for file in ["certs/a.example.pem", "account.json"] {
            assert_eq!(mode(&server.join(file)), 0o600, "{file}");
        }

        let shelf = open();
        let found = shelf.certificates().expect("read");
        assert_eq!(found.len(), 1, "the damaged one is left out");
        assert_eq!(found[0].0, "a.example");
        assert_eq!(shelf.account().expect("read").as_deref(), Some(&b"{}"[..]));
        shelf.forget("a.example").expect("forgotten");
        shelf.forget("a.example").expect("it was gone");
        shelf.forget_account().expect("forgotten");
        assert!(shelf.certificates().expect("read").is_empty());
        assert!(shelf.account().expect("read").is_none());
        fs::remove_dir_all(data).expect("removed");
    }
}
