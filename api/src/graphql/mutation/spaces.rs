//! Spaces.

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};
use spaceport_domain::{lifecycle::Request, space};

use crate::{
    app::{
        AppResult, Done,
        spaces::{CreateSpace, UpdateSpace},
    },
    graphql::{
        caller::Call,
        error::answer,
        types::{
            inputs::{CreateSpaceInput, SpaceIdInput, UpdateSpaceInput},
            problem::{self, Problem},
            space::Space,
        },
    },
};

/// Spaces.
#[derive(Default)]
pub struct SpaceMutation;

/// The answer to a mutation of a space.
#[derive(SimpleObject)]
pub struct SpacePayload {
    /// The space after the change, also where that ended the viewer's sight of it.
    space: Option<Space>,
    /// Why nothing was changed.
    problems: Vec<Problem>,
    /// The position in the event log that includes the change.
    cursor: Option<String>,
}

pub(super) fn payload(result: AppResult<Done<space::Space>>) -> Result<SpacePayload> {
    let (space, problems, cursor) = answer(result)?;
    let space = space.map(|space| Space(Arc::new(space)));
    Ok(SpacePayload {
        space,
        problems: problem::all(problems),
        cursor,
    })
}

async fn request(
    context: &Context<'_>,
    input: SpaceIdInput,
    what: Request,
) -> Result<SpacePayload> {
    let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
    payload(app.request(actor, origin, &input.space_id, what).await)
}

#[Object]
impl SpaceMutation {
    /// Makes a space from a template's current version.
    async fn create_space(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The space as it is wanted.")] input: CreateSpaceInput,
    ) -> Result<SpacePayload> {
        let wanted = CreateSpace {
            template_id: input.template_id.0,
            name: input.name,
            description: input.description,
            parameters: input.parameters.into_iter().map(Into::into).collect(),
            start: input.start,
            idempotency_key: input.idempotency_key,
        };
        let app = context.app()?;
        payload(
            app.create_space(context.actor()?, context.origin()?, wanted)
                .await,
        )
    }

    /// Starts a space. Succeeds also when it runs already.
    async fn start_space(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The space.")] input: SpaceIdInput,
    ) -> Result<SpacePayload> {
        request(context, input, Request::Start).await
    }

    /// Stops a space and keeps its volumes. Succeeds also when it is stopped already.
    async fn stop_space(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The space.")] input: SpaceIdInput,
    ) -> Result<SpacePayload> {
        request(context, input, Request::Stop).await
    }

    /// Replaces a space's container by a new one of the same template version; memory is lost,
    /// volumes are kept. Starts a stopped space.
    async fn restart_space(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The space.")] input: SpaceIdInput,
    ) -> Result<SpacePayload> {
        request(context, input, Request::Restart).await
    }

    /// Removes a space with its volumes and tunnels, for good.
    async fn delete_space(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The space.")] input: SpaceIdInput,
    ) -> Result<SpacePayload> {
        request(context, input, Request::Delete).await
    }

    /// Changes a space's name or description.
    async fn update_space(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateSpaceInput,
    ) -> Result<SpacePayload> {
        let wanted = UpdateSpace {
            name: input.name,
            description: input.description,
            revision: input.revision.map(i64::from),
        };
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        payload(
            app.update_space(actor, origin, &input.space_id, wanted)
                .await,
        )
    }
}
