//! Puts the dashboard that `dev/web` has built into the program. Without it, it is a program, too: one
//! that says how to build the page.

use std::{env, fmt::Write as _, fs, io, path::Path};

/// Where the dashboard is built.
const DASHBOARD: &str = "../web/dashboard/dist";
/// Where it isn't built yet; watched until it is.
const SOURCES: &str = "../web/dashboard";

fn main() -> io::Result<()> {
    let built = Path::new(DASHBOARD);
    let mut files = Vec::new();
    if built.is_dir() {
        println!("cargo::rerun-if-changed={DASHBOARD}");
        collect(&built.canonicalize()?, "", &mut files)?;
        files.sort();
    } else {
        println!("cargo::rerun-if-changed={SOURCES}");
    }
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    fs::write(Path::new(&out).join("dashboard_files.rs"), table(&files)?)
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
