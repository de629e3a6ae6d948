//! Changes what isn't a file's content.

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, PermissionsExt, symlink},
    },
};

use hyper::StatusCode;
use rustix::fs::{AtFlags, CWD, RenameFlags, Timestamps, renameat_with, utimensat};

use super::{
    address::{Address, Query},
    answer::{Answer, empty},
    failure::Failure,
};

/// What a new directory may be at most, before the user's mask.
const DIRECTORY_MODE: u32 = 0o777;

/// Makes a directory; one that is there is as good.
pub fn make_directory(address: &Address, query: &Query) -> Result<Answer, Failure> {
    let mode = query.mode()?;
    let made = fs::DirBuilder::new()
        .mode(DIRECTORY_MODE)
        .create(address.path());
    let status = match made {
        Ok(()) => StatusCode::CREATED,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if !fs::metadata(address.path())?.is_dir() {
                return Err(error.into());
            }
            StatusCode::OK
        }
        Err(error) => return Err(error.into()),
    };
    set(address, mode, query.times()?, true)?;
    Ok(empty(status))
}

/// Makes a symbolic link, in place of whatever is there but a directory.
pub fn make_symlink(address: &Address, query: &Query) -> Result<Answer, Failure> {
    let target = query.bytes("target").filter(|target| !target.is_empty());
    let target = target.ok_or_else(|| Failure::invalid("a symbolic link has a target"))?;
    let before = fs::symlink_metadata(address.path()).ok();
    if before.as_ref().is_some_and(fs::Metadata::is_dir) {
        return Err(Failure::is_a_directory());
    }
    let part = address.part()?;
    // What an upload left there isn't gone on with: it is a link now.
    let _ = fs::remove_file(part.path());
    symlink(OsStr::from_bytes(target), part.path())?;
    fs::rename(part.path(), address.path())?;
    set(address, None, query.times()?, false)?;
    Ok(empty(if before.is_some() {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    }))
}

/// Changes permissions and time.
pub fn patch(address: &Address, query: &Query) -> Result<Answer, Failure> {
    let follow = !query.has("nofollow");
    set(address, query.mode()?, query.times()?, follow)?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Moves something. It replaces what is there only with `replace`.
pub fn move_to(address: &Address, query: &Query, home: &[u8]) -> Result<Answer, Failure> {
    let to = query.address("move-to", home)?;
    let to = to.ok_or_else(|| Failure::invalid("nothing says where it goes: move-to"))?;
    let flags = if query.has("replace") {
        RenameFlags::empty()
    } else {
        RenameFlags::NOREPLACE
    };
    renameat_with(CWD, address.path(), CWD, to.path(), flags)?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Removes something; a directory with something in it only with `recursive`. Symbolic links are
/// removed themselves.
pub fn delete(address: &Address, query: &Query) -> Result<Answer, Failure> {
    let path = address.path();
    if !fs::symlink_metadata(path)?.is_dir() {
        fs::remove_file(path)?;
    } else if query.has("recursive") {
        fs::remove_dir_all(path)?;
    } else {
        fs::remove_dir(path)?;
    }
    Ok(empty(StatusCode::NO_CONTENT))
}

fn set(
    address: &Address,
    mode: Option<u32>,
    times: Option<Timestamps>,
    follow: bool,
) -> Result<(), Failure> {
    if let Some(mode) = mode {
        if !follow && fs::symlink_metadata(address.path())?.is_symlink() {
            return Err(Failure::invalid("a symbolic link has no permissions"));
        }
        fs::set_permissions(address.path(), Permissions::from_mode(mode))?;
    }
    if let Some(times) = times {
        let flags = if follow {
            AtFlags::empty()
        } else {
            AtFlags::SYMLINK_NOFOLLOW
        };
        utimensat(CWD, address.path(), &times, flags)?;
    }
    Ok(())
}
