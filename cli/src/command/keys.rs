//! `spaceport keys`.

use std::{fs, io::Read, path::PathBuf};

use clap::Subcommand;

use crate::{
    api::{
        operations::{
            AddKey, ListKeys, RemoveKey, add_key,
            list_keys::{self, ListKeysViewerSshKeys},
            remove_key,
        },
        require,
    },
    config,
    failure::Failure,
    output::Table,
    session::Session,
};

/// The longest file that is read for a key.
const KEY_BYTES_MAX: u64 = 64 << 10;
/// Where OpenSSH looks for keys, in the order of what is best kept today.
const USUAL_KEYS: [&str; 3] = ["id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"];

/// What is done with keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List your SSH keys.
    #[command(visible_alias = "list")]
    Ls,
    /// Add a public key, by default the one that OpenSSH uses.
    Add {
        /// A file of one public key; `-` is standard input.
        file: Option<PathBuf>,
        /// What to call it; the key's comment when nothing is said.
        #[arg(long)]
        name: Option<String>,
    },
    /// Remove a key. It lets nobody in any more.
    #[command(visible_alias = "remove")]
    Rm {
        /// The key's name, fingerprint or identifier.
        key: String,
    },
}

/// Does it.
pub async fn run(session: &Session, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Ls => {
            let keys = list(session).await?;
            session.output.show(&keys, |keys| {
                let row = |key: &ListKeysViewerSshKeys| {
                    vec![
                        key.name.clone(),
                        key.algorithm.clone(),
                        key.fingerprint.clone(),
                        key.last_used_at.clone().unwrap_or_default(),
                    ]
                };
                Table::new(&["NAME", "ALGORITHM", "FINGERPRINT", "LAST USED"])
                    .rows(keys.iter().map(row))
            })
        }
        Command::Add { file, name } => add(session, file.clone(), name.clone()).await,
        Command::Rm { key } => remove(session, key).await,
    }
}

async fn list(session: &Session) -> Result<Vec<ListKeysViewerSshKeys>, Failure> {
    let data = session.api.ask(ListKeys, list_keys::Variables {}).await?;
    Ok(data.viewer.ssh_keys.unwrap_or_default())
}

async fn add(
    session: &Session,
    file: Option<PathBuf>,
    name: Option<String>,
) -> Result<(), Failure> {
    let file = match file {
        Some(file) => file,
        None => usual_key()?,
    };
    let public_key = read(&file)?;
    let comment = public_key.split_whitespace().nth(2).map(str::to_owned);
    let stem = file.file_stem().map(|it| it.to_string_lossy().into_owned());
    let name = name
        .or(comment)
        .or(stem)
        .unwrap_or_else(|| "key".to_owned());
    let input = add_key::AddSshKeyInput { name, public_key };
    let payload = session
        .api
        .ask(AddKey, add_key::Variables { input })
        .await?;
    let payload = payload.add_ssh_key;
    let key = require(payload.ssh_key, payload.problems)?;
    let sentence = format!("Added {} ({})", key.name, key.fingerprint);
    session.output.done(&key, &sentence)
}

fn usual_key() -> Result<PathBuf, Failure> {
    let folder = config::home_dir()?.join(".ssh");
    let mut usual = USUAL_KEYS.iter().map(|name| folder.join(name));
    usual.find(|path| path.exists()).ok_or_else(|| {
        let message = format!("there is no public key in {}", folder.display());
        Failure::not_found(message).hint("make one with `ssh-keygen -t ed25519`, or name a file")
    })
}

fn read(path: &PathBuf) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin()
            .take(KEY_BYTES_MAX)
            .read_to_string(&mut text)
    } else {
        fs::File::open(path).and_then(|file| file.take(KEY_BYTES_MAX).read_to_string(&mut text))
    };
    read.map_err(|error| Failure::io(path.display(), &error))?;
    if text.contains("PRIVATE KEY") {
        let message = format!("{} is a private key, which stays here", path.display());
        return Err(Failure::usage(message).hint("name the file that ends in .pub"));
    }
    Ok(text.trim().to_owned())
}

async fn remove(session: &Session, wanted: &str) -> Result<(), Failure> {
    let keys = list(session).await?;
    let is_meant = |key: &&ListKeysViewerSshKeys| {
        [&key.id, &key.fingerprint, &key.name].contains(&&wanted.to_owned())
    };
    let meant: Vec<_> = keys.iter().filter(is_meant).collect();
    let [key] = meant[..] else {
        return Err(match meant.len() {
            0 => Failure::not_found(format!("you have no key {wanted}"))
                .hint("`spaceport keys ls` lists them"),
            _ => Failure::usage(format!("several keys are called {wanted}"))
                .hint("name one by its fingerprint"),
        });
    };
    let input = remove_key::SshKeyIdInput {
        key_id: key.id.clone(),
    };
    let variables = remove_key::Variables { input };
    let payload = session.api.ask(RemoveKey, variables).await?.remove_ssh_key;
    let key = require(payload.ssh_key, payload.problems)?;
    let sentence = format!("Removed {} ({})", key.name, key.fingerprint);
    session.output.done(&key, &sentence)
}
