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
        /// Where.
        url: String,
        /// What to enter there: whoever does makes the tunnel theirs.
        code: String,
    },
    /// Editors can connect.
    Connected {
        /// What it is called among its user's tunnels.
        name: String,
        /// Where it is opened in a browser.
        url: String,
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
    /// The same, with nothing in it that isn't fit to be told on. What it rests on being unfit, it
    /// hasn't said anything.
    #[must_use]
    pub fn fit(self) -> Self {
        match self {
            Self::WaitingForLogin { url, code }
                if said::https_url(&url).is_some() && said::word(&code).is_some() =>
            {
                Self::WaitingForLogin { url, code }
            }
            Self::Connected { name, url }
                if said::https_url(&url).is_some() && said::word(&name).is_some() =>
            {
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

    #[test]
    fn what_is_not_fit_to_be_told_on_was_not_said() {
        let waiting = |url: &str, code: &str| VscodeTunnel::WaitingForLogin {
            url: url.to_owned(),
            code: code.to_owned(),
        };
        let fit = waiting("https://github.com/login/device", "17AC-E3AE");
        assert_eq!(fit.clone().fit(), fit);
        for bad in [
            waiting("http://github.com/login/device", "17AC-E3AE"),
            waiting("https://github.com/login/device", "<b>"),
            VscodeTunnel::Connected {
                name: "a".to_owned(),
                url: "javascript:alert(1)".to_owned(),
            },
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
}
