//! The command line as it is typed.

use std::{env, ffi::OsString};

use clap::{Parser, Subcommand};

use crate::{
    command::{
        completion, cp, exec, forward, keys, login, open, share, space, ssh, ssh_config, template,
        tunnel,
    },
    output::{Format, Output},
    session::Wanted,
};

/// Spaces of Spaceport from the command line.
///
/// Exit statuses: 0 it was done; 1 it was refused or went wrong; 2 the command line makes no sense;
/// 3 nobody is signed in; 4 there is no such thing, or none for you; 5 the API, the edge or the space
/// can't be reached. `exec` and `ssh` end with the status of the program they ran.
#[derive(Debug, Parser)]
#[command(
    name = "spaceport",
    version,
    propagate_version = true,
    after_long_help = "SPACEPORT_TOKEN in the environment is used as a token, beside whoever is signed in."
)]
pub struct Arguments {
    /// What is said of the installation and of the output.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The variable that a token is read from. There is no option: other users of a machine see what is
/// on a command line.
const TOKEN_VARIABLE: &str = "SPACEPORT_TOKEN";

/// What every command takes.
#[derive(Debug, clap::Args)]
pub struct Global {
    /// The installation to use, as it was named at `login`.
    #[arg(long, short = 'i', global = true, value_name = "NAME")]
    installation: Option<String>,
    /// The address of the API, beside what is configured.
    #[arg(long, global = true, env = "SPACEPORT_URL", value_name = "URL")]
    url: Option<String>,
    /// A PEM file of authorities to believe, beside the system's.
    #[arg(long, global = true, env = "SPACEPORT_CA", value_name = "FILE")]
    ca: Option<OsString>,
    /// How results are printed.
    #[arg(
        long,
        short = 'o',
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    output: Format,
    /// Print results as JSON; the same as `--output json`.
    #[arg(long, global = true, conflicts_with = "output")]
    json: bool,
    /// Say nothing beside results.
    #[arg(long, short, global = true)]
    quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sign in to an installation.
    Login(login::Login),
    /// Sign out, and forget the installation's token.
    Logout(login::Logout),
    /// Show who is signed in, and where.
    Whoami,
    /// Templates of spaces.
    #[command(subcommand)]
    Template(template::Command),
    /// Make, run, watch and delete spaces.
    #[command(subcommand)]
    Space(space::Command),
    /// Open an app of a space in a browser.
    Open(open::Open),
    /// Open a shell in a space by SSH.
    Ssh(ssh::Ssh),
    /// Write OpenSSH's configuration for your spaces.
    SshConfig(ssh_config::SshConfig),
    /// Make ports of a space ports of this machine.
    Forward(forward::Forward),
    /// Copy files to a space or from one.
    Cp(cp::Cp),
    /// Run a program in a space.
    Exec(exec::ExecArguments),
    /// SSH keys with which you sign in to spaces.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Public hostnames of ports.
    #[command(subcommand)]
    Tunnel(tunnel::Command),
    /// Whom your spaces are shared with.
    #[command(subcommand)]
    Share(share::Command),
    /// Show what you use, and what you may use.
    Quota,
    /// Write the completion of a shell to standard output.
    Completion(completion::Completion),
}

impl Global {
    /// The installation that is meant.
    pub fn wanted(&self) -> Wanted {
        let given = |text: &Option<String>| text.clone().filter(|it| !it.is_empty());
        Wanted {
            installation: given(&self.installation),
            url: given(&self.url),
            token: env::var(TOKEN_VARIABLE).ok().filter(|it| !it.is_empty()),
            ca: self.ca.clone().filter(|it| !it.is_empty()).map(Into::into),
        }
    }

    /// Where results go.
    pub fn output(&self) -> Output {
        Output {
            format: if self.json { Format::Json } else { self.output },
            is_quiet: self.quiet,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
