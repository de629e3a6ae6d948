//! Puts the pages that `dev/web` has built into the program. Without them it is a program, too: one
//! that says how to build them.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

/// Where the page of terminals is built.
const TERMINAL: &str = "../web/terminal/dist";
/// Where it isn't built yet; watched until it is.
const SOURCES: &str = "../web/terminal";

fn main() -> io::Result<()> {
    let built = Path::new(TERMINAL);
    let mut files = Vec::new();
    if built.is_dir() {
        println!("cargo::rerun-if-changed={TERMINAL}");
        collect(&built.canonicalize()?, &mut files)?;
        files.sort();
    } else {
        println!("cargo::rerun-if-changed={SOURCES}");
    }
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    fs::write(Path::new(&out).join("terminal_files.rs"), table(built, &files)?)
}

/// The files below a folder. Those whose names begin with a dot are the build's own.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Source text: the paths as a browser asks for them, and what is in the files.
fn table(built: &Path, files: &[PathBuf]) -> io::Result<String> {
    let mut text = String::from("&[\n");
    for file in files {
        let below = file.strip_prefix(built.canonicalize()?);
        let name = below.map_err(io::Error::other)?.display().to_string();
        let place = file.display().to_string();
        let line = writeln!(text, "    (\"/\", {name:?}, include_bytes!({place:?})),");
        line.map_err(io::Error::other)?;
    }
    text.push_str("]\n");
    Ok(text)
}
