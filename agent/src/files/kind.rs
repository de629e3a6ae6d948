//! What is known of a file beside its content.

use std::{
    fs::{FileType, Metadata},
    os::unix::fs::MetadataExt,
};

use hyper::{
    HeaderMap,
    header::{ETAG, HeaderName, HeaderValue},
};

const KIND: HeaderName = HeaderName::from_static("spaceport-kind");
const MODE: HeaderName = HeaderName::from_static("spaceport-mode");
const MTIME: HeaderName = HeaderName::from_static("spaceport-mtime");
/// The permission bits of a mode.
const PERMISSIONS: u32 = 0o7777;

/// What it is.
pub fn kind(of: FileType) -> &'static str {
    if of.is_file() {
        "file"
    } else if of.is_dir() {
        "directory"
    } else if of.is_symlink() {
        "symlink"
    } else {
        "other"
    }
}

/// Its permissions, in octal.
pub fn mode(metadata: &Metadata) -> String {
    format!("{:04o}", metadata.mode() & PERMISSIONS)
}

/// When it was last changed, in seconds since 1970.
pub fn mtime(metadata: &Metadata) -> String {
    format!("{}.{:09}", metadata.mtime(), metadata.mtime_nsec())
}

/// Names this state of it: another one has another time, size or place.
pub fn tag(metadata: &Metadata) -> String {
    format!(
        "\"{:x}-{:x}-{:x}-{:x}\"",
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.size(),
        metadata.ino()
    )
}

/// Says all that in headers.
pub fn describe(metadata: &Metadata, headers: &mut HeaderMap) {
    headers.insert(KIND, HeaderValue::from_static(kind(metadata.file_type())));
    for (name, value) in [
        (MODE, mode(metadata)),
        (MTIME, mtime(metadata)),
        (ETAG, tag(metadata)),
    ] {
        // Digits and signs are fit for a header.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}
