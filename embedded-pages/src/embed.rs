//! What the build script of a program does for the pages that the program serves.

use std::{env, fmt::Write as _, fs, io, path::Path};

use sha2::{Digest as _, Sha256};

/// Where the pages are, each in a folder of its own.
const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../web");
/// What `dev/web` has built, in the folder of a page.
const BUILT: &str = "dist";

/// Puts `pages`, named like their folders, where [`embedded!`](crate::embedded) finds them. Without
/// what `dev/web` builds, the program is one, too: it has no files to serve.
pub fn embed(pages: &[&str]) -> io::Result<()> {
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    for page in pages {
        let sources = Path::new(WEB).join(page);
        let built = sources.join(BUILT);
        let mut files = Vec::new();
        if built.is_dir() {
            println!("cargo::rerun-if-changed={}", built.display());
            collect(&built.canonicalize()?, "", &mut files)?;
            files.sort();
        } else {
            // Cargo takes what isn't there for changed, each time. So the sources are watched until it is.
            println!("cargo::rerun-if-changed={}", sources.display());
        }
        let place = Path::new(&out).join(format!("{page}.rs"));
        fs::write(place, table(&files)?)?;
    }
    Ok(())
}

/// The files below a folder: their paths as a browser asks for them, and their places. Those whose
/// names begin with a dot are the build's own.
fn collect(folder: &Path, path: &str, files: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string();
        let name = name.map_err(|_| io::ErrorKind::InvalidFilename)?;
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{path}/{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &path, files)?;
        } else {
            files.push((path, entry.path().display().to_string()));
        }
    }
    Ok(())
}

/// Source text of [`Files`](crate::Files).
fn table(files: &[(String, String)]) -> io::Result<String> {
    let mut text = String::from("&[\n");
    for (path, place) in files {
        let tag = tag(&fs::read(place)?);
        let line = writeln!(
            text,
            "::spaceport_embedded_pages::File {{ path: {path:?}, body: include_bytes!({place:?}), tag: {tag:?} }},"
        );
        line.map_err(io::Error::other)?;
    }
    text.push_str("]\n");
    Ok(text)
}

/// An entity tag (RFC 9110 §8.8.3).
fn tag(body: &[u8]) -> String {
    format!("\"{:x}\"", Sha256::digest(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_tells_every_file_as_a_browser_asks_for_it() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        collect(folder, "", &mut files).expect("a folder");
        files.sort();
        let paths: Vec<_> = files.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["/Cargo.toml", "/src/embed.rs", "/src/lib.rs"]);
        let table = table(&files).expect("readable files");
        let lines: Vec<_> = table.lines().collect();
        assert!(lines[1].contains("path: \"/Cargo.toml\", body: include_bytes!(\""));
        assert_eq!((lines.len(), lines[0], lines[4]), (5, "&[", "]"));
    }

    #[test]
    fn a_tag_is_quoted_and_another_for_another_file() {
        let tag_of_nothing = tag(b"");
        assert!(tag_of_nothing.starts_with("\"e3b0c442") && tag_of_nothing.ends_with('"'));
        assert_ne!(tag_of_nothing, tag(b"a"));
    }
}
