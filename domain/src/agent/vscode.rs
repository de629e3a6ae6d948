//! How Visual Studio Code's own tunnel is.

use serde::{Deserialize, Serialize};

use super::said::{self, REASON_MAX_CHARS};

/// How Visual Studio Code's own tunnel is, by what its program says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum VscodeTunnel {
    /// It hasn't said anything that tells.
    #[default]
    NotConfigured,
    /// It waits for its user to sign in.
    WaitingForLogin {
        /// Where; absent when the space names no page that is known to be for that.
        url: Option<String>,
        /// What to enter there: whoever does makes the tunnel theirs.
        code: String,
    },
    /// Editors can connect.
    Connected {
        /// What it is called among its user's tunnels.
        name: String,
        /// Where it is opened in a browser; absent when the space names no place that is known to be
        /// one.
        url: Option<String>,
    },
    /// It doesn't come about.
    Failed {
        /// Why.
        reason: String,
    },
    /// A state that is younger than this program.
    #[serde(other)]
    Other,
}

impl VscodeTunnel {
    /// The same, with nothing in it that isn't fit to be told on. It hasn't said anything when the word
    /// that it rests on isn't; a link that isn't is left out.
    #[must_use]
    pub fn fit(self) -> Self {
        match self {
            Self::WaitingForLogin { url, code } if said::word(&code).is_some() => {
                let url = url.filter(|it| said::sign_in_page(it).is_some());
                Self::WaitingForLogin { url, code }
            }
            Self::Connected { name, url } if said::word(&name).is_some() => {
                let url = url.filter(|it| said::tunnel_link(it).is_some());
                Self::Connected { name, url }
            }
            Self::Failed { reason } => Self::Failed {
                reason: said::plain(&reason, REASON_MAX_CHARS),
            },
            _ => Self::NotConfigured,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(url: Option<&str>, code: &str) -> VscodeTunnel {
        VscodeTunnel::WaitingForLogin {
            url: url.map(str::to_owned),
            code: code.to_owned(),
        }
    }

    fn connected(name: &str, url: Option<&str>) -> VscodeTunnel {
        VscodeTunnel::Connected {
            name: name.to_owned(),
            url: url.map(str::to_owned),
        }
    }

    #[test]
    fn what_is_not_fit_to_be_told_on_was_not_said() {
        for fit in [
            waiting(Some("https://github.com/login/device"), "17AC-E3AE"),
            waiting(None, "17AC-E3AE"),
            connected("lab", Some("https://vscode.dev/tunnel/lab")),
            connected("lab", None),
        ] {
            assert_eq!(fit.clone().fit(), fit);
        }
        for bad in [
            waiting(Some("https://github.com/login/device"), "<b>"),
            connected("a b", Some("https://vscode.dev/tunnel/a")),
            VscodeTunnel::Other,
        ] {
            assert_eq!(bad.fit(), VscodeTunnel::NotConfigured);
        }
        let failed = VscodeTunnel::Failed {
            reason: format!("\u{1b}[31m{}", "a".repeat(1000)),
        };
        let reason = "a".repeat(REASON_MAX_CHARS);
        assert_eq!(failed.fit(), VscodeTunnel::Failed { reason });
    }

    #[test]
    fn a_link_to_elsewhere_is_not_told_but_that_somebody_waits_is() {
        for elsewhere in ["https://evil.example/login/device", "javascript:alert(1)"] {
            let told = waiting(Some(elsewhere), "17AC-E3AE").fit();
            assert_eq!(told, waiting(None, "17AC-E3AE"));
            let told = connected("lab", Some(elsewhere)).fit();
            assert_eq!(told, connected("lab", None));
        }
    }
}
