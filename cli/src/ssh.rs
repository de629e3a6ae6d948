//! What OpenSSH's client must know to reach spaces.

use std::{fmt::Write as _, path::PathBuf};

use http::{Request, StatusCode, Uri};
use serde::Deserialize;

use crate::{
    config,
    failure::{Failure, Kind},
    http::{self as client, Http},
    private_file,
};

/// The edge's host keys for SSH, on every host of its own, for everybody.
const HOST_KEYS_PATH: &str = "/.spaceport/ssh-host-keys";
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// The usual port (RFC 4253 §4.1).
const SSH_PORT: u16 = 22;

/// A space as OpenSSH reaches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The edge.
    pub name: String,
    /// Its port.
    pub port: u16,
    /// The user name that stands for the space.
    pub user: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HostKeys {
    host_keys: Vec<String>,
}

impl Host {
    /// Takes a URL such as `ssh://lab--ada@spaceport.example:2222` apart. What is in it becomes part
    /// of commands and files, so nothing but plain names is taken.
    pub fn read(url: &str) -> Result<Self, Failure> {
        let unclear = || Failure::refused("UNTRUSTED", format!("{url} is no address for SSH"));
        let uri: Uri = url.parse().map_err(|_| unclear())?;
        let authority = uri.authority().ok_or_else(unclear)?;
        let (user, _) = authority.as_str().split_once('@').ok_or_else(unclear)?;
        let host = authority.host();
        let is_plain = |text: &str, more: &str| {
            let mut characters = text.chars();
            !text.is_empty()
                && !text.starts_with('-')
                && characters.all(|it| it.is_ascii_alphanumeric() || more.contains(it))
        };
        let is_ssh = uri.scheme_str() == Some("ssh");
        if !is_ssh || !is_plain(user, "-") || !is_plain(host.trim_matches(['[', ']']), "-.:") {
            return Err(unclear());
        }
        Ok(Self {
            name: host.trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(SSH_PORT),
            user: user.to_owned(),
        })
    }

    /// How files of known hosts name it (sshd(8), on the format of `ssh_known_hosts`).
    fn known_as(&self) -> String {
        if self.port == SSH_PORT {
            self.name.clone()
        } else {
            format!("[{}]:{}", self.name, self.port)
        }
    }
}

/// Where the edge's host keys are kept: a file of our own, so that nobody's is touched.
pub fn known_hosts_path() -> Result<PathBuf, Failure> {
    Ok(config::config_dir()?.join("known_hosts"))
}

/// Asks the edge for its host keys, over TLS, and keeps them as those of `host`. So OpenSSH never asks
/// whether a key is right, and never takes another one. `app_url` is any page of the edge.
pub async fn pin(http: &Http, host: &Host, app_url: &str) -> Result<(), Failure> {
    let keys = host_keys(http, app_url).await?;
    let path = known_hosts_path()?;
    let io = |error: std::io::Error| Failure::io(path.display(), &error);
    let before = private_file::read(&path).map_err(io)?.unwrap_or_default();
    let after = with_keys(&before, &host.known_as(), &keys);
    if after != before {
        private_file::replace(&path, after.as_bytes()).map_err(io)?;
    }
    Ok(())
}

async fn host_keys(http: &Http, app_url: &str) -> Result<Vec<String>, Failure> {
    let uri: Option<Uri> = app_url.parse().ok();
    let authority = uri.as_ref().and_then(Uri::authority);
    let authority =
        authority.ok_or_else(|| Failure::unreachable("the API doesn't say where the edge is"))?;
    let request = Request::get(client::https(authority, HOST_KEYS_PATH)?)
        .body(client::empty())
        .map_err(|error| Failure::refused("INVALID_URL", error.to_string()))?;
    let response = http.send(request).await?;
    if response.status() != StatusCode::OK {
        let message = "this edge has no SSH server, or one that doesn't tell its host keys";
        return Err(Failure::new(Kind::Unreachable, "NO_SSH", message));
    }
    let body = client::read_whole(response.into_body(), ANSWER_BYTES_MAX).await?;
    let told: HostKeys = serde_json::from_slice(&body)
        .map_err(|error| Failure::refused("UNTRUSTED", format!("the edge's host keys: {error}")))?;
    let keys: Vec<_> = told.host_keys.into_iter().filter(|it| is_key(it)).collect();
    if keys.is_empty() {
        return Err(Failure::refused("UNTRUSTED", "the edge tells no host key"));
    }
    Ok(keys)
}

/// Whether a text is the algorithm and the base64 of a key, so that it stays one entry of one line.
fn is_key(text: &str) -> bool {
    let is_plain = |it: &str| {
        let mut characters = it.chars();
        !it.is_empty() && characters.all(|it| it.is_ascii_alphanumeric() || "+/=-@.".contains(it))
    };
    match text.split(' ').collect::<Vec<_>>()[..] {
        [algorithm, key] => is_plain(algorithm) && is_plain(key) && !algorithm.starts_with('@'),
        _ => false,
    }
}

/// A file of known hosts in which `host` has exactly these keys.
fn with_keys(before: &str, host: &str, keys: &[String]) -> String {
    let others = before
        .lines()
        .filter(|line| line.split(' ').next() != Some(host));
    let mut after = String::new();
    for line in others {
        // Writing to a string can't fail.
        let _ = writeln!(after, "{line}");
    }
    for key in keys {
        let _ = writeln!(after, "{host} {key}");
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_become_part_of_commands() {
        let host = Host::read("ssh://lab--ada@spaceport.example:2222").expect("a host");
        assert_eq!(host.known_as(), "[spaceport.example]:2222");
        assert_eq!(host.user, "lab--ada");
        assert_eq!(Host::read("ssh://a@b").expect("a host").known_as(), "b");
        assert_eq!(
            Host::read("ssh://a@[::1]:2222").expect("a host").name,
            "::1"
        );
        for bad in [
            "https://a@b",
            "ssh://b",
            "ssh://-oProxyCommand=x@b",
            "ssh://a@-b",
            "ssh://a b@c",
            "ssh://a%20b@c",
            "ssh://a;b@c",
            "",
        ] {
            assert!(Host::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_host_has_the_keys_it_told_last_and_others_keep_theirs() {
        let key = |text: &str| vec![format!("ssh-ed25519 {text}")];
        let first = with_keys("", "[a]:2222", &key("AAAA"));
        let second = with_keys(&first, "[b]:2222", &key("BBBB"));
        let third = with_keys(&second, "[a]:2222", &key("CCCC"));
        assert_eq!(
            third,
            "[b]:2222 ssh-ed25519 BBBB\n[a]:2222 ssh-ed25519 CCCC\n"
        );
        assert_eq!(with_keys(&third, "[a]:2222", &key("CCCC")), third);
    }

    #[test]
    fn a_key_is_one_entry_of_one_line() {
        assert!(is_key("ssh-ed25519 AAAAC3Nz+/="));
        for bad in [
            "",
            "ssh-ed25519",
            "a b c",
            "a b\nc d",
            "@cert-authority AAAA",
            "a  b",
        ] {
            assert!(!is_key(bad), "{bad}");
        }
    }
}
