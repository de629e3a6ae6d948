//! Lists directories.

use std::{
    fmt::Write as _,
    fs::{self, DirEntry, ReadDir},
    io::Write as _,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue},
};
use serde::Serialize;

use super::{
    address::{Address, encode},
    answer::{Answer, Body, with_body},
    failure::Failure,
    kind,
};

/// About as much is sent at once.
const PIECE_BYTES: usize = 32 << 10;
/// Deeper directories aren't listed: each is open while those below it are.
const DEPTH_MAX: usize = 128;

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
}

/// The entries of a directory, and of those below it if all are wanted, parents first. Symbolic
/// links are entries and are never followed.
struct Entries {
    /// What is left of the directories that are open, with their names as they are told.
    open: Vec<(String, ReadDir)>,
    recursive: bool,
}

impl Iterator for Entries {
    type Item = (String, DirEntry);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (directory, entries) = self.open.last_mut()?;
            // What can't be read is as if it weren't there.
            let Some(entry) = entries.next() else {
                self.open.pop();
                continue;
            };
            let Ok(entry) = entry else { continue };
            let name = format!("{directory}{}", encode(entry.file_name().as_bytes()));
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if self.recursive && is_directory && self.open.len() < DEPTH_MAX {
                // Who may not read it gets its name all the same.
                if let Ok(below) = fs::read_dir(entry.path()) {
                    self.open.push((format!("{name}/"), below));
                }
            }
            return Some((name, entry));
        }
    }
}

/// Lists a directory: for programs an entry a line, for people a page.
pub fn list(address: &Address, recursive: bool, as_page: bool) -> Result<Answer, Failure> {
    let entries = Entries {
        open: vec![(String::new(), fs::read_dir(address.path())?)],
        recursive,
    };
    let (body, content_type) = if as_page {
        let page = page(address.path(), entries);
        (Body::Whole(Some(page.into())), "text/html; charset=utf-8")
    } else {
        let lines = Pieces(entries);
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
struct Pieces(Entries);

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut piece = Vec::new();
        while piece.len() < PIECE_BYTES {
            let Some((name, entry)) = self.0.next() else {
                break;
            };
            // What is gone by now isn't listed.
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            let target = metadata.is_symlink().then(|| fs::read_link(entry.path()));
            let target = target.and_then(Result::ok);
            let entry = Entry {
                name: &name,
                kind: kind::kind(metadata.file_type()),
                size: metadata.len(),
                mode: kind::mode(&metadata),
                mtime: kind::mtime(&metadata),
                target: target.map(|target| encode(target.as_os_str().as_bytes())),
            };
            // Writing to memory can't fail.
            let _ = serde_json::to_writer(&mut piece, &entry);
            let _ = piece.write_all(b"\n");
        }
        (!piece.is_empty()).then(|| piece.into())
    }
}

/// A page with links to all entries of a directory.
fn page(directory: &Path, entries: Entries) -> String {
    let mut entries: Vec<(String, bool, Vec<u8>)> = entries
        .map(|(_, entry)| {
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let shown = entry.file_name().as_bytes().to_owned();
            (link(&entry.path()), is_directory, shown)
        })
        .collect();
    entries.sort_unstable_by(|one, other| (!one.1, &one.2).cmp(&(!other.1, &other.2)));
    let title = escape(&directory.to_string_lossy());
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
        let shown = escape(&String::from_utf8_lossy(&shown));
        let behind = if is_directory { "/" } else { "" };
        let _ = writeln!(page, "<li><a href=\"{link}\">{shown}{behind}</a>");
    }
    page.push_str("</ul>\n");
    page
}

/// The URL's path of something.
fn link(path: &Path) -> String {
    let path: PathBuf = path.components().skip(1).collect();
    let names: Vec<String> = path.iter().map(|name| encode(name.as_bytes())).collect();
    format!("/fs/{}", names.join("/"))
}

fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, character| {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            character => escaped.push(character),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_where_they_say_and_names_are_no_markup() {
        assert_eq!(link(Path::new("/")), "/fs/");
        assert_eq!(link(Path::new("/a b/<i>")), "/fs/a%20b/%3Ci%3E");
        assert_eq!(
            escape("<a href='x'>&\""),
            "&lt;a href=&#39;x&#39;&gt;&amp;&quot;"
        );
    }
}
