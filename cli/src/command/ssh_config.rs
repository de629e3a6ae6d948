//! `spaceport ssh-config`.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, str::FromStr};

use clap::Args;
use serde::Serialize;
use spaceport_domain::name::{NameError, SpaceName, UserName};

use crate::{
    api::operations::{
        ListSshHosts, Viewer,
        list_ssh_hosts::{self, ListSshHostsSpacesNodes},
        spelled, viewer,
    },
    config,
    failure::Failure,
    output::write_out,
    private_file,
    session::Session,
    ssh::{self, Host},
};

/// Writes OpenSSH's configuration for your spaces, so that `ssh lab.spaceport`, `scp`, `rsync` and
/// editors reach them. A shared space is `<space>.<owner>.spaceport`.
#[derive(Debug, Args)]
pub struct SshConfig {
    /// Write it to a file of its own, and have `~/.ssh/config` include that.
    #[arg(long)]
    install: bool,
}

/// A space by the names it gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    aliases: Vec<String>,
    host_name: String,
    port: u16,
    user: String,
}

/// Does it.
pub async fn run(session: &Session, arguments: &SshConfig) -> Result<(), Failure> {
    let me = session.api.ask(Viewer, viewer::Variables {}).await?;
    let spaces = spaces(session).await?;
    let entries = entries(&spaces, &me.viewer.user_name)?;
    if let (Some(entry), Some(url)) = (entries.first(), app_url(&spaces)) {
        let host = Host {
            name: entry.host_name.clone(),
            port: entry.port,
            user: entry.user.clone(),
        };
        ssh::pin(&session.api.http, &host, &url).await?;
    }
    let known_hosts = ssh::known_hosts_path()?;
    let text = rendered(&entries, &known_hosts);
    if !arguments.install {
        if session.output.is_json() {
            return crate::output::json(&entries);
        }
        return write_out(&text);
    }
    let path = config::config_dir()?.join("ssh_config");
    let io = |error: std::io::Error| Failure::io(path.display(), &error);
    private_file::replace(&path, text.as_bytes()).map_err(io)?;
    let theirs = config::home_dir()?.join(".ssh").join("config");
    include(&theirs, &path).map_err(|error| Failure::io(theirs.display(), &error))?;
    let sentence = format!("{} spaces are in {}", entries.len(), path.display());
    session.output.done(&entries, &sentence)
}

async fn spaces(session: &Session) -> Result<Vec<ListSshHostsSpacesNodes>, Failure> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let variables = list_ssh_hosts::Variables { after };
        let page = session.api.ask(ListSshHosts, variables).await?.spaces;
        all.extend(page.nodes);
        after = page.page_info.end_cursor;
        if !page.page_info.has_next_page || after.is_none() {
            return Ok(all);
        }
    }
}

/// Any page of the edge.
fn app_url(spaces: &[ListSshHostsSpacesNodes]) -> Option<String> {
    let features = spaces.iter().flat_map(|it| &it.features);
    let mut urls = features.filter_map(|it| it.url.as_ref());
    urls.find(|it| it.starts_with("https://")).cloned()
}

/// The entries of the spaces that `me` reaches by SSH. A short name is one's own space, or the only
/// one of that name. What the API calls them becomes part of a file that OpenSSH believes, so nothing
/// but names is taken.
fn entries(spaces: &[ListSshHostsSpacesNodes], me: &str) -> Result<Vec<Entry>, Failure> {
    let reached = spaces.iter().filter_map(|space| {
        let mut features = space.features.iter();
        let ssh = features.find(|it| it.available && spelled(&it.feature) == "SSH")?;
        Some((space, ssh.url.as_ref()?))
    });
    let reached: Vec<_> = reached.collect();
    let mut names: BTreeMap<&str, u32> = BTreeMap::new();
    for (space, _) in &reached {
        *names.entry(&space.name).or_default() += 1;
    }
    let is_mine = |space: &ListSshHostsSpacesNodes| space.owner.user_name == me;
    reached
        .iter()
        .map(|(space, url)| {
            let host = Host::read(url)?;
            let name = named::<SpaceName>(&space.name)?;
            let owner = named::<UserName>(&space.owner.user_name)?;
            let is_short = is_mine(space) || names.get(name.as_str()) == Some(&1);
            let short = is_short.then(|| format!("{name}.spaceport"));
            let full = format!("{name}.{owner}.spaceport");
            Ok(Entry {
                aliases: short.into_iter().chain([full]).collect(),
                host_name: host.name,
                port: host.port,
                user: host.user,
            })
        })
        .collect()
}

fn named<Name: FromStr<Err = NameError>>(text: &str) -> Result<Name, Failure> {
    text.parse().map_err(|error| {
        let message = format!("the API names a space or an owner {text:?}, which {error}");
        Failure::refused("UNTRUSTED", message)
    })
}

fn rendered(entries: &[Entry], known_hosts: &Path) -> String {
    let mut text = String::from("# Written by `spaceport ssh-config`: changes are lost.\n");
    for entry in entries {
        let Entry {
            aliases,
            host_name,
            port,
            user,
        } = entry;
        // Writing to a string can't fail.
        let _ = write!(
            text,
            "\nHost {aliases}\n  HostName {host_name}\n  Port {port}\n  User {user}\n  \
             UserKnownHostsFile \"{known_hosts}\"\n  GlobalKnownHostsFile none\n  \
             StrictHostKeyChecking yes\n  UpdateHostKeys no\n",
            aliases = aliases.join(" "),
            known_hosts = known_hosts.display(),
        );
    }
    text
}

/// Has the configuration at `theirs` include the file `ours`, in front of everything: behind a `Host`
/// the line would count for that host alone.
fn include(theirs: &Path, ours: &Path) -> std::io::Result<()> {
    // A link to the file somebody keeps elsewhere stays one.
    let theirs = fs::canonicalize(theirs).unwrap_or_else(|_| theirs.to_owned());
    let before = private_file::read(&theirs)?.unwrap_or_default();
    let line = format!("Include \"{}\"", ours.display());
    if before.lines().any(|it| it.trim() == line) {
        return Ok(());
    }
    let separator = if before.is_empty() { "" } else { "\n" };
    private_file::replace(&theirs, format!("{line}\n{separator}{before}").as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn space(name: &str, owner: &str) -> ListSshHostsSpacesNodes {
        let url = format!("ssh://{name}--{owner}@localhost:2222");
        let space = json!({ "name": name, "owner": { "userName": owner },
            "features": [{ "feature": "SSH", "available": true, "url": url }] });
        serde_json::from_value(space).expect("a space")
    }

    #[test]
    fn a_short_name_is_ones_own_or_the_only_one() {
        let spaces = [
            space("lab", "bob"),
            space("lab", "ada"),
            space("web", "bob"),
        ];
        let entries = entries(&spaces, "ada").expect("entries");
        let aliases: Vec<_> = entries.iter().map(|it| it.aliases.join(" ")).collect();
        assert_eq!(
            aliases,
            [
                "lab.bob.spaceport",
                "lab.spaceport lab.ada.spaceport",
                "web.spaceport web.bob.spaceport"
            ]
        );
        assert_eq!(entries[1].user, "lab--ada");
    }

    #[test]
    fn nothing_but_names_becomes_part_of_the_configuration() {
        let aliased = |name: &str, owner: &str| {
            let mut space = space("lab", "ada");
            space.name = name.to_owned();
            space.owner.user_name = owner.to_owned();
            entries(&[space], "ada")
        };
        assert!(aliased("lab", "ada").is_ok());
        for bad in [
            "",
            "*",
            "!lab",
            "lab *",
            "a.b",
            "\"lab\"",
            "#",
            "lab\n  ProxyCommand sh -c true\nHost *",
            "lab\n",
            "-lab",
        ] {
            let refused = [aliased(bad, "ada"), aliased("lab", bad)];
            for refused in refused {
                let code = refused.expect_err(bad).code().to_owned();
                assert_eq!(code, "UNTRUSTED", "{bad}");
            }
        }
    }

    #[test]
    fn a_configuration_is_included_once_and_keeps_what_it_has() {
        let scratch = std::env::temp_dir().join(format!("spaceport-ssh-{}", std::process::id()));
        let theirs = scratch.join("config");
        fs::create_dir_all(&scratch).expect("a directory");
        fs::write(&theirs, "Host x\n  User y\n").expect("a file");
        let ours = Path::new("/c/ssh_config");
        include(&theirs, ours).expect("included");
        include(&theirs, ours).expect("included");
        let after = fs::read_to_string(&theirs);
        let _ = fs::remove_dir_all(&scratch);
        let expected = "Include \"/c/ssh_config\"\n\nHost x\n  User y\n";
        assert_eq!(after.expect("read"), expected);
    }
}
