//! What goes wrong, as a person reads it and as a script tells it apart.

use std::{fmt, process::ExitCode};

use serde::Serialize;

use crate::output::{json_line, printable_line};

/// A failure of a command: what happened, in which words programs know it, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    kind: Kind,
    code: String,
    message: String,
    hint: Option<String>,
}

/// The kinds that have exit statuses of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It was refused, or went wrong: 1.
    Refused,
    /// The command line makes no sense: 2, as clap has it.
    Usage,
    /// Nobody is signed in, or not any more: 3.
    NotSignedIn,
    /// There is no such thing, or none for who asks: 4.
    NotFound,
    /// The API, the edge or the space can't be reached: 5.
    Unreachable,
    /// The exit status of a program that ran in a space, which has said everything itself.
    Program(u8),
}

impl Kind {
    fn status(self) -> u8 {
        match self {
            Self::Refused => 1,
            Self::Usage => 2,
            Self::NotSignedIn => 3,
            Self::NotFound => 4,
            Self::Unreachable => 5,
            Self::Program(status) => status,
        }
    }
}

/// The failure as `--json` writes it to standard error.
#[derive(Serialize)]
struct Told<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl Failure {
    /// A failure of this kind with its stable code and a message that begins in lower case.
    pub fn new(kind: Kind, code: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: code.to_owned(),
            message: message.into(),
            hint: None,
        }
    }

    /// It was refused, or went wrong.
    pub fn refused(code: &str, message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, code, message)
    }

    /// The command line makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, "USAGE", message)
    }

    /// There is no such thing, or none for who asks.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, "NOT_FOUND", message)
    }

    /// Something can't be reached.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unreachable, "UNREACHABLE", message)
    }

    /// Nobody is signed in, or not any more.
    pub fn not_signed_in(message: impl Into<String>) -> Self {
        Self::new(Kind::NotSignedIn, "UNAUTHENTICATED", message)
            .hint("sign in with `spaceport login`")
    }

    /// A program in a space ended with this status.
    pub fn program(status: u8) -> Self {
        Self::new(Kind::Program(status), "", "")
    }

    /// A file or a stream of this machine failed.
    pub fn io(what: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::refused("IO", format!("{what}: {error}"))
    }

    /// The same failure with what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Says it on standard error and gives the exit status.
    pub fn report(&self, as_json: bool) -> ExitCode {
        if !matches!(self.kind, Kind::Program(_)) {
            if as_json {
                let error = Error {
                    code: &self.code,
                    message: &self.message,
                    hint: self.hint.as_deref(),
                };
                let told = json_line(&Told { error }).unwrap_or_default();
                eprintln!("{told}");
            } else {
                eprintln!("error: {self}");
                if let Some(hint) = &self.hint {
                    eprintln!("hint: {}", printable_line(hint));
                }
            }
        }
        ExitCode::from(self.kind.status())
    }
}

/// What comes from elsewhere can't steer the terminal that it is shown on, nor add a line to it.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable_line(&self.message))?;
        if self.code.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", printable_line(&self.code))
    }
}

impl std::error::Error for Failure {}
