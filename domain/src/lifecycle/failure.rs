//! Why a space stopped although it should run.

use serde::{Deserialize, Serialize};

use super::step::Exit;
use crate::{agent::COMMAND_FAILED, time::Timestamp};

/// What went wrong, in one stable word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailureCode {
    /// The engine has no such image and can't get one.
    ImageMissing,
    /// A registry refused to hand out the image.
    PullDenied,
    /// The image holds no such command.
    CommandNotFound,
    /// The command exists but can't be executed.
    CommandNotExecutable,
    /// The command ended within seconds of its start.
    ExitedEarly,
    /// The command ended while the space was running.
    Exited,
    /// The kernel ended a process because the space's memory was used up.
    OomKilled,
    /// A port of the host that the space needs is in use.
    PortTaken,
    /// Something that is not ours holds the container's name.
    NameTaken,
    /// The image's health check failed.
    Unhealthy,
    /// The space didn't run within the time allowed for a start.
    StartTimeout,
    /// The engine couldn't be reached.
    EngineUnavailable,
    /// Somebody removed the container behind Spaceport's back.
    ContainerRemoved,
    /// A volume couldn't be made or attached.
    VolumeFailed,
    /// The engine refused for a reason that has no code of its own; the message tells.
    EngineError,
}

impl FailureCode {
    /// Every code.
    pub const ALL: [Self; 15] = [
        Self::ImageMissing,
        Self::PullDenied,
        Self::CommandNotFound,
        Self::CommandNotExecutable,
        Self::ExitedEarly,
        Self::Exited,
        Self::OomKilled,
        Self::PortTaken,
        Self::NameTaken,
        Self::Unhealthy,
        Self::StartTimeout,
        Self::EngineUnavailable,
        Self::ContainerRemoved,
        Self::VolumeFailed,
        Self::EngineError,
    ];

    /// Whether trying the same start again may succeed by itself.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::EngineUnavailable)
    }
}

/// Why and how a space stopped by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What went wrong.
    pub code: FailureCode,
    /// The same for a person, without internals of the host.
    pub message: String,
    /// When it was noticed, or when the container ended, where that is known.
    pub at: Timestamp,
    /// The exit code of the container's first process.
    pub exit_code: Option<i64>,
    /// Whether the kernel ended a process of the space for want of memory.
    pub oom_killed: bool,
    /// The last lines the space wrote.
    pub log_tail: Vec<String>,
}

/// The most bytes of a failure's log tail.
pub const LOG_TAIL_MAX_BYTES: usize = 8 * 1024;

/// The most characters of an agent's reason that become a failure's message.
const REASON_MAX_CHARS: usize = 300;

/// A container that ended sooner than this after its start never really ran.
pub const EARLY_EXIT_MS: u64 = 5_000;

impl Failure {
    /// A failure without a container that ended.
    pub fn new(code: FailureCode, message: impl Into<String>, at: Timestamp) -> Self {
        Self {
            code,
            message: message.into(),
            at,
            exit_code: None,
            oom_killed: false,
            log_tail: Vec::new(),
        }
    }

    /// The failure that `exit` amounts to.
    ///
    /// Exit codes 126 and 127 are what an init or a shell answers for a command it can't execute
    /// or can't find (POSIX.1-2017, Shell & Utilities §2.8.2).
    pub fn from_exit(exit: &Exit) -> Self {
        let early = exit.ran_ms < EARLY_EXIT_MS;
        let (code, message) = match exit.code {
            _ if exit.oom_killed => (
                FailureCode::OomKilled,
                "ran out of memory and was ended by the kernel".to_owned(),
            ),
            127 if early => (FailureCode::CommandNotFound, "command not found".to_owned()),
            126 if early => (
                FailureCode::CommandNotExecutable,
                "command can't be executed".to_owned(),
            ),
            code if early => (
                FailureCode::ExitedEarly,
                format!(
                    "exited with code {code}, {} ms after its start",
                    exit.ran_ms
                ),
            ),
            code => (
                FailureCode::Exited,
                format!("exited with code {code} while running"),
            ),
        };
        Self {
            code,
            message,
            at: exit.at,
            exit_code: Some(exit.code),
            oom_killed: exit.oom_killed,
            log_tail: Vec::new(),
        }
    }

    /// The same failure with the last of `lines`, which the space wrote, that fit into
    /// [`LOG_TAIL_MAX_BYTES`]: every later event of the space carries them. Why a command can't be
    /// started its agent wrote there.
    #[must_use]
    pub fn with_log_tail(mut self, mut lines: Vec<String>) -> Self {
        if let FailureCode::CommandNotFound | FailureCode::CommandNotExecutable = self.code {
            let mut reasons = lines
                .iter()
                .filter_map(|it| it.strip_prefix(COMMAND_FAILED));
            if let Some(reason) = reasons.next_back() {
                self.message = reason.chars().take(REASON_MAX_CHARS).collect();
            }
        }
        let mut left = LOG_TAIL_MAX_BYTES;
        let fitting = lines.iter().rev().take_while(|line| {
            let fits = line.len() < left;
            left = left.saturating_sub(line.len() + 1);
            fits
        });
        let dropped = lines.len() - fitting.count();
        self.log_tail = lines.split_off(dropped);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(code: i64, ran_ms: u64, oom_killed: bool) -> Exit {
        Exit {
            code,
            oom_killed,
            at: Timestamp::from_millis(9),
            ran_ms,
            remembered: true,
        }
    }

    #[test]
    fn an_exit_is_told_by_its_cause() {
        let code = |code, ran_ms, oom| Failure::from_exit(&exit(code, ran_ms, oom)).code;
        assert_eq!(code(137, 10, true), FailureCode::OomKilled);
        assert_eq!(code(137, 900_000, true), FailureCode::OomKilled);
        assert_eq!(code(127, 10, false), FailureCode::CommandNotFound);
        assert_eq!(code(126, 10, false), FailureCode::CommandNotExecutable);
        assert_eq!(code(0, 10, false), FailureCode::ExitedEarly);
        assert_eq!(code(1, 4_999, false), FailureCode::ExitedEarly);
        assert_eq!(code(1, 5_000, false), FailureCode::Exited);
        assert_eq!(code(127, 60_000, false), FailureCode::Exited);
    }

    #[test]
    fn of_a_long_log_the_end_is_kept() {
        let tail = |lines: &[usize]| {
            let lines = lines.iter().map(|&length| "x".repeat(length)).collect();
            let failure = Failure::new(FailureCode::Exited, "", Timestamp::from_millis(0));
            failure
                .with_log_tail(lines)
                .log_tail
                .iter()
                .map(String::len)
                .collect::<Vec<_>>()
        };
        assert_eq!(tail(&[10, 20]), [10, 20]);
        assert_eq!(tail(&[10, 8000, 100, 80]), [8000, 100, 80]);
        assert_eq!(tail(&[10, 8000, 200]), [200]);
        assert!(tail(&[10, 9000]).is_empty());
    }

    #[test]
    fn why_a_command_was_not_started_the_agent_says() {
        let message = |code| {
            let tail = vec!["before".to_owned(), format!("{COMMAND_FAILED}no later")];
            let failure = Failure::from_exit(&exit(code, 10, false));
            failure.with_log_tail(tail).message
        };
        assert_eq!([message(127), message(126)], ["no later", "no later"]);
        assert!(message(3).contains("exited"));
    }

    #[test]
    fn codes_are_spelled_in_capitals() {
        let spelled = serde_json::to_string(&FailureCode::OomKilled).expect("serialises");
        assert_eq!(spelled, "\"OOM_KILLED\"");
    }
}
