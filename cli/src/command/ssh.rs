//! `spaceport ssh`.

use std::{ffi::OsString, os::unix::process::CommandExt, process};

use clap::Args;

use crate::{
    api::operations::{ListKeys, find_space::FindSpaceSpaceByName, list_keys, spelled},
    failure::Failure,
    place::SpaceRef,
    session::Session,
    ssh::{self, Host},
};

/// Opens a shell in a space by SSH, or runs a command there, with the OpenSSH client of this machine.
#[derive(Debug, Args)]
pub struct Ssh {
    /// The space.
    space: SpaceRef,
    /// More for `ssh`: its options, or a command.
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// Does it, and becomes `ssh`.
pub async fn run(session: &Session, ssh: &Ssh) -> Result<(), Failure> {
    let space = session.space(&ssh.space).await?;
    let host = host_of(&space, &ssh.space)?;
    let keys = session.api.ask(ListKeys, list_keys::Variables {}).await?;
    if keys.viewer.ssh_keys.is_some_and(|keys| keys.is_empty()) {
        let message = "you have no SSH key at this installation";
        return Err(
            Failure::refused("NO_SSH_KEY", message).hint("add yours with `spaceport keys add`")
        );
    }
    ssh::pin(&session.api.http, &host, &app_url(&space)?).await?;
    let known_hosts = ssh::known_hosts_path()?;
    // OpenSSH splits the value at spaces outside of quotes.
    let known_hosts = format!("UserKnownHostsFile=\"{}\"", known_hosts.display());
    let error = process::Command::new("ssh")
        .args(["-o", &known_hosts])
        .args(["-o", "GlobalKnownHostsFile=none"])
        .args(["-o", "StrictHostKeyChecking=yes"])
        .args(["-o", "UpdateHostKeys=no"])
        .args(["-p", &host.port.to_string()])
        .arg(format!("{}@{}", host.user, host.name))
        .args(&ssh.arguments)
        .exec();
    Err(Failure::io("ssh", &error).hint("install the OpenSSH client"))
}

/// Where a space is reached by SSH.
fn host_of(space: &FindSpaceSpaceByName, named: &SpaceRef) -> Result<Host, Failure> {
    let mut features = space.features.iter();
    let feature = features.find(|it| spelled(&it.feature) == "SSH");
    let url = feature.and_then(|it| it.url.as_deref());
    let reason = feature.and_then(|it| it.reason.as_ref()).map(spelled);
    url.map_or_else(
        || {
            let why = reason.unwrap_or_default().to_lowercase().replace('_', " ");
            let message = format!("you can't use SSH of {named} ({why})");
            Err(Failure::refused("FEATURE_DISABLED", message))
        },
        Host::read,
    )
}

/// Any page of the edge that the space has.
fn app_url(space: &FindSpaceSpaceByName) -> Result<String, Failure> {
    let features = space.features.iter().filter_map(|it| it.url.as_ref());
    let ports = space.ports.iter().filter_map(|it| it.url.as_ref());
    let mut urls = features
        .chain(ports)
        .filter(|it| it.starts_with("https://"));
    let message = "there is no page of the space by which the edge could prove its SSH host key";
    let missing = || Failure::refused("FEATURE_DISABLED", message);
    urls.next().cloned().ok_or_else(missing)
}
