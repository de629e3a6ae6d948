//! Puts the pages that `dev/web` has built into the program. Without them, it is a program, too: one
//! that says how to build them.

use std::{env, fmt::Write as _, fs, io, path::Path};

/// The folders of the pages, below `web/`.
const PAGES: [&str; 2] = ["desktop", "terminal"];

fn main() -> io::Result<()> {
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    for page in PAGES {
        let sources = format!("../web/{page}");
        let built = format!("{sources}/dist");
        let mut files = Vec::new();
        if Path::new(&built).is_dir() {
            println!("cargo::rerun-if-changed={built}");
            collect(&Path::new(&built).canonicalize()?, "", &mut files)?;
            files.sort();
        } else {
            // It isn't built yet, and watched until it is.
            println!("cargo::rerun-if-changed={sources}");
        }
        let place = Path::new(&out).join(format!("{page}_files.rs"));
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

/// Source text: paths, and what is in the files.
fn table(files: &[(String, String)]) -> io::Result<String> {
    let mut text = String::from("&[\n");
    for (path, place) in files {
        let line = writeln!(text, "    ({path:?}, include_bytes!({place:?})),");
        line.map_err(io::Error::other)?;
    }
    text.push_str("]\n");
    Ok(text)
}
