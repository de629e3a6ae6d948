//! Tunnels.

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};
use spaceport_domain::tunnel;

use crate::{
    app::{
        AppResult, Done,
        tunnels::{CreateTunnel, UpdateTunnel},
    },
    graphql::{
        caller::Call,
        error::answer,
        types::{
            inputs::{CreateTunnelInput, TunnelIdInput, UpdateTunnelInput},
            problem::{self, Problem},
            tunnel::Tunnel,
        },
    },
};

/// Tunnels.
#[derive(Default)]
pub struct TunnelMutation;

/// The answer to a mutation of a tunnel.
#[derive(SimpleObject)]
pub struct TunnelPayload {
    /// The tunnel after the change, or before its deletion.
    tunnel: Option<Tunnel>,
    /// Why nothing was changed.
    problems: Vec<Problem>,
    /// The position in the event log that includes the change.
    cursor: Option<String>,
}

fn payload(result: AppResult<Done<tunnel::Tunnel>>) -> Result<TunnelPayload> {
    let (tunnel, problems, cursor) = answer(result)?;
    let tunnel = tunnel.map(|tunnel| Tunnel(Arc::new(tunnel)));
    Ok(TunnelPayload {
        tunnel,
        problems: problem::all(problems),
        cursor,
    })
}

#[Object]
impl TunnelMutation {
    /// Makes a public hostname for one port of a space. Whoever knows it reaches the port. There is
    /// none for a port at which the space serves Code Server or its desktop, unless the template
    /// declares it.
    async fn create_tunnel(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The tunnel as it is wanted.")] input: CreateTunnelInput,
    ) -> Result<TunnelPayload> {
        let wanted = CreateTunnel {
            space_id: input.space_id.0,
            port: input.port.into(),
            name: input.name,
            enabled: input.enabled,
        };
        let app = context.app()?;
        payload(
            app.create_tunnel(context.actor()?, context.origin()?, wanted)
                .await,
        )
    }

    /// Renames, enables or disables a tunnel, or leads it to another port. What is so already
    /// changes nothing.
    async fn update_tunnel(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to change.")] input: UpdateTunnelInput,
    ) -> Result<TunnelPayload> {
        let wanted = UpdateTunnel {
            name: input.name,
            port: input.port.map(i64::from),
            enabled: input.enabled,
        };
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        payload(
            app.update_tunnel(actor, origin, &input.tunnel_id, wanted)
                .await,
        )
    }

    /// Takes a tunnel away.
    async fn delete_tunnel(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The tunnel.")] input: TunnelIdInput,
    ) -> Result<TunnelPayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        payload(app.delete_tunnel(actor, origin, &input.tunnel_id).await)
    }
}
