//! Sharing spaces, and handing them over.

use async_graphql::{Context, Object, Result};

use super::spaces::{SpacePayload, payload};
use crate::graphql::{
    caller::Call,
    types::inputs::{ShareSpaceInput, SpaceIdInput, TransferSpaceInput, UnshareSpaceInput},
};

/// Sharing spaces, and handing them over.
#[derive(Default)]
pub struct SharingMutation;

#[Object]
impl SharingMutation {
    /// Lets another user see a space and use its terminal and SSH: a shell as the space's own user,
    /// who gets at all that is in it. The space stays its owner's to manage.
    async fn share_space(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which space, with whom.")] input: ShareSpaceInput,
    ) -> Result<SpacePayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        payload(
            app.share_space(actor, origin, &input.space_id, &input.user_name)
                .await,
        )
    }

    /// Ends the sharing of a space with a user, and everything they have open in it. Succeeds also
    /// when it was not shared with them.
    async fn unshare_space(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which space, with whom no more.")] input: UnshareSpaceInput,
    ) -> Result<SpacePayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        payload(
            app.unshare_space(actor, origin, &input.space_id, &input.user_name)
                .await,
        )
    }

    /// Ends the sharing of a space with the viewer, who can't see it any more afterwards.
    async fn leave_space(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The space.")] input: SpaceIdInput,
    ) -> Result<SpacePayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        payload(app.leave_space(actor, origin, &input.space_id).await)
    }

    /// Makes another user the owner of a space, with its volumes and tunnels, in the state it is
    /// in. Its tunnels get new hostnames, because an owner's name is part of them. Whom it was
    /// shared with, it stays shared with; its former owner can't see it any more afterwards.
    async fn transfer_space(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which space, and whose it is to be.")] input: TransferSpaceInput,
    ) -> Result<SpacePayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        payload(
            app.transfer_space(actor, origin, &input.space_id, &input.user_name)
                .await,
        )
    }
}
