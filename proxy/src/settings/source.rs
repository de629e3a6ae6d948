//! Where the values of settings come from: the environment first, then `spaceport.toml`.

use std::{collections::BTreeMap, fs, io, path::PathBuf};

/// What every environment variable of Spaceport begins with.
pub(super) const PREFIX: &str = "SPACEPORT_";
/// The file that is read when `SPACEPORT_CONFIG` names no other.
const DEFAULT_FILE: &str = "spaceport.toml";

/// The raw settings, before anything is understood of them.
#[derive(Clone, Debug, Default)]
pub struct Source {
    environment: BTreeMap<String, String>,
    file: toml::Table,
}

impl Source {
    /// The process's environment and its file.
    ///
    /// # Errors
    /// The file is unreadable or no TOML. A file that nobody named may be absent.
    pub fn of_process() -> Result<Self, String> {
        let environment: BTreeMap<_, _> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
            .collect();
        let named = environment.get("SPACEPORT_CONFIG").map(PathBuf::from);
        let path = named.clone().unwrap_or_else(|| DEFAULT_FILE.into());
        let file = match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text)
                .map_err(|error| format!("{} is no TOML: {error}", path.display()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {
                toml::Table::new()
            }
            Err(error) => return Err(format!("{} can't be read: {error}", path.display())),
        };
        Ok(Self { environment, file })
    }

    /// Variables as the environment would hold them, and a file's table.
    pub fn new<'a>(
        environment: impl IntoIterator<Item = (&'a str, &'a str)>,
        file: toml::Table,
    ) -> Self {
        let environment = environment
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self { environment, file }
    }

    /// The text of the setting `key` (`EDGE_LISTEN`), and where it was found for messages.
    ///
    /// An empty variable counts as absent: that is how compose files spell "not set".
    pub(super) fn get(&self, key: &str) -> Result<Option<Found>, String> {
        let variable = format!("{PREFIX}{key}");
        if let Some(text) = self.environment.get(&variable).filter(|it| !it.is_empty()) {
            return Ok(Some(Found {
                text: text.clone(),
                place: variable,
            }));
        }
        let entry = key.to_ascii_lowercase();
        let text = match self.file.get(&entry) {
            None => return Ok(None),
            Some(toml::Value::String(text)) => text.clone(),
            Some(toml::Value::Integer(number)) => number.to_string(),
            Some(toml::Value::Float(number)) => number.to_string(),
            Some(toml::Value::Boolean(yes)) => yes.to_string(),
            Some(other) => {
                return Err(format!(
                    "{entry} in the settings file is {}, not a plain value",
                    other.type_str()
                ));
            }
        };
        Ok(Some(Found {
            text,
            place: format!("{entry} in the settings file"),
        }))
    }

    /// Names of settings that begin like the edge's own, as their key without the prefix.
    pub(super) fn keys_beginning_with(&self, beginning: &str) -> Vec<String> {
        let variables = self
            .environment
            .keys()
            .filter_map(|name| name.strip_prefix(PREFIX))
            .map(str::to_owned);
        let entries = self.file.keys().map(|entry| entry.to_ascii_uppercase());
        variables
            .chain(entries)
            .filter(|key| key.starts_with(beginning))
            .collect()
    }
}

/// One setting's text.
pub(super) struct Found {
    /// What was written.
    pub(super) text: String,
    /// Where, for a message about it.
    pub(super) place: String,
}
