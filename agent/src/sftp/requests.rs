//! What clients ask for.

use std::{
    ffi::OsStr,
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, FileExt, OpenOptionsExt, symlink},
    },
    path::{Path, PathBuf},
};

use rustix::fs::{RenameFlags, StatVfs, fsync, renameat_with, statvfs};

use super::{
    VERSION,
    attributes::{self, Attributes},
    handles::{Handles, Open},
    kind,
    packet::{Reader, Writer},
};

/// As much is read at once; who asks for more gets this much.
const READ_MAX_BYTES: usize = 256 << 10;
/// A listing is answered in packets of about this size.
const LISTING_BYTES: usize = 64 << 10;
/// What something new may be at most, before the user's mask.
const FILE_MODE: u32 = 0o666;
const DIRECTORY_MODE: u32 = 0o777;

/// The extensions, with their versions.
const EXTENSIONS: [(&[u8], &[u8]); 7] = [
    (b"posix-rename@openssh.com", b"1"),
    (b"hardlink@openssh.com", b"1"),
    (b"fsync@openssh.com", b"1"),
    (b"statvfs@openssh.com", b"2"),
    (b"fstatvfs@openssh.com", b"2"),
    (b"lsetstat@openssh.com", b"1"),
    (b"limits@openssh.com", b"1"),
];

/// Status codes.
mod status {
    pub const OK: u32 = 0;
    pub const EOF: u32 = 1;
    pub const NO_SUCH_FILE: u32 = 2;
    pub const PERMISSION_DENIED: u32 = 3;
    pub const FAILURE: u32 = 4;
    pub const BAD_MESSAGE: u32 = 5;
    pub const UNSUPPORTED: u32 = 8;
}

/// Flags of an open.
mod open {
    pub const READ: u32 = 1;
    pub const WRITE: u32 = 2;
    pub const APPEND: u32 = 4;
    pub const CREATE: u32 = 8;
    pub const TRUNCATE: u32 = 16;
    pub const EXCLUSIVE: u32 = 32;
}

/// Serves one client.
#[derive(Debug, Default)]
pub struct Server {
    handles: Handles,
}

impl Server {
    /// Does what a packet asks for, and returns the answer.
    ///
    /// # Errors
    ///
    /// When the packet has no number that could be answered.
    pub fn answer(&mut self, mut request: Reader<'_>) -> io::Result<Vec<u8>> {
        let asked = request.byte()?;
        let number = request.u32()?;
        if asked == kind::INIT {
            return Ok(versions());
        }
        let done = self.serve(asked, number, &mut request);
        Ok(done.unwrap_or_else(|error| failed(number, &error)).finish())
    }

    fn serve(&mut self, asked: u8, number: u32, request: &mut Reader<'_>) -> io::Result<Writer> {
        match asked {
            kind::OPEN => self.open(number, request),
            kind::CLOSE => self.handles.close(request.string()?).map(|()| ok(number)),
            kind::READ => self.read(number, request),
            kind::WRITE => self.write(number, request),
            kind::OPENDIR => self.open_directory(number, request),
            kind::READDIR => self.read_directory(number, request.string()?),
            kind::STAT => Ok(attributes_of(number, &fs::metadata(path(request)?)?)),
            kind::LSTAT => Ok(attributes_of(
                number,
                &fs::symlink_metadata(path(request)?)?,
            )),
            kind::FSTAT => {
                let (file, _) = self.handles.file(request.string()?)?;
                Ok(attributes_of(number, &file.metadata()?))
            }
            kind::SETSTAT => {
                let path = path(request)?;
                Attributes::read(request)?.set(&path).map(|()| ok(number))
            }
            kind::FSETSTAT => {
                let (file, _) = self.handles.file(request.string()?)?;
                Attributes::read(request)?
                    .set_open(file)
                    .map(|()| ok(number))
            }
            kind::REMOVE => fs::remove_file(path(request)?).map(|()| ok(number)),
            kind::RMDIR => fs::remove_dir(path(request)?).map(|()| ok(number)),
            kind::MKDIR => make_directory(request).map(|()| ok(number)),
            kind::REALPATH => Ok(name(number, &real_path(&path(request)?)?)),
            kind::READLINK => Ok(name(number, &fs::read_link(path(request)?)?)),
            kind::RENAME => rename_new(request).map(|()| ok(number)),
            // OpenSSH has the two the other way round than the draft, and everybody follows it.
            kind::SYMLINK => symlink(path(request)?, path(request)?).map(|()| ok(number)),
            kind::EXTENDED => self.extended(number, request),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn open(&mut self, number: u32, request: &mut Reader<'_>) -> io::Result<Writer> {
        let path = path(request)?;
        let flags = request.u32()?;
        let mode = Attributes::read(request)?.mode().unwrap_or(FILE_MODE);
        let has = |flag| flags & flag != 0;
        let file = OpenOptions::new()
            .read(has(open::READ))
            .write(has(open::WRITE) && !has(open::APPEND))
            .append(has(open::APPEND))
            .truncate(has(open::TRUNCATE) && has(open::WRITE) && !has(open::APPEND))
            .create(has(open::CREATE))
            .create_new(has(open::CREATE) && has(open::EXCLUSIVE))
            .mode(mode)
            // A pipe that nobody else has open would hold up everything.
            .custom_flags(NONBLOCK)
            .open(path)?;
        let appends = has(open::APPEND);
        let handle = self.handles.keep(Open::File { file, appends })?;
        Ok(Writer::new(kind::HANDLE, number).string(&handle))
    }

    fn read(&mut self, number: u32, request: &mut Reader<'_>) -> io::Result<Writer> {
        let (file, _) = self.handles.file(request.string()?)?;
        let offset = request.u64()?;
        let asked = usize::try_from(request.u32()?).unwrap_or(usize::MAX);
        let max = asked.min(READ_MAX_BYTES);
        let reply = Writer::with_room(kind::DATA, number, max);
        let (reply, read) = reply.filled(max, |buffer| fill(file, buffer, offset))?;
        if read == 0 && asked > 0 {
            return Ok(said(number, status::EOF, "end of file"));
        }
        Ok(reply)
    }

    fn write(&mut self, number: u32, request: &mut Reader<'_>) -> io::Result<Writer> {
        let (file, appends) = self.handles.file(request.string()?)?;
        let offset = request.u64()?;
        let data = request.string()?;
        if appends {
            io::Write::write_all(file, data)?;
        } else {
            file.write_all_at(data, offset)?;
        }
        Ok(ok(number))
    }

    fn open_directory(&mut self, number: u32, request: &mut Reader<'_>) -> io::Result<Writer> {
        let entries = fs::read_dir(path(request)?)?;
        let handle = self.handles.keep(Open::Directory { entries })?;
        Ok(Writer::new(kind::HANDLE, number).string(&handle))
    }

    fn read_directory(&mut self, number: u32, handle: &[u8]) -> io::Result<Writer> {
        let Open::Directory { entries, .. } = self.handles.find(handle)? else {
            return Err(io::ErrorKind::NotADirectory.into());
        };
        let (mut listed, mut count) = (Writer::new(0, 0), 0);
        let start = listed.len();
        while listed.len() < LISTING_BYTES {
            let Some(entry) = entries.next().transpose()? else {
                break;
            };
            let name = entry.file_name();
            // What is gone by now isn't listed.
            if let Ok(metadata) = entry.metadata() {
                let long = attributes::long_name(name.as_bytes(), &metadata);
                listed = listed.string(name.as_bytes()).string(&long);
                listed = attributes::write(listed, &metadata);
                count += 1;
            }
        }
        if count == 0 {
            return Ok(said(number, status::EOF, "no more entries"));
        }
        let entries = &listed.finish()[start..];
        Ok(Writer::new(kind::NAME, number).u32(count).raw(entries))
    }

    fn extended(&mut self, number: u32, request: &mut Reader<'_>) -> io::Result<Writer> {
        match request.string()? {
            b"posix-rename@openssh.com" => fs::rename(path(request)?, path(request)?)?,
            b"hardlink@openssh.com" => fs::hard_link(path(request)?, path(request)?)?,
            b"fsync@openssh.com" => fsync(self.handles.file(request.string()?)?.0)?,
            b"lsetstat@openssh.com" => {
                let path = path(request)?;
                Attributes::read(request)?.set_of_link(&path)?;
            }
            b"statvfs@openssh.com" => return Ok(space(number, &statvfs(path(request)?)?)),
            b"fstatvfs@openssh.com" => {
                let (file, _) = self.handles.file(request.string()?)?;
                return Ok(space(number, &rustix::fs::fstatvfs(file)?));
            }
            b"limits@openssh.com" => {
                let (packet, data) = (super::REQUEST_MAX_BYTES as u64, READ_MAX_BYTES as u64);
                return Ok(Writer::new(kind::EXTENDED_REPLY, number)
                    .u64(packet)
                    .u64(data)
                    .u64(data)
                    .u64(super::handles::OPEN_MAX as u64));
            }
            _ => return Err(io::ErrorKind::Unsupported.into()),
        }
        Ok(ok(number))
    }
}

/// `O_NONBLOCK`.
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();

/// A path, below where the server started where it isn't absolute.
fn path(request: &mut Reader<'_>) -> io::Result<PathBuf> {
    let bytes = request.string()?;
    let bytes = if bytes.is_empty() { b"." } else { bytes };
    if bytes.contains(&0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(PathBuf::from(OsStr::from_bytes(bytes)))
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        let at = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        match file.read_at(&mut buffer[filled..], at) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn make_directory(request: &mut Reader<'_>) -> io::Result<()> {
    let path = path(request)?;
    let mode = Attributes::read(request)?.mode().unwrap_or(DIRECTORY_MODE);
    fs::DirBuilder::new().mode(mode).create(path)
}

/// In version 3 a rename replaces nothing.
fn rename_new(request: &mut Reader<'_>) -> io::Result<()> {
    let (from, to) = (path(request)?, path(request)?);
    let renamed = renameat_with(
        rustix::fs::CWD,
        &from,
        rustix::fs::CWD,
        &to,
        RenameFlags::NOREPLACE,
    );
    match renamed {
        // A file system that can't do it in one step.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            if fs::symlink_metadata(&to).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, to)
        }
        renamed => Ok(renamed?),
    }
}

/// The absolute path without links. The last part needn't be there, as clients ask before they make
/// it.
fn real_path(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            let name = path.file_name().ok_or(error)?;
            Ok(fs::canonicalize(parent)?.join(name))
        }
        found => found,
    }
}

fn versions() -> Vec<u8> {
    // In place of a request's number comes the version.
    let mut reply = Writer::new(kind::VERSION, VERSION);
    for (name, version) in EXTENSIONS {
        reply = reply.string(name).string(version);
    }
    reply.finish()
}

fn attributes_of(number: u32, metadata: &Metadata) -> Writer {
    attributes::write(Writer::new(kind::ATTRS, number), metadata)
}

fn name(number: u32, path: &Path) -> Writer {
    let bytes = path.as_os_str().as_bytes();
    let reply = Writer::new(kind::NAME, number).u32(1);
    // No attributes are known.
    reply.string(bytes).string(bytes).u32(0)
}

fn space(number: u32, of: &StatVfs) -> Writer {
    const READ_ONLY: u64 = 1;
    const NO_SETUID: u64 = 2;
    let flag = |flag, number| if of.f_flag.contains(flag) { number } else { 0 };
    let flags = flag(rustix::fs::StatVfsMountFlags::RDONLY, READ_ONLY)
        | flag(rustix::fs::StatVfsMountFlags::NOSUID, NO_SETUID);
    let numbers = [
        of.f_bsize,
        of.f_frsize,
        of.f_blocks,
        of.f_bfree,
        of.f_bavail,
        of.f_files,
        of.f_ffree,
        of.f_favail,
        of.f_fsid,
        flags,
        of.f_namemax,
    ];
    let reply = Writer::new(kind::EXTENDED_REPLY, number);
    numbers.into_iter().fold(reply, Writer::u64)
}

fn ok(number: u32) -> Writer {
    said(number, status::OK, "")
}

fn said(number: u32, code: u32, message: &str) -> Writer {
    Writer::new(kind::STATUS, number)
        .u32(code)
        .string(message.as_bytes())
        .string(b"")
}

fn failed(number: u32, error: &io::Error) -> Writer {
    let code = match error.kind() {
        io::ErrorKind::NotFound => status::NO_SUCH_FILE,
        io::ErrorKind::PermissionDenied => status::PERMISSION_DENIED,
        io::ErrorKind::InvalidData => status::BAD_MESSAGE,
        io::ErrorKind::Unsupported => status::UNSUPPORTED,
        _ => status::FAILURE,
    };
    said(number, code, &error.to_string())
}
