//! Waiting for a space to become what it is to be.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::timeout;

use crate::{
    api::{
        following::Following,
        operations::{
            SpaceChanged,
            space_changed::{self, SpaceChangedSpaceChangedSpace as Space},
            spelled,
        },
    },
    failure::{Failure, Kind},
    output::{Output, printable},
    place::SpaceRef,
    session::{Session, no_such_space},
};

/// How long the API may be away while something is waited for.
const PATIENCE: Duration = Duration::from_mins(2);
/// A command that is wrong ends as soon as it runs: so long is looked whether it does.
const SETTLES: Duration = Duration::from_secs(1);
const SPINNER_TICK: Duration = Duration::from_millis(120);

/// What a space is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// It runs.
    Running,
    /// It has stopped.
    Stopped,
    /// Nothing is left of it.
    Deleted,
}

/// What to make of a space that isn't what it is to become.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Reached,
    OnTheWay,
    /// It failed, with these last words of it.
    Failed(Failure, Vec<String>),
    /// Somebody wants something else of it by now.
    Overruled,
}

/// Waits until a space is what it was asked to become, and shows how it gets there.
///
/// # Errors
/// It fails, whose last words are printed, or somebody else asks for something else meanwhile.
pub async fn until(
    session: &Session,
    space: &SpaceRef,
    id: &str,
    goal: Goal,
) -> Result<(), Failure> {
    let variables = |after| space_changed::Variables {
        id: id.to_owned(),
        after,
    };
    let begun = Following::begin(&session.api, SpaceChanged, Some(PATIENCE), variables).await;
    let mut following = match begun {
        // It was gone before one could look.
        Err(failure) if goal == Goal::Deleted && failure.kind() == Kind::NotFound => return Ok(()),
        begun => begun?,
    };
    let progress = Progress::begin(session.output, space);
    let mut has_run = false;
    loop {
        let next = following.next();
        let event = if has_run {
            match timeout(SETTLES, next).await {
                Ok(event) => event?,
                Err(_) => return Ok(()),
            }
        } else {
            next.await?
        };
        let Some(event) = event.map(|it| it.space_changed) else {
            return gone(space, goal);
        };
        following.note(event.cursor.as_ref());
        let change = spelled(&event.change);
        if matches!(change.as_str(), "DELETED" | "LOST") {
            return gone(space, goal);
        }
        let Some(now) = event.space else { continue };
        progress.show(&spelled(&now.status).to_lowercase());
        match judge(&now, goal) {
            Verdict::Reached if goal == Goal::Running => has_run = true,
            Verdict::Reached => return Ok(()),
            Verdict::OnTheWay => {}
            Verdict::Failed(failure, last_words) => {
                progress.end();
                for line in &last_words {
                    eprintln!("  {}", printable(line));
                }
                return Err(failure);
            }
            Verdict::Overruled => {
                let message = format!("somebody asked {space} for something else meanwhile");
                return Err(Failure::refused("OVERRULED", message));
            }
        }
    }
}

/// A subscription to one space ends for good with the space.
fn gone(space: &SpaceRef, goal: Goal) -> Result<(), Failure> {
    match goal {
        Goal::Deleted => Ok(()),
        Goal::Running | Goal::Stopped => Err(no_such_space(space)),
    }
}

fn judge(space: &Space, goal: Goal) -> Verdict {
    let status = spelled(&space.status);
    let desired = spelled(&space.desired_status);
    match (goal, status.as_str(), desired.as_str()) {
        (Goal::Running, "RUNNING", "RUNNING")
        | (Goal::Stopped, "STOPPED" | "CREATED", "STOPPED")
        | (Goal::Deleted, "DELETED", _) => Verdict::Reached,
        (Goal::Running, "STOPPED", _) => match &space.failure {
            Some(failure) => {
                let code = spelled(&failure.code);
                let exit = failure.exit_code.map(|it| format!(", exit status {it}"));
                let message = format!("{}{}", failure.message, exit.unwrap_or_default());
                let failure_ = Failure::refused(&code, message).hint(hint(&code));
                Verdict::Failed(failure_, failure.log_tail.clone())
            }
            None => Verdict::Overruled,
        },
        (Goal::Running, _, "STOPPED" | "DELETED") | (Goal::Stopped, _, "RUNNING" | "DELETED") => {
            Verdict::Overruled
        }
        _ => Verdict::OnTheWay,
    }
}

/// What to do about a start that failed.
fn hint(code: &str) -> &'static str {
    match code {
        "IMAGE_MISSING" | "PULL_DENIED" => {
            "whoever keeps the template must name an image that the engine has or may fetch"
        }
        "COMMAND_NOT_FOUND" | "COMMAND_NOT_EXECUTABLE" | "EXITED_EARLY" => {
            "look at the template's command and the space's parameters"
        }
        "OOM_KILLED" => "the template's limit on memory is too low for what runs in it",
        "ENGINE_UNAVAILABLE" | "ENGINE_ERROR" | "START_TIMEOUT" => {
            "try again; if it stays so, whoever runs Spaceport must look at the engine"
        }
        _ => "`spaceport space show` says more",
    }
}

/// Says what a space is now, and prints all of it as JSON.
pub async fn told(session: &Session, space: &SpaceRef, done: &str) -> Result<(), Failure> {
    let found = session.space(space).await?;
    let status = spelled(&found.status).to_lowercase();
    let sentence = format!("{space} is {done} ({status})");
    session.output.done(&found, &sentence)
}

/// A line that says what a space is.
struct Progress {
    bar: ProgressBar,
    name: String,
}

impl Progress {
    fn begin(output: Output, space: &SpaceRef) -> Self {
        let bar = if output.is_watched() {
            let bar = ProgressBar::new_spinner();
            // The template is right; the default one would do as well.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(SPINNER_TICK);
            bar
        } else {
            ProgressBar::hidden()
        };
        Self {
            bar,
            name: space.to_string(),
        }
    }

    fn show(&self, status: &str) {
        self.bar.set_message(format!("{} is {status}", self.name));
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verdict(status: &str, desired: &str, failed: bool, goal: Goal) -> Verdict {
        let failure = json!({ "code": "EXITED_EARLY", "message": "it ended", "exitCode": 3,
            "oomKilled": false, "logTail": ["last words"] });
        let space = json!({ "status": status, "desiredStatus": desired,
            "failure": failed.then_some(failure) });
        judge(&serde_json::from_value(space).expect("a space"), goal)
    }

    #[test]
    fn a_space_is_waited_for_until_it_is_what_was_asked_or_failed() {
        let on = |status, desired, goal| verdict(status, desired, false, goal);
        assert_eq!(on("STARTING", "RUNNING", Goal::Running), Verdict::OnTheWay);
        assert_eq!(on("STOPPING", "RUNNING", Goal::Running), Verdict::OnTheWay);
        assert_eq!(on("RUNNING", "RUNNING", Goal::Running), Verdict::Reached);
        assert_eq!(on("STOPPING", "STOPPED", Goal::Running), Verdict::Overruled);
        assert_eq!(on("CREATED", "STOPPED", Goal::Stopped), Verdict::Reached);
        assert_eq!(on("STARTING", "RUNNING", Goal::Stopped), Verdict::Overruled);
        assert_eq!(on("DELETING", "DELETED", Goal::Deleted), Verdict::OnTheWay);
        let Verdict::Failed(failure, last_words) =
            verdict("STOPPED", "RUNNING", true, Goal::Running)
        else {
            panic!("it failed");
        };
        assert_eq!(
            failure.to_string(),
            "it ended, exit status 3 (EXITED_EARLY)"
        );
        assert_eq!(last_words, ["last words"]);
    }
}
