//! Lists directories.
//!
//! What can't be read doesn't make a listing fail, but it is never passed over in silence: behind all
//! entries comes a line with an `error` in place of a `kind`, which is no entry to any client.

use std::{
    fmt::Write as _,
    fs::{self, DirEntry, OpenOptions, ReadDir},
    io::{self, Read as _, Write as _},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue},
};
use rustix::fs::OFlags;
use serde::Serialize;
use spaceport_domain::spelling;

use super::{
    address::Address,
    answer::{Answer, Body, digest, with_body},
    failure::{Failure, Told},
    kind,
};

/// About as much is sent at once.
const PIECE_BYTES: usize = 32 << 10;
/// Deeper directories aren't listed: each is open while those below it are.
const DEPTH_MAX: usize = 128;
/// The content of larger files is never in a listing.
const CONTENT_MAX_BYTES: u64 = 64 << 10;
/// As many entries a page has; they are sorted in memory.
const PAGE_ENTRIES_MAX: usize = 10_000;

/// An entry, as it is told.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    kind: &'static str,
    size: u64,
    mode: String,
    mtime: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
}

/// What is in a small file.
#[derive(Serialize)]
struct Content {
    base64: String,
    digest: String,
}

/// The end of a listing that lacks something.
#[derive(Serialize)]
struct Lacking<'a> {
    error: Told<'a>,
    /// The first that couldn't be read.
    name: &'a str,
    /// How many there are besides.
    others: u64,
}

/// What couldn't be read.
struct Unread {
    name: String,
    failure: Failure,
    others: u64,
}

/// The entries of a directory, and of those below it if all are wanted, parents first. Symbolic
/// links are entries and are never followed.
struct Entries {
    /// What is left of the directories that are open, with their names as they are told.
    open: Vec<(String, ReadDir)>,
    recursive: bool,
    unread: Option<Unread>,
}

impl Entries {
    fn of(directory: &Path, recursive: bool) -> io::Result<Self> {
        Ok(Self {
            open: vec![(String::new(), fs::read_dir(directory)?)],
            recursive,
            unread: None,
        })
    }

    /// Opens a directory to go on in it.
    fn enter(&mut self, name: &str, directory: &Path) {
        if self.open.len() >= DEPTH_MAX {
            let reason = format!("directories {DEPTH_MAX} deep are not listed");
            self.pass_over(name, Failure::too_deep(reason));
            return;
        }
        match fs::read_dir(directory) {
            Ok(below) => self.open.push((format!("{name}/"), below)),
            Err(error) => self.miss(name, error),
        }
    }

    /// What is gone by now isn't missed.
    fn miss(&mut self, name: &str, error: io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            self.pass_over(name, error.into());
        }
    }

    fn pass_over(&mut self, name: &str, failure: Failure) {
        match &mut self.unread {
            Some(unread) => unread.others += 1,
            None => {
                self.unread = Some(Unread {
                    name: name.to_owned(),
                    failure,
                    others: 0,
                });
            }
        }
    }
}

impl Iterator for Entries {
    type Item = (String, DirEntry);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (directory, entries) = self.open.last_mut()?;
            let Some(entry) = entries.next() else {
                self.open.pop();
                continue;
            };
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let directory = directory.trim_end_matches('/').to_owned();
                    self.miss(&directory, error);
                    continue;
                }
            };
            let name = format!("{directory}{}", spelling::url(entry.file_name().as_bytes()));
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if self.recursive && is_directory {
                self.enter(&name, &entry.path());
            }
            return Some((name, entry));
        }
    }
}

/// Lists a directory: for programs an entry a line, for people a page. Lines have the content of
/// files that have no more bytes than `content_up_to`: who wants many small files asks once.
pub fn list(
    address: &Address,
    recursive: bool,
    content_up_to: Option<u64>,
    as_page: bool,
) -> Result<Answer, Failure> {
    if as_page && recursive {
        // Any other page may lead a browser there.
        return Err(Failure::invalid("a page lists a single directory"));
    }
    let entries = Entries::of(address.path(), recursive)?;
    let (body, content_type) = if as_page {
        let page = page(address.path(), entries);
        (Body::Whole(Some(page.into())), "text/html; charset=utf-8")
    } else {
        let lines = Pieces {
            entries,
            content_up_to: content_up_to.map(|bytes| bytes.min(CONTENT_MAX_BYTES)),
        };
        (Body::Pieces(Box::new(lines)), "application/x-ndjson")
    };
    let mut answer = with_body(StatusCode::OK, body);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.insert(CONTENT_SECURITY_POLICY, nothing);
    Ok(answer)
}

/// The lines, many at once.
struct Pieces {
    entries: Entries,
    content_up_to: Option<u64>,
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut piece = Vec::new();
        while piece.len() < PIECE_BYTES {
            let Some((name, entry)) = self.entries.next() else {
                if let Some(unread) = self.entries.unread.take() {
                    let lacking = Lacking {
                        error: unread.failure.told(),
                        name: &unread.name,
                        others: unread.others,
                    };
                    // Writing to memory can't fail.
                    let _ = serde_json::to_writer(&mut piece, &lacking);
                    let _ = piece.write_all(b"\n");
                }
                break;
            };
            let mut metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(error) => {
                    self.entries.miss(&name, error);
                    continue;
                }
            };
            let small = self.content_up_to.filter(|max| metadata.len() <= *max);
            let small = small.filter(|_| metadata.is_file());
            // What can't be read, or is larger by now, is asked for by itself and says why.
            let read = small.and_then(|max| content(&entry.path(), max).ok().flatten());
            let content = read.map(|(content, of)| {
                metadata = of;
                content
            });
            let target = metadata.is_symlink().then(|| fs::read_link(entry.path()));
            let target = target.and_then(Result::ok);
            let entry = Entry {
                name: &name,
                kind: kind::kind(metadata.file_type()),
                size: metadata.len(),
                mode: kind::mode(&metadata),
                mtime: kind::mtime(&metadata),
                target: target.map(|target| spelling::url(target.as_os_str().as_bytes())),
                content,
            };
            // Writing to memory can't fail.
            let _ = serde_json::to_writer(&mut piece, &entry);
            let _ = piece.write_all(b"\n");
        }
        (!piece.is_empty()).then(|| piece.into())
    }
}

/// What is in a file that has at most `max_bytes`, and its metadata at that time.
fn content(path: &Path, max_bytes: u64) -> io::Result<Option<(Content, fs::Metadata)>> {
    let file = OpenOptions::new()
        .read(true)
        // It may be a link or a pipe by now.
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)?;
    let metadata = file.metadata()?;
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes)?;
    let is_whole = metadata.is_file() && metadata.len() == bytes.len() as u64;
    if !is_whole || metadata.len() > max_bytes {
        return Ok(None);
    }
    let content = Content {
        digest: digest(blake3::Hasher::new().update(&bytes)),
        base64: STANDARD.encode(&bytes),
    };
    Ok(Some((content, metadata)))
}

/// A page with links to all entries of a directory.
fn page(directory: &Path, mut all: Entries) -> String {
    let mut entries: Vec<(String, bool, Vec<u8>)> = all
        .by_ref()
        .take(PAGE_ENTRIES_MAX)
        .map(|(_, entry)| {
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let shown = entry.file_name().as_bytes().to_owned();
            (link(&entry.path()), is_directory, shown)
        })
        .collect();
    entries.sort_unstable_by(|one, other| (!one.1, &one.2).cmp(&(!other.1, &other.2)));
    let title = spelling::html(&directory.to_string_lossy());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<h1>{title}</h1>\n<ul>\n"
    );
    // Writing to a string can't fail.
    if let Some(parent) = directory.parent() {
        let _ = writeln!(page, "<li><a href=\"{}\">..</a>", link(parent));
    }
    for (link, is_directory, shown) in entries {
        let shown = spelling::html(&String::from_utf8_lossy(&shown));
        let behind = if is_directory { "/" } else { "" };
        let _ = writeln!(page, "<li><a href=\"{link}\">{shown}{behind}</a>");
    }
    page.push_str("</ul>\n");
    if all.next().is_some() || all.unread.is_some() {
        page.push_str("<p>There is more, which isn't shown.\n");
    }
    page
}

/// The URL's path of something.
fn link(path: &Path) -> String {
    let path: PathBuf = path.components().skip(1).collect();
    let names: Vec<String> = path
        .iter()
        .map(|name| spelling::url(name.as_bytes()))
        .collect();
    format!("/fs/{}", names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_where_they_say() {
        assert_eq!(link(Path::new("/")), "/fs/");
        assert_eq!(link(Path::new("/a b/<i>")), "/fs/a%20b/%3Ci%3E");
    }
}
