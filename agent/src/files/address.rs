//! What a request's URL says.

use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use rustix::fs::{Timespec, Timestamps, UTIME_OMIT};
use spaceport_domain::spelling;

use super::failure::Failure;

/// What unfinished uploads are called behind the name of what they will be.
const PART_SUFFIX: &[u8] = b".spaceport-part";
/// So many hexadecimal digits of a hash tell long names from others that begin alike.
const PART_HASH_DIGITS: usize = 16;
/// The longest name that file systems take.
const NAME_MAX_BYTES: usize = 255;

/// Something in the space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    path: PathBuf,
}

impl Address {
    /// Reads a URL's path.
    pub fn parse(path: &str, home: &[u8]) -> Result<Self, Failure> {
        let (mut bytes, names) = match (path.strip_prefix("/fs/"), path.strip_prefix("/home")) {
            (Some(names), _) => (b"/".to_vec(), names),
            (None, Some("" | "/")) => (home.to_owned(), ""),
            (None, Some(names)) if names.starts_with('/') => (home.to_owned(), &names[1..]),
            _ => return Err(Failure::not_found("a path begins with /fs/ or /home/")),
        };
        for name in names.split('/').filter(|_| !names.is_empty()) {
            let name = decode(name)?;
            if matches!(name.as_slice(), b"" | b"." | b"..") || name.contains(&b'/') {
                return Err(Failure::invalid_path());
            }
            if !bytes.ends_with(b"/") {
                bytes.push(b'/');
            }
            bytes.extend_from_slice(&name);
        }
        Ok(Self {
            path: OsString::from_vec(bytes).into(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is, if it is a symbolic link to something.
    pub fn followed(self) -> Self {
        let path = self.path.canonicalize().unwrap_or(self.path);
        Self { path }
    }

    /// Where an unfinished upload of it is.
    pub fn part(&self) -> Result<Self, Failure> {
        let name = self.path.file_name().ok_or_else(Failure::invalid_path)?;
        let name = name.as_bytes();
        let room = NAME_MAX_BYTES - PART_SUFFIX.len() - 1;
        let part = if name.len() <= room {
            [b".", name, PART_SUFFIX].concat()
        } else {
            let hash = blake3::hash(name).to_hex();
            let hash = &hash.as_bytes()[..PART_HASH_DIGITS];
            [b".", &name[..room - hash.len()], hash, PART_SUFFIX].concat()
        };
        Ok(Self {
            path: self.path.with_file_name(OsString::from_vec(part)),
        })
    }
}

/// A URL's query: names, what is said for them, and how that was spelled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, Vec<u8>, String)>);

impl Query {
    /// Reads a query.
    pub fn parse(query: &str) -> Result<Self, Failure> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((name.to_owned(), decode(value)?, value.to_owned()))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The bytes that are said for a name.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        let said = self.0.iter().find(|(said, ..)| said == name);
        said.map(|(_, value, _)| value.as_slice())
    }

    /// Whether a name is said at all.
    pub fn has(&self, name: &str) -> bool {
        self.bytes(name).is_some()
    }

    /// The text that is said for a name.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Failure> {
        let value = self.bytes(name).map(str::from_utf8).transpose();
        value.map_err(|_| Failure::invalid(format!("{name} is no text")))
    }

    /// The number that is said for a name.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Failure> {
        let number = self.text(name)?.map(str::parse).transpose();
        number.map_err(|_| Failure::invalid(format!("{name} is no number")))
    }

    /// The permissions that are to be, which are octal.
    pub fn mode(&self) -> Result<Option<u32>, Failure> {
        let Some(mode) = self.text("mode")? else {
            return Ok(None);
        };
        let parsed = u32::from_str_radix(mode, 8).ok();
        let mode = parsed.filter(|parsed| *parsed <= 0o7777);
        mode.map(Some)
            .ok_or_else(|| Failure::invalid("mode is no octal number up to 7777"))
    }

    /// The times that are to be: that of the last change, in seconds since 1970 and perhaps a
    /// fraction; that of the last access stays.
    pub fn times(&self) -> Result<Option<Timestamps>, Failure> {
        let Some(mtime) = self.text("mtime")? else {
            return Ok(None);
        };
        let last_modification = time(mtime);
        let last_modification =
            last_modification.ok_or_else(|| Failure::invalid("mtime is no number of seconds"))?;
        let last_access = Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        };
        Ok(Some(Timestamps {
            last_access,
            last_modification,
        }))
    }

    /// The other address that is said for a name, spelled as the path of a URL is. Clients may
    /// encode that for the query once more, which shows in its first character.
    pub fn address(&self, name: &str, home: &[u8]) -> Result<Option<Address>, Failure> {
        let said = self.0.iter().find(|(said, ..)| said == name);
        let Some((_, decoded, spelled)) = said else {
            return Ok(None);
        };
        let path = if spelled.starts_with('/') {
            spelled
        } else {
            str::from_utf8(decoded).map_err(|_| Failure::invalid_path())?
        };
        Address::parse(path, home).map(Some)
    }
}

/// Reads seconds since 1970 with up to nine digits behind the point, which count forwards also
/// before 1970, as the system has it.
fn time(spelled: &str) -> Option<Timespec> {
    let (seconds, fraction) = spelled.split_once('.').unwrap_or((spelled, "0"));
    let is_fraction = (1..=9).contains(&fraction.len());
    if !is_fraction || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    Some(Timespec {
        tv_sec: seconds.parse().ok()?,
        tv_nsec: format!("{fraction:0<9}").parse().ok()?,
    })
}

/// The bytes that a text in a URL stands for. A path of the system can't have a zero among them.
fn decode(text: &str) -> Result<Vec<u8>, Failure> {
    let bytes = spelling::read_url(text).filter(|bytes| !bytes.contains(&0));
    bytes.ok_or_else(Failure::invalid_path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(path: &str) -> Result<PathBuf, Failure> {
        Address::parse(path, b"/home/dev").map(|address| address.path)
    }

    #[test]
    fn paths_are_absolute_or_below_the_home() {
        for (path, parsed) in [
            ("/fs/", "/"),
            ("/fs/etc/passwd", "/etc/passwd"),
            ("/home/", "/home/dev"),
            ("/home", "/home/dev"),
            ("/home/a%20b/%25", "/home/dev/a b/%"),
            ("/fs/+", "/+"),
        ] {
            assert_eq!(parse(path).expect(path), Path::new(parsed));
        }
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for path in [
            "/",
            "/etc",
            "/homes/a",
            "/fs",
            "/fs//",
            "/fs/a/",
            "/fs/a//b",
            "/fs/.",
            "/fs/a/../b",
            "/fs/%2e%2E/b",
            "/fs/a%2Fb",
            "/fs/a%00",
            "/fs/%",
            "/fs/%4",
            "/fs/%+1",
            "/home//",
        ] {
            assert!(parse(path).is_err(), "{path}");
        }
    }

    #[test]
    fn times_are_before_and_behind_1970() {
        let read = |spelled: &str| time(spelled).map(|time| (time.tv_sec, time.tv_nsec));
        assert_eq!(read("1.5"), Some((1, 500_000_000)));
        assert_eq!(read("-2.000000001"), Some((-2, 1)));
        assert_eq!(read("7"), Some((7, 0)));
        for bad in ["", "x", "1.", "1.x", "1.0000000001", "--1", "1.-1"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn another_address_is_spelled_as_in_a_url() {
        for query in [
            "replace&move-to=/fs/100%25/a%2520b",
            "replace&move-to=%2Ffs%2F100%2525%2Fa%252520b",
        ] {
            let query = Query::parse(query).expect("a query");
            assert!(query.has("replace"));
            let address = query.address("move-to", b"/").expect("an address");
            assert_eq!(address.expect("said").path, Path::new("/100%/a%20b"));
        }
    }

    #[test]
    fn the_name_of_a_part_is_never_too_long_nor_that_of_another() {
        let part = |end: &str| {
            let long = format!("/fs/tmp/{}{end}", "x".repeat(254));
            let part = Address::parse(&long, b"/").expect("a path").part();
            part.expect("a part").path
        };
        assert_eq!(part("a").file_name().expect("a name").len(), 255);
        assert_ne!(part("a"), part("b"));
        assert!(
            Address::parse("/fs/", b"/")
                .expect("a path")
                .part()
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn any_name_is_read_as_it_was_encoded(name in proptest::collection::vec(1_u8..=255, 1..40)) {
            prop_assume!(!name.contains(&b'/') && name != b"." && name != b"..");
            let path = parse(&format!("/fs/{}", spelling::url(&name))).expect("a path");
            prop_assert_eq!(path.as_os_str().as_bytes(), [b"/", name.as_slice()].concat());
        }

        #[test]
        fn no_path_leaves_its_root(path in "(/fs|/home)(/|%2[eEfF]|\\.|a|%00){0,12}") {
            if let Ok(path) = parse(&path) {
                let mut parts = path.components();
                prop_assert!(path.is_absolute());
                prop_assert!(parts.all(|part| part != std::path::Component::ParentDir));
            }
        }
    }
}
