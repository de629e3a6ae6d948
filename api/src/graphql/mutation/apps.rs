//! Apps of spaces.

use async_graphql::{Context, Object, Result, SimpleObject};

use crate::graphql::{
    caller::Call,
    error::answer,
    types::{
        inputs::app::{OpenAppInput, RedeemAppCodeInput},
        problem::{self, Problem},
        scalars::DateTime,
    },
};

/// Apps of spaces.
#[derive(Default)]
pub struct AppMutation;

/// The answer to opening an app.
#[derive(SimpleObject)]
pub struct OpenAppPayload {
    /// Where a browser enters the app. Good for a minute and for one browser: who has it enters as
    /// the viewer.
    url: Option<String>,
    /// Why there is none.
    problems: Vec<Problem>,
    /// The position in the event log that includes the change.
    cursor: Option<String>,
}

/// The answer to redeeming a code.
#[derive(SimpleObject)]
pub struct RedeemAppCodePayload {
    /// What the edge knows the browser by from now on: a JWT, signed with the key that
    /// `/.well-known/jwks.json` tells.
    ticket: Option<String>,
    /// When the ticket ends by itself.
    expires_at: Option<DateTime>,
    /// Why there is none.
    problems: Vec<Problem>,
    /// The position in the event log that includes the change.
    cursor: Option<String>,
}

#[Object]
impl AppMutation {
    /// Signs a browser in to one app of one space: one of its ports, or something it offers by
    /// itself. The space needn't run.
    async fn open_app(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The app.")] input: OpenAppInput,
    ) -> Result<OpenAppPayload> {
        let (app, origin, signed_in) = (context.app()?, context.origin()?, context.signed_in()?);
        let opened = app
            .open_app(signed_in, origin, &input.space_id, &input.app)
            .await;
        let (url, problems, cursor) = answer(opened)?;
        Ok(OpenAppPayload {
            url,
            problems: problem::all(problems),
            cursor,
        })
    }

    /// Turns a one-time code into a ticket. For the edge alone.
    async fn redeem_app_code(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The code, and where it was presented.")] input: RedeemAppCodeInput,
    ) -> Result<RedeemAppCodePayload> {
        context.require_edge()?;
        let (app, origin) = (context.app()?, context.origin()?);
        let RedeemAppCodeInput {
            code,
            host,
            address,
        } = input;
        let redeemed = app
            .redeem_app_code(origin, &code, &host, address.as_deref())
            .await;
        let (issued, problems, cursor) = answer(redeemed)?;
        let (ticket, expires_at) = issued
            .map(|issued| (issued.ticket, DateTime::from(issued.expires_at)))
            .unzip();
        Ok(RedeemAppCodePayload {
            ticket,
            expires_at,
            problems: problem::all(problems),
            cursor,
        })
    }
}
