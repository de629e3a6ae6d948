//! Programs of the host, run with a time limit.

use std::{env, process::Stdio, time::Duration};

use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

/// How long a program may take. Making a file system is the longest of what is asked.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// Where administrators' programs are, which the PATH of a user's shell may lack.
const ADMIN_PATHS: &str = "/usr/local/sbin:/usr/sbin:/sbin";

/// Why a program didn't do its work.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// It isn't installed, or can't be executed.
    #[error("{program} can't be run: {reason}")]
    NotRun {
        /// Its name.
        program: String,
        /// What the system says.
        reason: String,
    },
    /// It ended with an error.
    #[error("{program}: {message}")]
    Failed {
        /// Its name.
        program: String,
        /// What it wrote to standard error.
        message: String,
    },
}

/// Runs `program` and answers with what it wrote.
pub(super) async fn run(program: &str, args: &[&str]) -> Result<String, CommandError> {
    run_with_input(program, args, "").await
}

/// Runs `program` with `input` on its standard input and answers with what it wrote.
pub(super) async fn run_with_input(
    program: &str,
    args: &[&str],
    input: &str,
) -> Result<String, CommandError> {
    let not_run = |reason: String| CommandError::NotRun {
        program: program.to_owned(),
        reason,
    };
    let path = env::var("PATH").unwrap_or_default();
    let mut child = Command::new(program)
        .args(args)
        .env("PATH", format!("{path}:{ADMIN_PATHS}"))
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| not_run(error.to_string()))?;
    let stdin = child.stdin.take();
    let finish = async {
        if let Some(mut stdin) = stdin {
            stdin.write_all(input.as_bytes()).await?;
        }
        child.wait_with_output().await
    };
    let output = timeout(COMMAND_TIMEOUT, finish)
        .await
        .map_err(|_| not_run(format!("no end within {} s", COMMAND_TIMEOUT.as_secs())))?
        .map_err(|error| not_run(error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(CommandError::Failed {
        program: program.to_owned(),
        message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}
