//! What is copied, and where to.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
};

use spaceport_domain::spelling;

use crate::place::SpaceRef;

/// One side of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A path of this machine.
    Local(PathBuf),
    /// A path in a space.
    Remote(SpaceRef, RemotePath),
}

/// A path in a space: from its root, or from the user's home directory. It has no empty segments,
/// and none that are `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemotePath {
    is_absolute: bool,
    segments: Vec<Vec<u8>>,
    /// It was written with a slash at its end: only a directory is meant.
    pub is_directory: bool,
}

/// The path leads upwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("paths in spaces have no `..`")]
pub struct Upwards;

impl Operand {
    /// Reads an operand: `space:path` or `owner/space:path`, else a path of this machine. A local
    /// path with such a beginning is written with `./` in front.
    pub fn parse(text: &OsStr) -> Result<Self, Upwards> {
        let bytes = text.as_bytes();
        let colon = bytes.iter().position(|byte| *byte == b':');
        let remote = colon.and_then(|colon| {
            let space = str::from_utf8(&bytes[..colon]).ok()?.parse().ok()?;
            Some((space, &bytes[colon + 1..]))
        });
        Ok(match remote {
            Some((space, path)) => Self::Remote(space, RemotePath::parse(path)?),
            None => Self::Local(text.into()),
        })
    }
}

impl RemotePath {
    /// Reads a path.
    pub fn parse(path: &[u8]) -> Result<Self, Upwards> {
        let mut segments = Vec::new();
        for segment in path.split(|byte| *byte == b'/') {
            match segment {
                b"" | b"." => {}
                b".." => return Err(Upwards),
                _ => segments.push(segment.to_owned()),
            }
        }
        Ok(Self {
            is_absolute: path.starts_with(b"/"),
            segments,
            is_directory: path.is_empty() || path.ends_with(b"/"),
        })
    }

    /// The path of `name` below this one.
    #[must_use]
    pub fn join(&self, name: &[u8]) -> Self {
        let mut joined = self.clone();
        joined.segments.push(name.to_owned());
        joined.is_directory = false;
        joined
    }

    /// Its last name; none of the root and of the home directory.
    pub fn name(&self) -> Option<OsString> {
        self.segments.last().cloned().map(OsString::from_vec)
    }

    /// The path of its URL.
    pub fn url_path(&self) -> String {
        let mut url = String::from(if self.is_absolute { "/fs/" } else { "/home/" });
        url.push_str(&encode_path(&self.segments));
        url
    }
}

impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.segments.join(&b'/');
        let root = if self.is_absolute { "/" } else { "" };
        write!(f, "{root}{}", String::from_utf8_lossy(&path))
    }
}

fn encode_path(segments: &[Vec<u8>]) -> String {
    let encoded: Vec<_> = segments.iter().map(|it| spelling::url(it)).collect();
    encoded.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> (SpaceRef, String) {
        match Operand::parse(OsStr::new(text)) {
            Ok(Operand::Remote(space, path)) => (space, path.url_path()),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_space_and_a_colon_make_a_path_there() {
        assert_eq!(remote("lab:").1, "/home/");
        assert_eq!(remote("lab:a/./b//c/").1, "/home/a/b/c");
        assert_eq!(remote("lab:/etc/a b").1, "/fs/etc/a%20b");
        assert_eq!(remote("ada/lab:x").0.to_string(), "ada/lab");
        for local in ["a", "./lab:x", "/lab:x", "Lab:x", "a/b/c:x", "a.b:x"] {
            let parsed = Operand::parse(OsStr::new(local));
            assert_eq!(parsed, Ok(Operand::Local(local.into())), "{local}");
        }
        assert_eq!(Operand::parse(OsStr::new("lab:a/../b")), Err(Upwards));
    }
}
