//! The Unix socket behind which the keys of somebody are who signed in by SSH.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, PermissionsExt, lchown},
    },
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, unlinkat};
use tokio::net::{UnixListener, UnixStream};

use crate::account::Account;

/// Where its folder is made; an image without it gets it.
const FOLDER: &str = "/tmp";
/// The rights to what everybody writes in.
const FOLDER_MODE: u32 = 0o1777;
/// The user alone goes there.
const PRIVATE: u32 = 0o700;
/// The socket in its folder.
const NAME: &str = "agent";
/// As many names of folders are tried: somebody may have taken the first.
const NAMES_MAX: u32 = 4096;

/// A socket that the space's user alone reaches. It goes when it is dropped.
#[derive(Debug)]
pub struct KeysSocket {
    listener: UnixListener,
    path: PathBuf,
    folder: File,
}

impl KeysSocket {
    /// Makes one.
    pub fn open(account: &Account) -> io::Result<Self> {
        let folder = make_folder()?;
        let path = folder.join(NAME);
        let opened = File::open(&folder)?;
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(PRIVATE))?;
        lchown(&path, Some(account.uid), Some(account.gid))?;
        // It is handed to the user last: until then nobody else can put something in its place.
        lchown(&folder, Some(account.uid), Some(account.gid))?;
        Ok(Self {
            listener,
            path,
            folder: opened,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &[u8] {
        self.path.as_os_str().as_bytes()
    }

    /// The next who wants a key.
    pub async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }
}

fn make_folder() -> io::Result<PathBuf> {
    let tmp = Path::new(FOLDER);
    if !tmp.exists() {
        fs::create_dir(tmp)?;
        fs::set_permissions(tmp, Permissions::from_mode(FOLDER_MODE))?;
    }
    for number in 0..NAMES_MAX {
        let folder = tmp.join(format!("spaceport-ssh-{number}"));
        match DirBuilder::new().mode(PRIVATE).create(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| folder),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

impl Drop for KeysSocket {
    fn drop(&mut self) {
        // By the folder itself, not by its name, which may lead elsewhere by now. What the user has
        // put there besides stays.
        let _ = unlinkat(&self.folder, NAME, AtFlags::empty());
        if let Some(folder) = self.path.parent() {
            let _ = fs::remove_dir(folder);
        }
    }
}
