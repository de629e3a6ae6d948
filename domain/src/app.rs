//! What of a space is opened in a browser, behind a sign-in.
//!
//! An app is one port of a space, or something the space offers by itself. Each has a hostname of
//! its own (see [`crate::hostname`]), so that a browser keeps apps apart as it keeps sites apart.

mod offer;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use offer::Offer;

use crate::{
    agent::PORT,
    template::{Feature, PortDeclaration},
};

/// Where the editor listens in a space whose template declares no port named `code`.
pub const CODE_PORT: u16 = 13337;
/// Where the desktop listens in a space whose template declares no port named `vnc`: at loopback, for
/// RFB (RFC 6143), which the edge carries to a page of its own.
pub const VNC_PORT: u16 = 5900;

/// One app of a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AppName {
    /// The editor.
    Code,
    /// The desktop.
    Vnc,
    /// The terminal.
    Term,
    /// The files.
    Files,
    /// Whatever listens on this port; never 0, and never the agent.
    Port(u16),
}

/// The text names no app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be code, vnc, term, files or a port from 1 to 65535 other than {PORT}, the agent's")]
pub struct AppNameError;

impl AppName {
    /// The feature that it is. Which one it takes to open it in a space, [`Offer::feature`] says.
    pub const fn feature(self) -> Feature {
        match self {
            Self::Code => Feature::CodeServer,
            Self::Vnc => Feature::Vnc,
            Self::Term => Feature::Terminal,
            Self::Files => Feature::Files,
            Self::Port(_) => Feature::PortForward,
        }
    }

    /// Whether it answers its own pages alone, and no page of the same space's other apps. Who may
    /// see a page in development hasn't agreed that it types into a terminal, an editor or a desktop,
    /// or changes files.
    pub const fn is_alone(self) -> bool {
        !matches!(self, Self::Port(_))
    }

    /// The port inside the space that serves it, of a space whose template declares `declared`.
    ///
    /// `None` for what no port of a space serves.
    pub fn port(self, declared: &[PortDeclaration]) -> Option<u16> {
        match self {
            Self::Code => self.named_port(declared).or(Some(CODE_PORT)),
            // Without such a port, the edge serves it.
            Self::Vnc => self.named_port(declared),
            Self::Term | Self::Files => None,
            Self::Port(port) => Some(port),
        }
    }

    /// The port that is declared for it, by its name.
    fn named_port(self, declared: &[PortDeclaration]) -> Option<u16> {
        let name = self.feature().app()?;
        let port = declared.iter().find(|it| it.name == name);
        port.map(|it| it.port)
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code => f.write_str("code"),
            Self::Vnc => f.write_str("vnc"),
            Self::Term => f.write_str("term"),
            Self::Files => f.write_str("files"),
            Self::Port(port) => write!(f, "{port}"),
        }
    }
}

impl FromStr for AppName {
    type Err = AppNameError;

    fn from_str(text: &str) -> Result<Self, AppNameError> {
        match text {
            "code" => Ok(Self::Code),
            "vnc" => Ok(Self::Vnc),
            "term" => Ok(Self::Term),
            "files" => Ok(Self::Files),
            port => {
                // One spelling each: neither `+80` nor `080`.
                let plain = port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
                let port = port.parse().ok().filter(|it| plain && *it != PORT);
                port.map(Self::Port).ok_or(AppNameError)
            }
        }
    }
}

impl TryFrom<String> for AppName {
    type Error = AppNameError;

    fn try_from(text: String) -> Result<Self, AppNameError> {
        text.parse()
    }
}

impl From<AppName> for String {
    fn from(app: AppName) -> Self {
        app.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_app_has_one_spelling() {
        for text in ["code", "vnc", "term", "files", "1", "8000", "65535"] {
            let app: AppName = text.parse().expect(text);
            assert_eq!(app.to_string(), text);
        }
        for bad in [
            "", "0", "080", "+80", "-1", "65536", "8000x", "Code", "shell", " 80", "17433",
        ] {
            assert_eq!(bad.parse::<AppName>(), Err(AppNameError), "{bad:?}");
        }
    }

    #[test]
    fn a_template_says_where_its_editor_and_its_desktop_listen() {
        let declared = [("code", 3000), ("vnc", 6080)].map(|(name, port)| PortDeclaration {
            name: name.to_owned(),
            port,
        });
        assert_eq!(AppName::Code.port(&declared), Some(3000));
        assert_eq!(AppName::Code.port(&[]), Some(CODE_PORT));
        assert_eq!(AppName::Vnc.port(&declared), Some(6080));
        assert_eq!(AppName::Vnc.port(&declared[..1]), None);
        assert_eq!(AppName::Port(80).port(&declared), Some(80));
        assert_eq!(AppName::Term.port(&declared), None);
    }

    proptest! {
        #[test]
        fn what_is_parsed_is_spelled_as_it_was(text in "\\PC{0,8}") {
            if let Ok(app) = text.parse::<AppName>() {
                prop_assert_eq!(app.to_string(), text);
            }
        }
    }
}
