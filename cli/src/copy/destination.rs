//! Where this machine's files are written: below one directory, whatever symbolic links are there.
//!
//! Every path is walked from the directory's descriptor, name by name, and no step follows a symbolic
//! link. So neither links that a space sent before nor somebody who changes the tree meanwhile leads
//! a write elsewhere.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use rustix::fs::{
    self as sys, AtFlags, CWD, FileType, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT,
};

use super::listing::{Attributes, Names, Time};

/// What a file is called until it is whole, cut to what file systems allow.
const PART_SUFFIX: &[u8] = b".spaceport-part";
const NAME_BYTES_MAX: usize = 255;
/// Hexadecimal digits of the hash in the place of a name's end.
const PART_HASH_DIGITS: usize = 16;
const DIRECTORY: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::RDONLY);

/// A directory below which files are written.
#[derive(Debug)]
pub struct Destination {
    root: OwnedFd,
}

impl Destination {
    /// The directory at `path`, which the user named: links in it are theirs.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
        let root = sys::openat(CWD, path, flags, Mode::empty())?;
        Ok(Self { root })
    }

    /// The directory that a tree is copied to, and whether its attributes are the tree's to set: `to`
    /// itself, or `name` in it. What is missing is made.
    ///
    /// `to` is what the user named, with links of theirs in it, and where they had it before, its
    /// attributes stay theirs. What is called `name` there may be a link that a space sent before: it
    /// isn't followed.
    pub fn of_tree(to: &Path, name: Option<&OsStr>) -> io::Result<(Self, bool)> {
        if let Some(name) = name {
            let names = vec![name.as_bytes().to_owned()];
            let named = Self::open(to)?;
            named.make_directory(&names)?;
            let root = named.walk(&names)?;
            return Ok((Self { root }, true));
        }
        let is_new = match std::fs::create_dir(to) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
        Ok((Self::open(to)?, is_new))
    }

    /// Makes a directory that its owner can fill, unless it is there.
    pub fn make_directory(&self, names: &Names) -> io::Result<()> {
        let (parent, name) = self.parent(names)?;
        match sys::mkdirat(&parent, name, Mode::RWXU) {
            Ok(()) => Ok(()),
            // Only a directory will do: what follows is written into it.
            Err(rustix::io::Errno::EXIST) => {
                sys::openat(&parent, name, DIRECTORY, Mode::empty())?;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a symbolic link, in the place of a file or a link that is there.
    pub fn link(&self, names: &Names, target: &[u8]) -> io::Result<()> {
        let (parent, name) = self.parent(names)?;
        let target = OsStr::from_bytes(target);
        match sys::symlinkat(target, &parent, name) {
            Err(rustix::io::Errno::EXIST) => {
                sys::unlinkat(&parent, name, AtFlags::empty())?;
                sys::symlinkat(target, &parent, name)?;
                Ok(())
            }
            made => Ok(made?),
        }
    }

    /// Gives a directory its attributes, once everything is in it.
    pub fn finish_directory(&self, names: &Names, attributes: Attributes) -> io::Result<()> {
        let directory = self.walk(names)?;
        set(&directory, attributes)
    }

    /// The unfinished file of a path, with what an earlier attempt has left of it.
    pub fn part(&self, names: &Names) -> io::Result<Part> {
        let (directory, name) = self.parent(names)?;
        let part = part_name(name.as_bytes());
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = sys::openat(
            &directory,
            OsStr::from_bytes(&part),
            flags | OFlags::NONBLOCK,
            Mode::RUSR | Mode::WUSR,
        )?;
        let file = File::from(file);
        if !file.metadata()?.is_file() {
            return Err(io::Error::other(
                "what should be an unfinished file is none",
            ));
        }
        Ok(Part {
            directory,
            name: name.as_bytes().to_owned(),
            name_until_whole: part,
            file,
        })
    }

    /// A small file, at once.
    pub fn whole(&self, names: &Names, content: &[u8], attributes: Attributes) -> io::Result<()> {
        let mut part = self.part(names)?;
        part.file.set_len(0)?;
        part.file.write_all(content)?;
        part.finish(attributes)
    }

    /// How much there is of an unfinished file.
    pub fn unfinished(&self, names: &Names) -> u64 {
        let length = || {
            let (directory, name) = self.parent(names)?;
            let part = part_name(name.as_bytes());
            let part = OsStr::from_bytes(&part);
            let found = sys::statat(&directory, part, AtFlags::SYMLINK_NOFOLLOW)?;
            io::Result::Ok(u64::try_from(found.st_size).unwrap_or_default())
        };
        length().unwrap_or_default()
    }

    fn parent<'a>(&self, names: &'a Names) -> io::Result<(OwnedFd, &'a OsStr)> {
        let (last, before) = names
            .split_last()
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok((self.walk(before)?, OsStr::from_bytes(last)))
    }

    fn walk(&self, names: &[Vec<u8>]) -> io::Result<OwnedFd> {
        let mut directory = self.root.try_clone()?;
        for name in names {
            let name = OsStr::from_bytes(name);
            directory = sys::openat(&directory, name, DIRECTORY, Mode::empty())?;
        }
        Ok(directory)
    }
}

/// A file that isn't whole yet.
#[derive(Debug)]
pub struct Part {
    directory: OwnedFd,
    name: Vec<u8>,
    name_until_whole: Vec<u8>,
    /// The file itself.
    pub file: File,
}

impl Part {
    /// Gives the file its attributes and its name, in the place of a file or a link that is there.
    pub fn finish(self, attributes: Attributes) -> io::Result<()> {
        set(&self.file, attributes)?;
        let from = OsStr::from_bytes(&self.name_until_whole);
        let to = OsStr::from_bytes(&self.name);
        sys::renameat(&self.directory, from, &self.directory, to)?;
        Ok(())
    }

    /// Removes it: what it has is wrong.
    pub fn remove(self) -> io::Result<()> {
        let part = OsStr::from_bytes(&self.name_until_whole);
        sys::unlinkat(&self.directory, part, AtFlags::empty())?;
        Ok(())
    }
}

fn set(file: &impl AsFd, attributes: Attributes) -> io::Result<()> {
    sys::fchmod(file, Mode::from_raw_mode(attributes.mode))?;
    let Time {
        seconds,
        nanoseconds,
    } = attributes.modified;
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: seconds,
            tv_nsec: nanoseconds.into(),
        },
    };
    sys::futimens(file, &times)?;
    Ok(())
}

/// What the file `name` is called until it is whole. Of a long name a hash tells it from others that
/// begin alike.
fn part_name(name: &[u8]) -> Vec<u8> {
    let room = NAME_BYTES_MAX - 1 - PART_SUFFIX.len();
    if name.len() <= room {
        return [b".", name, PART_SUFFIX].concat();
    }
    let hash = blake3::hash(name).to_hex();
    let hash = &hash.as_bytes()[..PART_HASH_DIGITS];
    [b".", &name[..room - PART_HASH_DIGITS], hash, PART_SUFFIX].concat()
}

/// Whether `path` is a directory, or a link to one.
pub fn is_directory(path: &Path) -> bool {
    sys::stat(path).is_ok_and(|it| FileType::from_raw_mode(it.st_mode) == FileType::Directory)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::Write,
        os::unix::fs::{MetadataExt, symlink},
        path::PathBuf,
    };

    use super::*;

    /// A directory of the test's own.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("spaceport-cli-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).expect("a directory");
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn names(path: &str) -> Names {
        path.split('/').map(|it| it.as_bytes().to_owned()).collect()
    }

    fn made(path: &Path) -> Destination {
        let (destination, is_new) = Destination::of_tree(path, None).expect("a destination");
        assert!(is_new);
        destination
    }

    #[test]
    fn a_link_that_is_called_as_a_tree_is_not_followed() {
        let scratch = Scratch::new("tree-links");
        fs::create_dir(scratch.0.join("outside")).expect("a directory");
        symlink("outside", scratch.0.join("tree")).expect("a link");
        let name = Some(OsStr::new("tree"));
        assert!(Destination::of_tree(&scratch.0, name).is_err());
        let theirs = scratch.0.join("tree");
        assert!(
            Destination::of_tree(&theirs, None).is_ok(),
            "a link that the user names is theirs"
        );
    }

    #[test]
    fn a_directory_that_the_user_had_keeps_its_attributes() {
        let scratch = Scratch::new("attributes");
        let is_ours = |to: &Path, name: Option<&str>| {
            let tree = Destination::of_tree(to, name.map(OsStr::new));
            tree.expect("a destination").1
        };
        assert!(!is_ours(&scratch.0, None));
        assert!(is_ours(&scratch.0, Some("tree")));
        assert!(is_ours(&scratch.0.join("new"), None));
    }

    #[test]
    fn nothing_is_written_through_a_symbolic_link() {
        let scratch = Scratch::new("links");
        let outside = scratch.0.join("outside");
        let inside = scratch.0.join("inside");
        fs::create_dir(&outside).expect("a directory");
        let destination = made(&inside);
        destination
            .link(&names("a"), b"../outside")
            .expect("a link");
        assert!(destination.part(&names("a/file")).is_err());
        assert!(destination.make_directory(&names("a/b")).is_err());
        assert!(
            destination.make_directory(&names("a")).is_err(),
            "a link is no directory"
        );
        let attributes = Attributes::default();
        assert!(
            destination
                .finish_directory(&names("a"), attributes)
                .is_err()
        );
        symlink(outside.join("file"), inside.join(".b.spaceport-part")).expect("a link");
        assert!(destination.part(&names("b")).is_err());
        assert_eq!(fs::read_dir(&outside).expect("a directory").count(), 0);
    }

    #[test]
    fn a_finished_file_replaces_a_link_and_not_what_it_leads_to() {
        let scratch = Scratch::new("replaces");
        let secret = scratch.0.join("secret");
        fs::write(&secret, "kept").expect("a file");
        let destination = made(&scratch.0.join("to"));
        destination.link(&names("x"), b"../secret").expect("a link");
        let mut part = destination.part(&names("x")).expect("a part");
        part.file.write_all(b"new").expect("written");
        let modified = Time {
            seconds: 1_000_000_000,
            nanoseconds: 123_456_789,
        };
        part.finish(Attributes {
            mode: 0o640,
            modified,
        })
        .expect("finished");
        let path = scratch.0.join("to/x");
        let found = fs::symlink_metadata(&path).expect("a file");
        assert!(found.is_file());
        assert_eq!(found.mode() & 0o7777, 0o640);
        assert_eq!(
            (found.mtime(), found.mtime_nsec()),
            (1_000_000_000, 123_456_789)
        );
        assert_eq!(fs::read(&path).expect("read"), b"new");
        assert_eq!(fs::read(&secret).expect("read"), b"kept");
    }

    #[test]
    fn the_longest_name_has_an_unfinished_file_too() {
        assert_eq!(part_name(b"a"), b".a.spaceport-part");
        let long = [b'x'; 255];
        assert_eq!(part_name(&long).len(), 255);
        let mut other = long;
        other[254] = b'y';
        assert_ne!(part_name(&long), part_name(&other));
    }
}
