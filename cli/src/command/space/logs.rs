//! `spaceport space logs`.

use std::time::Duration;

use clap::Args;
use tokio::time::timeout;

use crate::{
    api::{
        following::Following,
        operations::{SpaceLogs, space_logs, spelled},
    },
    failure::Failure,
    output::{printable, write_out},
    place::SpaceRef,
    session::Session,
};

/// The past of a log comes at once; what comes after such a silence is the present.
const PAST_ENDS_AFTER: Duration = Duration::from_secs(1);

/// Shows what a space writes.
#[derive(Debug, Args)]
pub struct Logs {
    /// The space.
    space: SpaceRef,
    /// How many lines of the past.
    #[arg(long, short = 'n', default_value_t = 100, value_parser = clap::value_parser!(u16).range(..=10_000))]
    tail: u16,
    /// Only the past: end where the present begins.
    #[arg(long)]
    no_follow: bool,
    /// Say when each line was written.
    #[arg(long, short)]
    timestamps: bool,
}

/// Does it.
pub async fn run(session: &Session, logs: &Logs) -> Result<(), Failure> {
    let id = session.space(&logs.space).await?.id;
    // Lines have no cursor: what is written while the API is away is not told again, rather than
    // told twice.
    let variables = |_| space_logs::Variables {
        id: id.clone(),
        tail: Some(logs.tail.into()),
    };
    let mut following = Following::begin(&session.api, SpaceLogs, None, variables).await?;
    let mut last = String::new();
    loop {
        let next = following.next();
        let line = if logs.no_follow {
            match timeout(PAST_ENDS_AFTER, next).await {
                Ok(line) => line?,
                Err(_) => return Ok(()),
            }
        } else {
            next.await?
        };
        let Some(line) = line.map(|it| it.space_logs) else {
            return Ok(());
        };
        // After a break the past comes once more; RFC 3339 in UTC sorts as it was written.
        if line.at < last {
            continue;
        }
        last.clone_from(&line.at);
        if session.output.is_json() {
            crate::output::json(&line)?;
            continue;
        }
        let text = printable(&line.text);
        let text = text.trim_end_matches('\n');
        let text = if logs.timestamps {
            format!("{} {text}\n", line.at)
        } else {
            format!("{text}\n")
        };
        if spelled(&line.stream) == "STDERR" {
            eprint!("{text}");
        } else {
            write_out(&text)?;
        }
    }
}
