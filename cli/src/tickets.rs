//! What the edge knows this user by, one for each app of each space.
//!
//! They are kept in `$XDG_CACHE_HOME/spaceport/tickets.json`, which only its owner reads, so that what
//! was entered can be entered again while the API is away. The edge says when one holds no longer.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{config, failure::Failure, private_file};

/// The most that are kept; those entered longest ago go first.
const TICKETS_MAX: usize = 500;
/// Hexadecimal digits of a token's hash that tell users of one installation apart.
const OWNER_DIGITS: usize = 16;

/// How an app is entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The host and the port at the edge.
    pub authority: String,
    /// The cookie: its name and value.
    pub cookie: String,
    /// Counts up; the newest has the highest.
    #[serde(default)]
    number: u64,
}

/// All of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tickets(BTreeMap<String, Ticket>);

/// What a ticket is for.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The API's address.
    pub url: &'a str,
    /// The token with which it is asked.
    pub token: &'a str,
    /// The space as it was named.
    pub space: &'a str,
    /// The app.
    pub app: &'a str,
}

impl Key<'_> {
    /// Names the token by its hash alone.
    fn text(self) -> String {
        let hash = blake3::hash(self.token.as_bytes()).to_hex();
        let owner = hash.get(..OWNER_DIGITS).unwrap_or_default();
        let Self {
            url, space, app, ..
        } = self;
        format!("{url} {owner} {space} {app}")
    }
}

impl Ticket {
    /// A ticket as it was just given.
    pub fn new(authority: String, cookie: String) -> Self {
        Self {
            authority,
            cookie,
            number: 0,
        }
    }
}

impl Tickets {
    /// Those that are kept. A file that can't be read is as good as none.
    pub fn load() -> Self {
        let text = path().ok().and_then(|path| private_file::read(&path).ok());
        let text = text.flatten().unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The one for `key`.
    pub fn get(&self, key: Key<'_>) -> Option<&Ticket> {
        self.0.get(&key.text())
    }

    /// Keeps one more. Who can't write the file does without.
    pub fn keep(key: Key<'_>, ticket: &Ticket) {
        let mut all = Self::load();
        all.insert(key, ticket);
        if let (Ok(path), Ok(text)) = (path(), serde_json::to_vec(&all)) {
            let _ = private_file::replace(&path, &text);
        }
    }

    fn insert(&mut self, key: Key<'_>, ticket: &Ticket) {
        let newest = self.0.values().map(|it| it.number).max();
        let ticket = Ticket {
            number: newest.map_or(0, |it| it + 1),
            ..ticket.clone()
        };
        self.0.insert(key.text(), ticket);
        while self.0.len() > TICKETS_MAX {
            let oldest = self.0.iter().min_by_key(|(_, it)| it.number);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            self.0.remove(&oldest);
        }
    }

    /// Forgets all of them.
    pub fn forget_all() -> Result<(), Failure> {
        let path = path()?;
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::io(path.display(), &error))
            }
            _ => Ok(()),
        }
    }
}

fn path() -> Result<PathBuf, Failure> {
    Ok(config::cache_dir()?.join("tickets.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_one_users_for_one_app_and_the_oldest_go_first() {
        let key = |token, app| Key {
            url: "https://a.example",
            token,
            space: "lab",
            app,
        };
        let ticket = |cookie: &str| Ticket::new("h:1".to_owned(), cookie.to_owned());
        let mut tickets = Tickets::default();
        tickets.insert(key("ada", "files"), &ticket("one"));
        assert!(tickets.get(key("bob", "files")).is_none());
        assert!(tickets.get(key("ada", "term")).is_none());
        assert_eq!(
            tickets.get(key("ada", "files")).map(|it| &*it.cookie),
            Some("one")
        );
        let apps: Vec<_> = (0..TICKETS_MAX).map(|it| it.to_string()).collect();
        for app in &apps {
            tickets.insert(key("ada", app), &ticket("more"));
        }
        assert_eq!(tickets.0.len(), TICKETS_MAX);
        assert!(tickets.get(key("ada", "files")).is_none());
        assert!(tickets.get(key("ada", "0")).is_some());
        let text = serde_json::to_string(&tickets).expect("JSON");
        assert!(!text.contains("ada"));
    }
}
