//! What is known of files, and what of it is changed.

use std::{
    fs::Metadata,
    io,
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::Path,
};

use rustix::fs::{
    AtFlags, CWD, Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, chmod, chown, fchmod, fchown,
    ftruncate, futimens, utimensat,
};

use super::packet::{Reader, Writer};

const SIZE: u32 = 1;
const OWNER: u32 = 2;
const MODE: u32 = 4;
const TIMES: u32 = 8;
const EXTENDED: u32 = 0x8000_0000;

/// Attributes that are set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    size: Option<u64>,
    owner: Option<(u32, u32)>,
    mode: Option<u32>,
    /// Of the last access and the last change, in seconds since 1970.
    times: Option<(u32, u32)>,
}

impl Attributes {
    /// Reads them.
    pub fn read(reader: &mut Reader<'_>) -> io::Result<Self> {
        let flags = reader.u32()?;
        let has = |flag| flags & flag != 0;
        let mut attributes = Self::default();
        if has(SIZE) {
            attributes.size = Some(reader.u64()?);
        }
        if has(OWNER) {
            attributes.owner = Some((reader.u32()?, reader.u32()?));
        }
        if has(MODE) {
            attributes.mode = Some(reader.u32()?);
        }
        if has(TIMES) {
            attributes.times = Some((reader.u32()?, reader.u32()?));
        }
        if has(EXTENDED) {
            for _ in 0..reader.u32()? {
                reader.string()?;
                reader.string()?;
            }
        }
        Ok(attributes)
    }

    /// The permissions that something new is to have.
    pub fn mode(&self) -> Option<u32> {
        self.mode.map(|mode| mode & 0o7777)
    }

    /// Sets them for what is at a path.
    pub fn set(&self, path: &Path) -> io::Result<()> {
        if let Some(size) = self.size {
            std::fs::OpenOptions::new()
                .write(true)
                .open(path)?
                .set_len(size)?;
        }
        if let Some((uid, gid)) = self.owner {
            chown(path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        }
        if let Some(mode) = self.mode() {
            chmod(path, Mode::from_raw_mode(mode))?;
        }
        if let Some(times) = self.timestamps() {
            utimensat(CWD, path, &times, AtFlags::empty())?;
        }
        Ok(())
    }

    /// Sets the times and the owner of a symbolic link itself, as far as it has them.
    pub fn set_of_link(&self, path: &Path) -> io::Result<()> {
        if let Some((uid, gid)) = self.owner {
            std::os::unix::fs::lchown(path, Some(uid), Some(gid))?;
        }
        if let Some(times) = self.timestamps() {
            utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(())
    }

    /// Sets them for an open file.
    pub fn set_open(&self, file: impl AsFd) -> io::Result<()> {
        if let Some(size) = self.size {
            ftruncate(&file, size)?;
        }
        if let Some((uid, gid)) = self.owner {
            fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        }
        if let Some(mode) = self.mode() {
            fchmod(&file, Mode::from_raw_mode(mode))?;
        }
        if let Some(times) = self.timestamps() {
            futimens(&file, &times)?;
        }
        Ok(())
    }

    fn timestamps(&self) -> Option<Timestamps> {
        let at = |seconds: u32| Timespec {
            tv_sec: seconds.into(),
            tv_nsec: 0,
        };
        let (accessed, changed) = self.times?;
        debug_assert!(at(accessed).tv_nsec != UTIME_OMIT, "both times are set");
        Some(Timestamps {
            last_access: at(accessed),
            last_modification: at(changed),
        })
    }
}

/// Writes what is known of a file. Times beyond 2106 have no spelling and are its last second.
pub fn write(writer: Writer, metadata: &Metadata) -> Writer {
    let seconds = |time: i64| u32::try_from(time.max(0)).unwrap_or(u32::MAX);
    writer
        .u32(SIZE | OWNER | MODE | TIMES)
        .u64(metadata.size())
        .u32(metadata.uid())
        .u32(metadata.gid())
        .u32(metadata.mode())
        .u32(seconds(metadata.atime()))
        .u32(seconds(metadata.mtime()))
}

/// The line that `ls -l` would print, which clients show to people. There are no names of users: an
/// image may have none.
pub fn long_name(name: &[u8], metadata: &Metadata) -> Vec<u8> {
    let mode = metadata.mode();
    let kind = match mode & 0o170_000 {
        0o040_000 => 'd',
        0o120_000 => 'l',
        0o010_000 => 'p',
        0o140_000 => 's',
        0o020_000 => 'c',
        0o060_000 => 'b',
        _ => '-',
    };
    let bits = (0..9).rev().zip("rwxrwxrwx".chars());
    let bits: String = bits
        .map(|(bit, letter)| if mode >> bit & 1 == 1 { letter } else { '-' })
        .collect();
    let line = format!(
        "{kind}{bits} {:>4} {:<8} {:<8} {:>12} {} ",
        metadata.nlink(),
        metadata.uid(),
        metadata.gid(),
        metadata.size(),
        metadata.mtime(),
    );
    [line.as_bytes(), name].concat()
}
