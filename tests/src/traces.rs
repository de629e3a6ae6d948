//! What an installation leaves on the machine, and its removal.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::database::host_output;

/// Removes everything of one installation when dropped, also after a panic. What even that misses,
/// because the tests were killed, `dev/sweep` finds by the process in the names.
pub struct Traces {
    /// The engine, when it isn't the machine's: `unix://…`.
    pub docker_host: Option<String>,
    /// The label of what is in the engine.
    pub installation: String,
    /// Where enforced volumes are kept and mounted.
    pub volumes_dir: PathBuf,
    /// The directory that goes as a whole.
    pub directory: PathBuf,
}

impl Drop for Traces {
    fn drop(&mut self) {
        let script = r"
            label=label=spaceport.installation=$1
            docker ps -aq --filter $label | xargs -r docker rm -fv
            docker ps -aq --filter label=spaceport.test=$1 | xargs -r docker rm -fv
            docker volume ls -q --filter $label | xargs -r docker volume rm
            docker network ls -q --filter $label | xargs -r docker network rm
            docker image prune --force --filter label=spaceport.test=$1
        ";
        let mut sweep = Command::new("sh");
        sweep.args(["-c", script, "sh", &self.installation]);
        if let Some(host) = &self.docker_host {
            sweep.env("DOCKER_HOST", host);
        }
        if let Err(error) = sweep.output() {
            eprintln!("{} isn't swept: {error}", self.installation);
        }
        remove_rules(&self.installation);
        remove_mounts(&self.volumes_dir);
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// The packet rules of an installation's network: what leads into its chains, and they.
fn remove_rules(installation: &str) {
    let comment = format!("--comment spaceport-{installation} ");
    for program in ["iptables", "ip6tables"] {
        let rules = host_output(program, &["-w", "-S"]);
        let mut chains = Vec::new();
        for hook in rules.lines().filter(|rule| rule.contains(&comment)) {
            let words: Vec<&str> = hook.split(' ').collect();
            host_output(program, &[&["-w", "-D"], &words[1..]].concat());
            chains.push(words[words.len() - 1]);
        }
        for chain in chains {
            host_output(program, &["-w", "-F", chain]);
            host_output(program, &["-w", "-X", chain]);
        }
    }
}

fn remove_mounts(volumes_dir: &Path) {
    for entry in std::fs::read_dir(volumes_dir)
        .into_iter()
        .flatten()
        .flatten()
    {
        if entry.path().is_dir() {
            host_output("umount", &[&entry.path().to_string_lossy()]);
        }
    }
}
