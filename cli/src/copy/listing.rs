//! What a space says is in a directory. Nothing in it is believed: its names decide where this
//! machine's files are written.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use spaceport_domain::spelling;

use super::remote::spelled;

/// The deepest that a tree may be.
const DEPTH_MAX: usize = 512;
/// The longest name that file systems have.
const NAME_BYTES_MAX: usize = 255;

/// A path below the directory that is copied: names that lead nowhere but downwards.
pub type Names = Vec<Vec<u8>>;

/// What something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file of so many bytes.
    File(u64),
    /// A directory.
    Directory,
    /// A symbolic link to there.
    Symlink(Vec<u8>),
    /// What isn't copied: sockets, devices, what is younger than this program.
    Other,
}

/// The permission bits and the time of the last change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The permission bits.
    pub mode: u32,
    /// When its content was last changed.
    pub modified: Time,
}

/// A time since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Time {
    /// Seconds.
    pub seconds: i64,
    /// Nanoseconds behind them, below a billion.
    pub nanoseconds: u32,
}

/// An entry of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is below the directory that is listed.
    pub names: Names,
    /// What it is.
    pub kind: Kind,
    /// Its attributes.
    pub attributes: Attributes,
    /// What is in it, of a small file that came whole with the listing.
    pub content: Option<Vec<u8>>,
}

/// Why an entry isn't taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// A name leads elsewhere, or nowhere.
    #[error("the space names a file {0:?}, which would not be below the destination")]
    Name(String),
    /// The line isn't what a listing consists of.
    #[error("the space's listing can't be read: {0}")]
    Line(String),
}

#[derive(Deserialize)]
struct Line {
    name: String,
    kind: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    mode: String,
    #[serde(default)]
    mtime: String,
    target: Option<String>,
    content: Option<Content>,
}

#[derive(Deserialize)]
struct Content {
    base64: String,
    digest: String,
}

impl Content {
    /// The bytes, if they are what was sent. Others are asked for once more, by themselves.
    fn read(&self) -> Option<Vec<u8>> {
        let bytes = STANDARD.decode(&self.base64).ok()?;
        (spelled(&blake3::hash(&bytes)) == self.digest).then_some(bytes)
    }
}

impl Entry {
    /// Reads a line of a listing.
    pub fn read(line: &[u8]) -> Result<Self, Untrusted> {
        let line: Line =
            serde_json::from_slice(line).map_err(|error| Untrusted::Line(error.to_string()))?;
        let broken = |what: &str| Untrusted::Line(format!("{what} of {:?}", line.name));
        let names = names(&line.name).ok_or_else(|| Untrusted::Name(line.name.clone()))?;
        let kind = match line.kind.as_str() {
            "file" => Kind::File(line.size),
            "directory" => Kind::Directory,
            "symlink" => {
                let target = line.target.as_deref().and_then(spelling::read_url);
                let target = target.filter(|it| !it.is_empty() && !it.contains(&0));
                Kind::Symlink(target.ok_or_else(|| broken("the target"))?)
            }
            _ => Kind::Other,
        };
        let attributes = match kind {
            Kind::Other | Kind::Symlink(_) => Attributes::default(),
            Kind::File(_) | Kind::Directory => Attributes {
                mode: read_mode(&line.mode).ok_or_else(|| broken("the mode"))?,
                modified: Time::read(&line.mtime).ok_or_else(|| broken("the time"))?,
            },
        };
        let content = line.content.as_ref().and_then(Content::read);
        let content = content.filter(|it| kind == Kind::File(it.len() as u64));
        Ok(Self {
            names,
            kind,
            attributes,
            content,
        })
    }
}

/// The names in a path of a listing; `None` when one of them is none.
fn names(encoded: &str) -> Option<Names> {
    let names: Names = encoded
        .split('/')
        .map(spelling::read_url)
        .collect::<Option<_>>()?;
    let is_name = |name: &Vec<u8>| {
        let is_plain = !name.is_empty() && name != b"." && name != b"..";
        is_plain && name.len() <= NAME_BYTES_MAX && !name.iter().any(|it| matches!(it, b'/' | 0))
    };
    (names.len() <= DEPTH_MAX && names.iter().all(is_name)).then_some(names)
}

/// Permission bits in octal. Bits that give a program somebody else's rights are left out: who
/// copies a file doesn't mean to.
pub fn read_mode(text: &str) -> Option<u32> {
    let is_octal = text.bytes().all(|it| matches!(it, b'0'..=b'7'));
    let mode = u32::from_str_radix(text, 8).ok().filter(|_| is_octal)?;
    (mode <= 0o7777).then_some(mode & 0o1777)
}

impl Time {
    /// Reads seconds, a point and nine digits.
    pub fn read(text: &str) -> Option<Self> {
        let (seconds, digits) = text.split_once('.')?;
        let is_fraction = digits.len() == 9 && digits.bytes().all(|it| it.is_ascii_digit());
        let nanoseconds = digits.parse().ok().filter(|_| is_fraction)?;
        Some(Self {
            seconds: seconds.parse().ok()?,
            nanoseconds,
        })
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:09}", self.seconds, self.nanoseconds)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(name: &str) -> String {
        format!(r#"{{"name":"{name}","kind":"file","size":3,"mode":"0644","mtime":"5.000000006"}}"#)
    }

    #[test]
    fn an_entry_is_read_with_names_of_any_bytes() {
        let entry = Entry::read(line("a/%ff%0A%25").as_bytes()).expect("an entry");
        assert_eq!(entry.names, [b"a".to_vec(), b"\xff\n%".to_vec()]);
        assert_eq!(entry.kind, Kind::File(3));
        assert_eq!(entry.attributes.mode, 0o644);
        assert_eq!(entry.attributes.modified.to_string(), "5.000000006");
    }

    #[test]
    fn content_is_taken_only_as_it_was_sent() {
        let read = |size: u64, base64: &str, of: &[u8]| {
            let digest = spelled(&blake3::hash(of));
            let line = format!(
                r#"{{"name":"a","kind":"file","size":{size},"mode":"0644","mtime":"5.000000006",
                    "content":{{"base64":"{base64}","digest":"{digest}"}}}}"#
            );
            Entry::read(line.as_bytes()).expect("an entry").content
        };
        assert_eq!(read(3, "YWJj", b"abc").as_deref(), Some(&b"abc"[..]));
        assert_eq!(read(0, "", b"").as_deref(), Some(&b""[..]));
        assert_eq!(read(3, "YWJk", b"abc"), None, "changed on the way");
        assert_eq!(read(4, "YWJj", b"abc"), None, "of another size");
        assert_eq!(read(3, "YWJ", b"abc"), None, "no base64");
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for bad in [
            "..",
            ".",
            "",
            "/",
            "/etc/passwd",
            "a/../b",
            "a//b",
            "a/",
            "a/%2E%2e",
            "%2e%2e",
            "a%2Fb",
            "%2Fetc",
            "a%00b",
            "%",
            &"x".repeat(256),
            &"a/".repeat(600),
        ] {
            let read = Entry::read(line(bad).as_bytes());
            assert!(matches!(read, Err(Untrusted::Name(_))), "{bad}: {read:?}");
        }
    }

    #[test]
    fn no_copy_gets_somebody_elses_rights() {
        assert_eq!(read_mode("4755"), Some(0o755));
        assert_eq!(read_mode("1777"), Some(0o1777));
        for bad in ["", "8", "+1", "10000", "-1", "0x1"] {
            assert_eq!(read_mode(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_before_the_epoch_are_read_as_they_are_written() {
        let time = Time {
            seconds: -2,
            nanoseconds: 5,
        };
        assert_eq!(Time::read(&time.to_string()), Some(time));
        for bad in ["", "1", "1.5", "1.+00000005", ".000000000", "1.0000000000"] {
            assert_eq!(Time::read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_read_leads_out_of_the_destination(name in "[a-z./%02eEfF]{0,20}") {
            if let Ok(entry) = Entry::read(line(&name).as_bytes()) {
                for name in entry.names {
                    prop_assert!(name != b".." && name != b"." && !name.is_empty());
                    prop_assert!(!name.contains(&b'/') && !name.contains(&0));
                }
            }
        }
    }
}
