//! Why something isn't done.

use std::io;

use hyper::StatusCode;
use rustix::io::Errno;
use serde::Serialize;

use super::answer::{Answer, json};

/// A reason, with a code that never changes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
}

/// A reason as clients are told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told<'a> {
    code: &'static str,
    message: &'a str,
}

impl Failure {
    /// A failure with a code of its own.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// What is asked for makes no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID", message)
    }

    /// The path makes no sense.
    pub fn invalid_path() -> Self {
        let message = "a name is empty, . or .., or has a / or a zero byte in it";
        Self::new(StatusCode::BAD_REQUEST, "INVALID_PATH", message)
    }

    /// It isn't there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// It is a device or the like.
    pub fn not_a_file() -> Self {
        let message = "only files, directories and symbolic links have a content";
        Self::new(StatusCode::CONFLICT, "NOT_A_FILE", message)
    }

    /// It is further down than is looked.
    pub fn too_deep(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "TOO_DEEP", message)
    }

    /// It is a directory.
    pub fn is_a_directory() -> Self {
        Errno::ISDIR.into()
    }

    /// What clients are told.
    pub fn told(&self) -> Told<'_> {
        Told {
            code: self.code,
            message: &self.message,
        }
    }

    /// The answer that says it.
    pub fn into_answer(self) -> Answer {
        json(self.status, &self.told())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let (status, code) = match Errno::from_io_error(&error) {
            Some(Errno::NOENT) => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => (StatusCode::FORBIDDEN, "FORBIDDEN"),
            Some(Errno::ISDIR) => (StatusCode::CONFLICT, "IS_A_DIRECTORY"),
            Some(Errno::NOTDIR) => (StatusCode::CONFLICT, "NOT_A_DIRECTORY"),
            Some(Errno::EXIST) => (StatusCode::CONFLICT, "EXISTS"),
            Some(Errno::NOTEMPTY) => (StatusCode::CONFLICT, "NOT_EMPTY"),
            Some(Errno::XDEV) => (StatusCode::CONFLICT, "OTHER_FILE_SYSTEM"),
            Some(Errno::LOOP) => (StatusCode::CONFLICT, "LOOP"),
            Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => {
                (StatusCode::INSUFFICIENT_STORAGE, "NO_SPACE")
            }
            Some(Errno::NAMETOOLONG | Errno::INVAL | Errno::ILSEQ) => {
                (StatusCode::BAD_REQUEST, "INVALID_PATH")
            }
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "FAILED"),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<Errno> for Failure {
    fn from(error: Errno) -> Self {
        io::Error::from(error).into()
    }
}
