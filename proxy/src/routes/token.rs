//! The secret with which the edge shows the control plane who it is.

use std::{io, path::PathBuf, time::Duration};

use tokio::time;

use crate::settings::EdgeToken;

/// How often the edge looks whether the control plane has left a token.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Where the token comes from.
#[derive(Clone, Debug)]
pub enum TokenSource {
    /// The settings.
    Given(EdgeToken),
    /// A file that the control plane writes. It is read for every attempt, so that a new token
    /// needs no restart.
    File(PathBuf),
}

impl TokenSource {
    /// The token; waits for the file when there is none yet, and says so once.
    pub async fn wait(&self) -> EdgeToken {
        let path = match self {
            Self::Given(token) => return token.clone(),
            Self::File(path) => path,
        };
        let mut said = false;
        loop {
            let problem = match tokio::fs::read_to_string(path).await {
                Ok(text) => match EdgeToken::parse(&text) {
                    Some(token) => return token,
                    None => "it holds no token".to_owned(),
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => "it is absent".to_owned(),
                Err(error) => error.to_string(),
            };
            if !said {
                said = true;
                tracing::info!(
                    path = %path.display(),
                    %problem,
                    "waiting for the edge's token, which the API writes when it starts"
                );
            }
            time::sleep(LOOK_INTERVAL).await;
        }
    }
}
