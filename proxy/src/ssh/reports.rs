//! Sign-ins by SSH are told to the control plane, for its audit log and the keys' last use.
//!
//! Whoever signs in doesn't wait for it: it may be away. What it isn't told is in the edge's log.

use std::{net::IpAddr, sync::Arc};

use serde::Deserialize;
use serde_json::json;
use spaceport_domain::id::{SpaceId, SshKeyId};
use tokio::sync::mpsc;

use super::KeyPass;
use crate::api::{Api, AskError};

/// Sign-ins that wait to be told.
const WAITING_MAX: usize = 256;
const MUTATION: &str = "mutation($key:ID!,$space:ID!,$address:String!){recordSshSignIn(\
    input:{keyId:$key,spaceId:$space,address:$address}){problems{code}}}";

/// Where sign-ins are noted.
#[derive(Clone, Debug)]
pub struct Reports(mpsc::Sender<Report>);

/// Where they are told from.
#[derive(Debug)]
pub struct Outbox {
    api: Arc<Api>,
    waiting: mpsc::Receiver<Report>,
}

#[derive(Debug)]
struct Report {
    key: SshKeyId,
    space: SpaceId,
    address: IpAddr,
}

/// Why a sign-in wasn't told.
#[derive(Debug, thiserror::Error)]
enum Untold {
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error("the answer can't be understood: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the control plane refused")]
    Refused,
}

#[derive(Deserialize)]
struct Execution {
    #[serde(default)]
    errors: Vec<serde::de::IgnoredAny>,
}

/// A place for sign-ins, and what tells them to `api`.
pub fn open(api: Arc<Api>) -> (Reports, Outbox) {
    let (sender, waiting) = mpsc::channel(WAITING_MAX);
    (Reports(sender), Outbox { api, waiting })
}

impl Reports {
    /// Notes a sign-in from `address`. When too many wait, it isn't told.
    pub(super) fn note(&self, pass: &KeyPass, address: IpAddr) {
        let report = Report {
            key: pass.key,
            space: pass.space,
            address,
        };
        if self.0.try_send(report).is_err() {
            tracing::warn!(key.id = %pass.key, "a sign-in by SSH isn't told to the control plane");
        }
    }
}

impl Outbox {
    /// Tells sign-ins one after the other, for as long as the task lives.
    pub async fn tell(mut self) {
        while let Some(report) = self.waiting.recv().await {
            if let Err(error) = self.tell_one(&report).await {
                tracing::warn!(key.id = %report.key, %error, "a sign-in by SSH isn't told to the control plane");
            }
        }
    }

    async fn tell_one(&self, report: &Report) -> Result<(), Untold> {
        let question = json!({
            "query": MUTATION,
            "variables": {
                "key": report.key.to_string(),
                "space": report.space.to_string(),
                "address": report.address.to_string(),
            },
        });
        let answer = self.api.answer(&question).await?;
        let execution: Execution = serde_json::from_slice(&answer)?;
        if execution.errors.is_empty() {
            Ok(())
        } else {
            Err(Untold::Refused)
        }
    }
}
