//! What the engine's errors mean.
//!
//! The engine has no codes beyond the HTTP status: its messages tell the reason. They are matched
//! here, and nowhere else, by the parts that have stayed the same over the versions.

use std::time::Duration;

use bollard::errors::Error;
use spaceport_domain::{agent::PROGRAM_PATH, lifecycle::FailureCode};

use super::super::EngineError;

/// The longest message of the engine that is passed on.
const MESSAGE_MAX_CHARS: usize = 300;

/// What is in front of the name of what can't be executed.
const EXECUTED: &str = "exec: \"";

/// Why a call failed, before anything is concluded from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CallError {
    /// No answer came.
    Unreachable(String),
    /// The engine answered with an error.
    Answered {
        /// The HTTP status, or 500 for an error that came later.
        status: u16,
        /// What it says.
        message: String,
    },
}

impl CallError {
    pub(super) fn timeout(limit: Duration) -> Self {
        Self::Unreachable(format!("no answer within {} s", limit.as_secs()))
    }

    /// Whether the engine says that there is no such thing.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Answered { status: 404, .. })
    }

    /// Whether the engine says that something is in the way.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::Answered { status: 409, .. })
    }

    /// Whether the engine says that it doesn't have the image.
    pub(super) fn is_image_missing(&self) -> bool {
        matches!(self, Self::Answered { status: 404, message }
            if message.to_lowercase().contains("no such image"))
    }

    /// Whether a space couldn't be started because what it starts with, its agent, is not there or
    /// not whole.
    pub(super) fn is_agent_missing(&self) -> bool {
        matches!(self, Self::Answered { message, .. }
            if quoted_after(message, EXECUTED) == Some(PROGRAM_PATH))
    }

    /// Whether a volume couldn't be mounted.
    pub(super) fn is_mount_failure(&self) -> bool {
        matches!(self, Self::Answered { message, .. } if message.contains("mount local volume"))
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        match error {
            Error::DockerResponseServerError {
                status_code,
                message,
            } => Self::Answered {
                status: status_code,
                message,
            },
            Error::DockerStreamError { error } => Self::Answered {
                status: 500,
                message: error,
            },
            Error::RequestTimeoutError
            | Error::SocketNotFoundError(_)
            | Error::IOError { .. }
            | Error::HyperResponseError { .. }
            | Error::HyperLegacyError { .. } => Self::Unreachable(cause(&error)),
            other => Self::Answered {
                status: 500,
                message: format!("an answer that can't be understood: {other}"),
            },
        }
    }
}

/// The innermost reason, which is the one that tells: "connection refused", not "client error".
fn cause(error: &Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    without_host_paths(&innermost.to_string())
}

impl From<CallError> for EngineError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unreachable(reason) => Self::Unavailable(reason),
            CallError::Answered { status, message } => classify(status, &message),
        }
    }
}

/// What an error answer to anything but a pull means.
fn classify(status: u16, message: &str) -> EngineError {
    let lower = message.to_lowercase();
    let has = |part: &str| lower.contains(part);
    if status == 404 && has("no such container") {
        return EngineError::Gone;
    }
    // An engine that shuts down still answers, while what it needs is already gone.
    if has("transport is closing") || has("client connection is closing") || has("context canceled")
    {
        return EngineError::Unavailable("it is shutting down".to_owned());
    }
    let refused = |code, message: String| EngineError::Refused { code, message };
    if has("no such image") {
        return refused(FailureCode::ImageMissing, "no such image".to_owned());
    }
    if has("invalid reference format") {
        return refused(
            FailureCode::ImageMissing,
            "the image's name is not valid".to_owned(),
        );
    }
    if let Some(command) = quoted_after(message, EXECUTED) {
        if command == PROGRAM_PATH {
            let message = "the space's agent can't be started".to_owned();
            return refused(FailureCode::EngineError, message);
        }
        if has("not found in $path") || has("no such file or directory") {
            let message = format!("command not found: {command}");
            return refused(FailureCode::CommandNotFound, message);
        }
        if has("permission denied") || has("exec format error") || has("is a directory") {
            let message = format!("command can't be executed: {command}");
            return refused(FailureCode::CommandNotExecutable, message);
        }
    }
    if has("port is already allocated") || has("address already in use") {
        return refused(
            FailureCode::PortTaken,
            "a port of the host that the space needs is in use".to_owned(),
        );
    }
    if status == 409 && has("name") && has("already in use by container") {
        return refused(
            FailureCode::NameTaken,
            "something that is not Spaceport's holds the container's name".to_owned(),
        );
    }
    if has("mounting volume") || has("mount local volume") || has("volume is in use") {
        return refused(
            FailureCode::VolumeFailed,
            "a volume is in use or couldn't be attached".to_owned(),
        );
    }
    let message = without_host_paths(message);
    refused(
        FailureCode::EngineError,
        if message.is_empty() {
            format!("the engine answered with status {status}")
        } else {
            message
        },
    )
}

/// What an error of a pull means.
pub(super) fn classify_pull(image: &str, error: CallError) -> EngineError {
    let message = match error {
        CallError::Unreachable(reason) => return EngineError::Unavailable(reason),
        CallError::Answered { message, .. } => message,
    };
    let lower = message.to_lowercase();
    let has = |part: &str| lower.contains(part);
    let denied = [
        "denied",
        "unauthorized",
        "authentication required",
        "no basic auth credentials",
        "forbidden",
    ];
    // "pull access denied for …, repository does not exist or may require 'docker login'".
    if denied.iter().any(|part| has(part)) {
        return EngineError::Refused {
            code: FailureCode::PullDenied,
            message: format!("the registry doesn't hand out the image {image}"),
        };
    }
    let reason = if has("manifest unknown") || has("not found") {
        "the registry doesn't have it"
    } else if has("invalid reference") {
        "its name is not valid"
    } else {
        "no registry that has it can be reached"
    };
    EngineError::Refused {
        code: FailureCode::ImageMissing,
        message: format!("there is no image {image} here, and {reason}"),
    }
}

/// The text between `opening` and the next quotation mark.
fn quoted_after<'a>(message: &'a str, opening: &str) -> Option<&'a str> {
    let (_, rest) = message.split_once(opening)?;
    rest.split_once('"').map(|(quoted, _)| quoted)
}

/// `message` in one line, cut to a bearable length, and without paths: where the engine keeps its
/// files is nobody's business.
pub(super) fn without_host_paths(message: &str) -> String {
    let is_path = |word: &str| {
        let word = word.trim_start_matches(['"', '\'', '(', '`']);
        word.starts_with('/') && word.matches('/').count() >= 2
    };
    let words: Vec<&str> = message
        .split_whitespace()
        .map(|word| if is_path(word) { "…" } else { word })
        .collect();
    words.join(" ").chars().take(MESSAGE_MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(status: u16, message: &str) -> FailureCode {
        match classify(status, message) {
            EngineError::Refused { code, .. } => code,
            other => panic!("{other:?}"),
        }
    }

    // The messages are Docker Engine 20.10's; those of 28 contain the same parts.
    #[test]
    fn every_refusal_has_its_code() {
        let runc = "failed to create shim task: OCI runtime create failed: runc create failed: \
                    unable to start container process: ";
        let exec = |rest: &str| format!("{runc}exec: {rest}: unknown");
        for (status, message, expected) in [
            (
                404,
                "No such image: a:1".to_owned(),
                FailureCode::ImageMissing,
            ),
            (
                400,
                "invalid reference format: repository name must be lowercase".to_owned(),
                FailureCode::ImageMissing,
            ),
            (
                400,
                exec("\"a\": executable file not found in $PATH"),
                FailureCode::CommandNotFound,
            ),
            (
                400,
                exec("\"/a\": stat /a: no such file or directory"),
                FailureCode::CommandNotFound,
            ),
            (
                400,
                exec("\"/etc/passwd\": permission denied"),
                FailureCode::CommandNotExecutable,
            ),
            (
                400,
                exec(
                    "\"/.spaceport/spaceport-agent\": stat /.spaceport/spaceport-agent: no such \
                     file or directory",
                ),
                FailureCode::EngineError,
            ),
            (
                500,
                format!("{runc}chdir to cwd (\"/x\") failed: no such file or directory"),
                FailureCode::EngineError,
            ),
            (
                500,
                "driver failed programming external connectivity on endpoint a: Bind for \
                 0.0.0.0:80 failed: port is already allocated"
                    .to_owned(),
                FailureCode::PortTaken,
            ),
            (
                409,
                "Conflict. The container name \"/a\" is already in use by container \"b\". You \
                 have to remove (or rename) that container to be able to reuse that name."
                    .to_owned(),
                FailureCode::NameTaken,
            ),
            (
                500,
                "error while mounting volume '/var/lib/docker/volumes/a/_data': failed to mount \
                 local volume: mount /a/b:/var/lib/docker/volumes/a/_data, flags: 0x1000: no such \
                 file or directory"
                    .to_owned(),
                FailureCode::VolumeFailed,
            ),
            (
                409,
                "remove a: volume is in use - [b]".to_owned(),
                FailureCode::VolumeFailed,
            ),
            (500, "something new".to_owned(), FailureCode::EngineError),
            (500, String::new(), FailureCode::EngineError),
        ] {
            assert_eq!(code(status, &message), expected, "{message}");
        }
    }

    #[test]
    fn a_container_that_is_gone_is_not_a_refusal() {
        assert_eq!(classify(404, "No such container: a"), EngineError::Gone);
    }

    #[test]
    fn an_engine_that_shuts_down_is_unavailable() {
        let message = "rpc error: code = Unavailable desc = transport is closing: unknown";
        assert!(matches!(
            classify(500, message),
            EngineError::Unavailable(_)
        ));
    }

    #[test]
    fn a_pull_is_denied_or_finds_nothing() {
        let code = |message: &str| {
            let error = CallError::Answered {
                status: 500,
                message: message.to_owned(),
            };
            match classify_pull("a:1", error) {
                EngineError::Refused { code, .. } => code,
                other => panic!("{other:?}"),
            }
        };
        let denied = "pull access denied for a, repository does not exist or may require 'docker \
                      login': denied: requested access to the resource is denied";
        assert_eq!(code(denied), FailureCode::PullDenied);
        assert_eq!(
            code("unauthorized: authentication required"),
            FailureCode::PullDenied
        );
        for missing in [
            "manifest for a:1 not found: manifest unknown: manifest unknown",
            "Get \"https://registry/v2/\": dial tcp: lookup registry: no such host",
            "Get \"http://registry/v2/\": dial tcp: connect: connection refused",
            "invalid reference format: repository name must be lowercase",
        ] {
            assert_eq!(code(missing), FailureCode::ImageMissing, "{missing}");
        }
    }

    proptest! {
        #[test]
        fn no_path_of_the_host_is_told(
            before in "[a-z ]{0,20}",
            path in "(/[a-z0-9._-]{1,12}){2,6}",
            after in "[a-z :]{0,20}",
        ) {
            for message in [
                format!("{before} {path} {after}"),
                format!("{before} '{path}': {after}"),
                format!("{before} (\"{path}\") {after}"),
            ] {
                prop_assert!(!without_host_paths(&message).contains(&path));
            }
        }

        #[test]
        fn a_message_is_never_long(message in ".{0,2000}") {
            prop_assert!(without_host_paths(&message).chars().count() <= MESSAGE_MAX_CHARS);
        }
    }
}
