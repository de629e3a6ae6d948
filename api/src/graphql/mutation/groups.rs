//! Groups.

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};

use crate::{
    app::{AppResult, Done},
    graphql::{
        caller::Call,
        error::answer,
        types::{
            group::Group,
            inputs::{CreateGroupInput, GroupIdInput, UpdateGroupInput},
            problem::{self, Problem},
        },
    },
    store,
};

/// Groups.
#[derive(Default)]
pub struct GroupMutation;

/// The answer to a mutation of a group.
#[derive(SimpleObject)]
pub struct GroupPayload {
    /// The group after the change, or before its deletion.
    group: Option<Group>,
    /// Why nothing was changed.
    problems: Vec<Problem>,
    /// The position in the event log that includes the change.
    cursor: Option<String>,
}

fn payload(result: AppResult<Done<store::Group>>) -> Result<GroupPayload> {
    let (group, problems, cursor) = answer(result)?;
    let group = group.map(|group| Group(Arc::new(group)));
    Ok(GroupPayload {
        group,
        problems: problem::all(problems),
        cursor,
    })
}

#[Object]
impl GroupMutation {
    /// Makes a group.
    async fn create_group(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The group as it is wanted.")] input: CreateGroupInput,
    ) -> Result<GroupPayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        payload(
            app.create_group(actor, origin, input.name, input.limits.into())
                .await,
        )
    }

    /// Changes a group.
    async fn update_group(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateGroupInput,
    ) -> Result<GroupPayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        let limits = input.limits.map(Into::into);
        payload(
            app.update_group(actor, origin, &input.group_id, input.name, limits)
                .await,
        )
    }

    /// Removes a group. What it granted goes with it; nothing that runs is stopped.
    async fn delete_group(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The group.")] input: GroupIdInput,
    ) -> Result<GroupPayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        payload(app.delete_group(actor, origin, &input.group_id).await)
    }
}
