//! Volumes whose size the kernel enforces: each is an ext4 file system in a sparse file.
//!
//! ```text
//!  <dir>/<volume>.ext4          the file system; it appears complete or not at all
//!  <dir>/<volume>/              where it is mounted
//!  <dir>/<volume>/data          the content, which the engine mounts in containers
//! ```
//!
//! `data` exists only inside the file system. While that isn't mounted, after the host was
//! restarted say, the engine finds nothing to mount and refuses, where it would otherwise let the
//! space write beside its volume.
//!
//! Every step can be repeated, after a crash at any point. Calls for one volume don't overlap.

use std::{
    collections::HashMap,
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use spaceport_domain::id::VolumeId;
use tokio::fs;

use super::{
    super::{
        super::EngineError,
        command::{self, CommandError},
        labels::volume_hex,
    },
    failed,
};

const BYTES_PER_GIB: u64 = 1024 * 1024 * 1024;
const PROBE_BYTES: u64 = 16 * 1024 * 1024;

/// No devices inside; freed blocks go back to the host; and no thread that zeroes tables, because
/// a new file is zeros already.
const MOUNT_OPTIONS: &str = "loop,nodev,discard,noinit_itable";

/// No journal or tables are written now (the file is zeros), no blocks are kept for root, and
/// nothing is discarded (there is nothing yet).
const MKFS_OPTIONS: [&str; 6] = [
    "-q",
    "-F",
    "-m",
    "0",
    "-E",
    "lazy_itable_init=1,lazy_journal_init=1,nodiscard",
];

/// A mount may be busy for a moment after the container that used it is gone.
const UNMOUNT_TRIES: u32 = 10;
const UNMOUNT_PAUSE: Duration = Duration::from_millis(200);

/// Why a step failed. It names files, so it is for the log.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum LoopError {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
}

impl From<LoopError> for EngineError {
    fn from(error: LoopError) -> Self {
        tracing::error!(%error, "a volume can't be made, attached or removed");
        failed("a volume's file system couldn't be made, attached or removed")
    }
}

type Result<T> = std::result::Result<T, LoopError>;

/// The volumes in one directory.
#[derive(Clone, Debug)]
pub(super) struct LoopExt4 {
    dir: PathBuf,
}

impl LoopExt4 {
    /// Volumes in `dir`, which must be absolute.
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The place where the volume `id` was made, when `device` is one of ours.
    pub(super) fn of_device(device: &str, id: VolumeId) -> Option<Self> {
        let dir = device.strip_suffix(&format!("/{}/data", volume_hex(id)))?;
        dir.starts_with('/').then(|| Self::new(dir.into()))
    }

    /// How the engine's local driver is to mount the content of a volume.
    pub(super) fn driver_options(&self, id: VolumeId) -> HashMap<String, String> {
        [
            ("type", "none".to_owned()),
            ("o", "bind".to_owned()),
            ("device", self.content(id).to_string_lossy().into_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }

    fn image(&self, id: VolumeId) -> PathBuf {
        self.dir.join(format!("{}.ext4", volume_hex(id)))
    }

    /// An image that isn't complete yet.
    fn draft(&self, id: VolumeId) -> PathBuf {
        self.dir.join(format!("{}.ext4.new", volume_hex(id)))
    }

    fn mount_point(&self, id: VolumeId) -> PathBuf {
        self.dir.join(volume_hex(id))
    }

    fn content(&self, id: VolumeId) -> PathBuf {
        self.mount_point(id).join("data")
    }

    /// Tries out on a small file system whether this works here.
    pub(super) async fn probe(&self) -> Result<()> {
        let (image, mount_point) = (self.dir.join(".probe.ext4"), self.dir.join(".probe"));
        self.make_dir(&self.dir).await?;
        // What a crash in the middle of the last probe left.
        unmount(&mount_point).await?;
        let result = async {
            format(&image, PROBE_BYTES).await?;
            self.make_dir(&mount_point).await?;
            mount(&image, &mount_point).await?;
            unmount(&mount_point).await
        }
        .await;
        remove_dir(&mount_point).await?;
        remove_file(&image).await?;
        result
    }

    pub(super) async fn has_image(&self, id: VolumeId) -> bool {
        fs::try_exists(self.image(id)).await.unwrap_or(false)
    }

    /// Makes a volume and attaches it.
    pub(super) async fn create(&self, id: VolumeId, size_gib: u32) -> Result<()> {
        self.make_dir(&self.dir).await?;
        if !self.has_image(id).await {
            let draft = self.draft(id);
            format(&draft, u64::from(size_gib) * BYTES_PER_GIB).await?;
            let image = self.image(id);
            fs::rename(&draft, &image).await.map_err(at(&image))?;
        }
        self.attach(id).await
    }

    /// Mounts a volume unless it is mounted.
    pub(super) async fn attach(&self, id: VolumeId) -> Result<()> {
        let mount_point = self.mount_point(id);
        self.make_dir(&mount_point).await?;
        if !is_mounted(&mount_point).await? {
            mount(&self.image(id), &mount_point).await?;
        }
        let content = self.content(id);
        match fs::create_dir(&content).await {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result.map_err(at(&content)),
        }
    }

    /// Removes a volume and what is in it.
    pub(super) async fn destroy(&self, id: VolumeId) -> Result<()> {
        let mount_point = self.mount_point(id);
        unmount(&mount_point).await?;
        remove_dir(&mount_point).await?;
        remove_file(&self.draft(id)).await?;
        remove_file(&self.image(id)).await
    }

    /// Bytes in use in a volume that is mounted.
    pub(super) async fn used_bytes(&self, id: VolumeId) -> Option<u64> {
        let content = self.content(id);
        tokio::task::spawn_blocking(move || {
            let size = rustix::fs::statvfs(&content).ok()?;
            Some(size.f_blocks.saturating_sub(size.f_bfree) * size.f_frsize)
        })
        .await
        .ok()?
    }

    /// Makes a directory that is nobody's but the API's.
    async fn make_dir(&self, path: &Path) -> Result<()> {
        let owned = path.to_owned();
        let made = tokio::task::spawn_blocking(move || {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(owned)
        })
        .await;
        made.unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(at(path))
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> LoopError {
    let path = path.to_owned();
    move |error| LoopError::Io { path, error }
}

/// Puts an empty file system of `bytes` in `file`, whatever was in it.
async fn format(file: &Path, bytes: u64) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let opened = fs::OpenOptions::from(options)
        .open(file)
        .await
        .map_err(at(file))?;
    opened.set_len(bytes).await.map_err(at(file))?;
    let path = file.to_string_lossy();
    let mut args = MKFS_OPTIONS.to_vec();
    args.push(&path);
    command::run("mkfs.ext4", &args).await?;
    Ok(())
}

async fn mount(image: &Path, mount_point: &Path) -> Result<()> {
    let (image, mount_point) = (image.to_string_lossy(), mount_point.to_string_lossy());
    // The loop device is made for this mount, and goes with it.
    let args = ["-t", "ext4", "-o", MOUNT_OPTIONS, &image, &mount_point];
    command::run("mount", &args).await?;
    Ok(())
}

/// Unmounts whatever is mounted at `mount_point`.
async fn unmount(mount_point: &Path) -> Result<()> {
    let mut tries = 1;
    while is_mounted(mount_point).await? {
        match command::run("umount", &[&mount_point.to_string_lossy()]).await {
            Err(error) if tries >= UNMOUNT_TRIES => return Err(error.into()),
            Err(_) => {
                tries += 1;
                tokio::time::sleep(UNMOUNT_PAUSE).await;
            }
            Ok(_) => {}
        }
    }
    Ok(())
}

/// Whether `path` is another file system than the directory it is in.
async fn is_mounted(path: &Path) -> Result<bool> {
    let parent = path.parent().unwrap_or(path);
    match (fs::metadata(path).await, fs::metadata(parent).await) {
        (Ok(this), Ok(parent)) => Ok(this.dev() != parent.dev()),
        (Err(error), _) | (_, Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        (Err(error), _) | (_, Err(error)) => Err(at(path)(error)),
    }
}

async fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(at(path)),
    }
}

async fn remove_dir(path: &Path) -> Result<()> {
    match fs::remove_dir(path).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(at(path)),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_device_tells_where_its_volume_was_made() {
        let id = VolumeId::new(Uuid::from_u128(7));
        let loops = LoopExt4::new("/srv/volumes".into());
        let device = &loops.driver_options(id)["device"];
        let found = LoopExt4::of_device(device, id).expect("one of ours");
        assert_eq!(found.image(id), loops.image(id));
    }

    #[test]
    fn a_device_of_another_volume_is_left_alone() {
        let (id, other) = (
            VolumeId::new(Uuid::from_u128(7)),
            VolumeId::new(Uuid::from_u128(8)),
        );
        let loops = LoopExt4::new("/srv/volumes".into());
        let device = &loops.driver_options(other)["device"];
        assert!(LoopExt4::of_device(device, id).is_none());
        assert!(LoopExt4::of_device("/dev/sda", id).is_none());
    }
}
