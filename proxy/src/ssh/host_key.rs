//! The key by which SSH clients know the edge.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use ring::rand::{SecureRandom, SystemRandom};
use russh::keys::{
    PrivateKey,
    ssh_key::{LineEnding, private::Ed25519Keypair},
};

/// The file is its owner's alone.
const MODE: u32 = 0o600;
/// What others have of a file's mode.
const MODE_OF_OTHERS: u32 = 0o077;

/// The edge's host key: Ed25519, made once, in a file as `ssh-keygen` writes it.
#[derive(Clone, Debug)]
pub struct HostKey(PrivateKey);

/// Why there is no host key.
#[derive(Debug, thiserror::Error)]
pub enum HostKeyError {
    /// The file can't be read or written.
    #[error("the file fails: {0}")]
    Io(#[from] io::Error),
    /// It holds no key, or one with a password.
    #[error("it holds no private key without a password: {0}")]
    Key(#[from] russh::keys::ssh_key::Error),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

impl HostKey {
    /// The key in the file at `path`, which is made if there is none.
    pub fn open(path: &Path) -> Result<Self, HostKeyError> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(path)?;
                fs::read_to_string(path)?
            }
            read => read?,
        };
        if fs::metadata(path)?.mode() & MODE_OF_OTHERS != 0 {
            tracing::warn!(path = %path.display(), "the SSH host key is not its owner's alone");
        }
        let key = PrivateKey::from_openssh(text)?;
        if key.is_encrypted() {
            return Err(russh::keys::ssh_key::Error::Encrypted.into());
        }
        Ok(Self(key))
    }

    /// The public half as in a `known_hosts` file, behind the host: `ssh-ed25519 AAAA…`.
    pub fn public_line(&self) -> Result<String, HostKeyError> {
        let mut public = self.0.public_key().clone();
        public.set_comment("");
        Ok(public.to_openssh()?.trim_end().to_owned())
    }

    /// The key itself.
    pub(super) fn into_private(self) -> PrivateKey {
        self.0
    }
}

/// Makes a key. Of two edges that do so at once, one's key is both's: a file is linked to its name
/// only if there is none.
fn make(path: &Path) -> Result<(), HostKeyError> {
    let mut seed = [0; 32];
    let filled = SystemRandom::new().fill(&mut seed);
    filled.map_err(|_| HostKeyError::Random)?;
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
    let text = key.to_openssh(LineEnding::LF)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    let _ = fs::remove_file(&draft);
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_made_once_and_its_owners_alone() {
        let folder = std::env::temp_dir().join(format!("spaceport-{}", uuid::Uuid::new_v4()));
        let path = folder.join("edge").join("key");
        let line = || {
            let key = HostKey::open(&path).expect("a key");
            key.public_line().expect("a line")
        };
        let made = line();
        assert!(made.starts_with("ssh-ed25519 AAAA") && made.split(' ').count() == 2);
        assert_eq!(line(), made);
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, MODE);
        let files = fs::read_dir(folder.join("edge")).expect("a folder").count();
        assert_eq!(files, 1, "no draft is left");
        fs::write(&path, "no key").expect("written");
        assert!(HostKey::open(&path).is_err());
        fs::remove_dir_all(folder).expect("removed");
    }
}
