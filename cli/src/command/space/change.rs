//! `spaceport space start`, `stop`, `restart` and `rm`.

use std::io::IsTerminal;

use clap::Args;

use super::{
    Change,
    wait::{self, Goal},
};
use crate::{
    api::{
        operations::{
            DeleteSpace, RestartSpace, StartSpace, StopSpace, delete_space, restart_space,
            start_space, stop_space,
        },
        require,
    },
    failure::Failure,
    place::SpaceRef,
    session::Session,
    terminal,
};

/// Deletes a space.
#[derive(Debug, Args)]
pub struct Remove {
    /// The space.
    space: SpaceRef,
    /// Don't ask whether it is meant.
    #[arg(long, short)]
    yes: bool,
    /// Don't wait until nothing is left of it.
    #[arg(long)]
    no_wait: bool,
}

/// The mutations of a space that take nothing but which.
macro_rules! request {
    ($session:expr, $id:expr, $operation:ident, $module:ident, $field:ident) => {{
        let input = $module::SpaceIdInput { space_id: $id };
        let variables = $module::Variables { input };
        let payload = $session.api.ask($operation, variables).await?.$field;
        require(payload.space, payload.problems)?.id
    }};
}

/// Starts it.
pub async fn start(session: &Session, change: &Change) -> Result<(), Failure> {
    let id = session.space(&change.space).await?.id;
    let id = request!(session, id, StartSpace, start_space, start_space);
    follow(session, change, &id, Goal::Running, "started").await
}

/// Stops it.
pub async fn stop(session: &Session, change: &Change) -> Result<(), Failure> {
    let id = session.space(&change.space).await?.id;
    let id = request!(session, id, StopSpace, stop_space, stop_space);
    follow(session, change, &id, Goal::Stopped, "stopped").await
}

/// Restarts it.
pub async fn restart(session: &Session, change: &Change) -> Result<(), Failure> {
    let id = session.space(&change.space).await?.id;
    let id = request!(session, id, RestartSpace, restart_space, restart_space);
    follow(session, change, &id, Goal::Running, "restarted").await
}

async fn follow(
    session: &Session,
    change: &Change,
    id: &str,
    goal: Goal,
    done: &str,
) -> Result<(), Failure> {
    if !change.no_wait {
        wait::until(session, &change.space, id, goal).await?;
    }
    wait::told(session, &change.space, done).await
}

/// Deletes it.
pub async fn remove(session: &Session, remove: &Remove) -> Result<(), Failure> {
    let space = session.space(&remove.space).await?;
    if !remove.yes {
        confirm(&remove.space, space.volumes.len())?;
    }
    let id = request!(session, space.id, DeleteSpace, delete_space, delete_space);
    if !remove.no_wait {
        wait::until(session, &remove.space, &id, Goal::Deleted).await?;
    }
    let deleted = serde_json::json!({ "id": id, "name": remove.space.name.as_str() });
    let sentence = format!("{} is deleted", remove.space);
    session.output.done(&deleted, &sentence)
}

fn confirm(space: &SpaceRef, volumes: usize) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        let message = "deleting a space asks first, and there is nobody to answer";
        return Err(Failure::usage(message).hint("--yes deletes without asking"));
    }
    let what = match volumes {
        0 => String::new(),
        1 => " and its volume".to_owned(),
        _ => format!(" and its {volumes} volumes"),
    };
    let answer = terminal::ask(&format!("Delete {space}{what} for good? [y/N]"))?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(Failure::refused("ABORTED", "nothing was deleted"))
    }
}
