//! `spaceport completion`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{arguments::Arguments, failure::Failure, output};

/// Writes the completion of a shell to standard output: `spaceport completion bash >
/// ~/.local/share/bash-completion/completions/spaceport`.
#[derive(Debug, Args)]
pub struct Completion {
    /// Which shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Does it.
pub fn run(arguments: &Completion) -> Result<(), Failure> {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "spaceport", &mut script);
    output::write_out(&String::from_utf8_lossy(&script))
}
