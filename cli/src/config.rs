//! What the command line remembers: the installations it knows, and who is signed in there.
//!
//! It is in `$XDG_CONFIG_HOME/spaceport/config.toml`, which only its owner reads, because it holds
//! tokens. What can be found out again is in `$XDG_CACHE_HOME/spaceport`.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{failure::Failure, private_file};

/// The folder of ours below each of the user's.
const FOLDER: &str = "spaceport";

/// The installations that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The name of the one that is meant when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// All of them, by name.
    pub installations: BTreeMap<String, Installation>,
}

/// An installation of Spaceport.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    /// Where its API is.
    pub url: String,
    /// A PEM file of authorities to believe it by, beside the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Who is signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The proof of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl Config {
    /// Reads the file; without one nothing is known.
    pub fn load() -> Result<Self, Failure> {
        let path = path()?;
        let text =
            private_file::read(&path).map_err(|error| Failure::io(path.display(), &error))?;
        let Some(text) = text else {
            return Ok(Self::default());
        };
        toml::from_str(&text).map_err(|error| {
            let message = format!("{}: {}", path.display(), error.message());
            Failure::refused("CONFIG", message)
                .hint("mend the file, or remove it and sign in again")
        })
    }

    /// Writes the file.
    pub fn save(&self) -> Result<(), Failure> {
        let path = path()?;
        let text =
            toml::to_string(self).map_err(|error| Failure::refused("CONFIG", error.to_string()))?;
        private_file::replace(&path, text.as_bytes())
            .map_err(|error| Failure::io(path.display(), &error))
    }
}

fn path() -> Result<PathBuf, Failure> {
    Ok(config_dir()?.join("config.toml"))
}

/// Where what the user configured is.
pub fn config_dir() -> Result<PathBuf, Failure> {
    directory("XDG_CONFIG_HOME", ".config")
}

/// Where what can be found out again is.
pub fn cache_dir() -> Result<PathBuf, Failure> {
    directory("XDG_CACHE_HOME", ".cache")
}

/// The user's home directory.
pub fn home_dir() -> Result<PathBuf, Failure> {
    env::home_dir()
        .filter(|home| home.is_absolute())
        .ok_or_else(|| Failure::refused("CONFIG", "there is no home directory: set HOME"))
}

/// Relative paths count for nothing (XDG Base Directory Specification, "Environment variables").
fn directory(variable: &str, below_home: &str) -> Result<PathBuf, Failure> {
    let set = env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let base = match set {
        Some(base) => base,
        None => home_dir()?.join(below_home),
    };
    Ok(base.join(FOLDER))
}

/// A path as it is kept: what it means doesn't change with the working directory.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
