//! `spaceport cp`.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;

use crate::{
    copy::{
        destination::{self, Destination},
        download::Download,
        listing::Kind,
        operand::{Operand, RemotePath},
        progress::{Copied, Progress},
        remote::Remote,
        upload::Upload,
    },
    edge::Place,
    failure::Failure,
    session::Session,
};

/// The app that serves files.
const APP: &str = "files";

/// Copies files to a space or from one, with their modes and times. Every byte is verified by a
/// checksum. What broke off goes on where it did, when it is run again.
#[derive(Debug, Args)]
#[command(
    after_help = "A path in a space is <space>:<path>; relative ones begin in the home directory.\n\
        \n\
        spaceport cp notes.txt lab:\n\
        spaceport cp -r lab:/var/log logs\n\
        spaceport cp -r src ada/lab:work/"
)]
pub struct Cp {
    /// What to copy.
    #[arg(required = true)]
    from: Vec<OsString>,
    /// Where to: a directory gets what is copied into it.
    to: OsString,
    /// Copy directories with everything in them. Symbolic links are copied as links.
    #[arg(long, short)]
    recursive: bool,
}

/// Does it.
pub async fn run(session: &Session, cp: &Cp) -> Result<(), Failure> {
    let read =
        |text: &OsStr| Operand::parse(text).map_err(|error| Failure::usage(error.to_string()));
    let from: Vec<Operand> = cp
        .from
        .iter()
        .map(|it| read(it))
        .collect::<Result<_, _>>()?;
    let to = read(&cp.to)?;
    let progress = Arc::new(Progress::begin(session.output));
    let mut all = Copied::default();
    for source in &from {
        let copy = Copy {
            is_recursive: cp.recursive,
            into_directory: from.len() > 1,
            progress: &progress,
        };
        let copied = match (source, &to) {
            (Operand::Remote(space, path), Operand::Local(to)) => {
                let remote = Remote {
                    place: Place::new(session, space, APP),
                };
                copy.download(&remote, path, to).await?
            }
            (Operand::Local(path), Operand::Remote(space, to)) => {
                let remote = Remote {
                    place: Place::new(session, space, APP),
                };
                copy.upload(&remote, path, to).await?
            }
            (Operand::Local(_), Operand::Local(_)) => {
                return Err(Failure::usage("neither side is a space")
                    .hint("a path in a space is <space>:<path>"));
            }
            (Operand::Remote(..), Operand::Remote(..)) => {
                return Err(Failure::usage("only one side may be a space")
                    .hint("copy to this machine first"));
            }
        };
        all = Copied {
            directories: all.directories + copied.directories,
            symlinks: all.symlinks + copied.symlinks,
            skipped: all.skipped + copied.skipped,
            ..all
        };
    }
    let all = progress.end(all);
    session.output.done(&all, &all.sentence())
}

/// One copy.
struct Copy<'a> {
    is_recursive: bool,
    /// There are several, so that where they go must be a directory.
    into_directory: bool,
    progress: &'a Arc<Progress>,
}

impl Copy<'_> {
    async fn download(
        &self,
        remote: &Remote<'_>,
        path: &RemotePath,
        to: &Path,
    ) -> Result<Copied, Failure> {
        let space = &remote.place.space;
        let found = remote.find(path).await?;
        let found = found
            .ok_or_else(|| Failure::not_found(format!("{space}:{path}: there is no such file")))?;
        let is_directory = destination::is_directory(to);
        if !is_directory && (self.into_directory || to.as_os_str().as_bytes().ends_with(b"/")) {
            return Err(not_a_directory(to.display()));
        }
        let download = Download {
            remote,
            progress: self.progress,
        };
        match found.kind {
            Kind::File(size) => {
                self.progress.expect(size);
                let (directory, name) = if is_directory {
                    let name = path.name().ok_or_else(|| nameless(path))?;
                    (to.to_owned(), name)
                } else {
                    split(to)?
                };
                let opened = Destination::open(&directory);
                let opened = opened.map_err(|error| Failure::io(directory.display(), &error))?;
                let names = vec![name.as_bytes().to_owned()];
                download.file(path, &opened, &names).await?;
                Ok(Copied::default())
            }
            Kind::Directory => {
                self.require_recursive(&format!("{space}:{path}"))?;
                let name = path.name().filter(|_| is_directory);
                let attributes = found.attributes;
                download.tree(path, attributes, to, name.as_deref()).await
            }
            Kind::Symlink(_) | Kind::Other => Err(not_a_file(format!("{space}:{path}"))),
        }
    }

    async fn upload(
        &self,
        remote: &Remote<'_>,
        from: &Path,
        to: &RemotePath,
    ) -> Result<Copied, Failure> {
        let metadata = std::fs::metadata(from);
        let metadata = metadata.map_err(|error| {
            let failure = Failure::io(from.display(), &error);
            if error.kind() == std::io::ErrorKind::NotFound {
                Failure::not_found(failure.message())
            } else {
                failure
            }
        })?;
        let there = remote.find(to).await?.map(|it| it.kind);
        let is_directory = there == Some(Kind::Directory);
        if !is_directory && (self.into_directory || to.is_directory) {
            return Err(not_a_directory(format!("{}:{to}", remote.place.space)));
        }
        let to = if is_directory {
            to.join(name_of(from)?.as_bytes())
        } else {
            to.clone()
        };
        let upload = Upload {
            remote,
            progress: self.progress,
        };
        if metadata.is_dir() {
            self.require_recursive(&from.display().to_string())?;
            return upload.tree(from, &to).await;
        }
        if !metadata.is_file() {
            return Err(not_a_file(from.display()));
        }
        self.progress.expect(metadata.len());
        upload.file(from, &to).await?;
        Ok(Copied::default())
    }

    fn require_recursive(&self, what: &str) -> Result<(), Failure> {
        if self.is_recursive {
            return Ok(());
        }
        let message = format!("{what} is a directory");
        Err(Failure::refused("IS_A_DIRECTORY", message).hint("-r copies directories"))
    }
}

/// The directory a local path is in, and its name there.
fn split(path: &Path) -> Result<(PathBuf, OsString), Failure> {
    let name = path.file_name().ok_or_else(|| not_a_file(path.display()))?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    Ok((directory, name.to_owned()))
}

/// What a local path is called; `.` and `..` have names, too.
fn name_of(path: &Path) -> Result<OsString, Failure> {
    if let Some(name) = path.file_name() {
        return Ok(name.to_owned());
    }
    let real = path.canonicalize();
    let real = real.map_err(|error| Failure::io(path.display(), &error))?;
    let name = real.file_name().map(OsStr::to_owned);
    name.ok_or_else(|| Failure::usage(format!("{} has no name", path.display())))
}

fn nameless(path: &RemotePath) -> Failure {
    Failure::usage(format!("{path} has no name"))
}

fn not_a_directory(what: impl std::fmt::Display) -> Failure {
    Failure::refused("NOT_A_DIRECTORY", format!("{what} is no directory"))
}

fn not_a_file(what: impl std::fmt::Display) -> Failure {
    Failure::refused("NOT_A_FILE", format!("{what} is no file"))
}
