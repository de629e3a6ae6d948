//! Templates.

use async_graphql::{Context, Object, Result, SimpleObject};

use crate::{
    app::{
        AppResult, Done,
        templates::{CreateTemplate, UpdateTemplate},
    },
    graphql::{
        caller::Call,
        error::answer,
        types::{
            inputs::{self, CreateTemplateInput, TemplateIdInput, UpdateTemplateInput},
            problem::{self, Problem},
            template::Template,
        },
    },
    store,
};

/// Templates.
#[derive(Default)]
pub struct TemplateMutation;

/// The answer to a mutation of a template.
#[derive(SimpleObject)]
pub struct TemplatePayload {
    /// The template after the change.
    template: Option<Template>,
    /// Why nothing was changed: every mistake, each with its field.
    problems: Vec<Problem>,
    /// The position in the event log that includes the change.
    cursor: Option<String>,
}

fn payload(result: AppResult<Done<store::Template>>) -> Result<TemplatePayload> {
    let (template, problems, cursor) = answer(result)?;
    let template = template.map(Template::offered);
    Ok(TemplatePayload {
        template,
        problems: problem::all(problems),
        cursor,
    })
}

#[Object]
impl TemplateMutation {
    /// Makes a template and its first version.
    async fn create_template(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The template as it is wanted.")] input: CreateTemplateInput,
    ) -> Result<TemplatePayload> {
        let wanted = CreateTemplate {
            name: input.name,
            description: input.description,
            draft: input.blueprint.into(),
            group_ids: inputs::texts(input.group_ids),
        };
        let app = context.app()?;
        payload(
            app.create_template(context.actor()?, context.origin()?, wanted)
                .await,
        )
    }

    /// Changes a template. A new blueprint becomes its next version.
    async fn update_template(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateTemplateInput,
    ) -> Result<TemplatePayload> {
        let wanted = UpdateTemplate {
            name: input.name,
            description: input.description,
            draft: input.blueprint.map(Into::into),
            group_ids: input.group_ids.map(inputs::texts),
        };
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        payload(
            app.update_template(actor, origin, &input.template_id, wanted)
                .await,
        )
    }

    /// Takes a template away. Spaces made from it live on.
    async fn delete_template(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The template.")] input: TemplateIdInput,
    ) -> Result<TemplatePayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        payload(app.delete_template(actor, origin, &input.template_id).await)
    }
}
