//! SSH keys.

use async_graphql::{Context, Object, Result, SimpleObject};

use crate::{
    app::{AppResult, Done},
    graphql::{
        caller::Call,
        error::answer,
        types::{
            inputs::account::{AddSshKeyInput, RecordSshSignInInput, SshKeyIdInput},
            problem::{self, Problem},
            ssh_key::SshKey,
        },
    },
    store,
};

/// SSH keys.
#[derive(Default)]
pub struct SshKeyMutation;

/// The answer to a mutation of an SSH key.
#[derive(SimpleObject)]
pub struct SshKeyPayload {
    /// The key after the change, or before its removal.
    ssh_key: Option<SshKey>,
    /// Why nothing was changed.
    problems: Vec<Problem>,
    /// The position in the event log that includes the change.
    cursor: Option<String>,
}

/// The answer to the note of a sign-in by SSH.
#[derive(SimpleObject)]
pub struct RecordSshSignInPayload {
    /// Why nothing was noted.
    problems: Vec<Problem>,
    /// The position in the event log that includes the change.
    cursor: Option<String>,
}

fn payload(result: AppResult<Done<store::SshKey>>) -> Result<SshKeyPayload> {
    let (key, problems, cursor) = answer(result)?;
    Ok(SshKeyPayload {
        ssh_key: key.map(SshKey),
        problems: problem::all(problems),
        cursor,
    })
}

#[Object]
impl SshKeyMutation {
    /// Adds an SSH key to the viewer's own. Accepted are ed25519, ecdsa (nistp256, nistp384,
    /// nistp521), rsa from 2048 bits, and security keys. A key belongs to one user of the
    /// installation: one that is in use is refused with `KEY_TAKEN`.
    async fn add_ssh_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The key.")] input: AddSshKeyInput,
    ) -> Result<SshKeyPayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        let added = app
            .add_ssh_key(actor, origin, input.name, &input.public_key)
            .await;
        payload(added)
    }

    /// Removes one of the viewer's own SSH keys; anybody's for who manages users and may do no less
    /// than they.
    async fn remove_ssh_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The key.")] input: SshKeyIdInput,
    ) -> Result<SshKeyPayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        payload(app.remove_ssh_key(actor, origin, &input.key_id).await)
    }

    /// Notes that somebody was let into a space by SSH: in the audit log, as `sshSignIn`, and at
    /// their key. For the edge alone.
    async fn record_ssh_sign_in(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The key, the space, and from where.")] input: RecordSshSignInInput,
    ) -> Result<RecordSshSignInPayload> {
        context.require_edge()?;
        let (app, origin) = (context.app()?, context.origin()?);
        let RecordSshSignInInput {
            key_id,
            space_id,
            address,
        } = input;
        let recorded = app
            .record_ssh_sign_in(origin, &key_id, &space_id, address.as_deref())
            .await;
        let (_, problems, cursor) = answer(recorded)?;
        Ok(RecordSshSignInPayload {
            problems: problem::all(problems),
            cursor,
        })
    }
}
