//! `spaceport tunnel`.

use clap::{Args, Subcommand};

use crate::{
    api::{
        operations::{
            CreateTunnel, DeleteTunnel, ListTunnels, create_tunnel, delete_tunnel,
            list_tunnels::{self, ListTunnelsTunnelsNodes},
        },
        require,
    },
    failure::Failure,
    output::Table,
    place::SpaceRef,
    session::Session,
};

/// What is done with tunnels.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List tunnels.
    #[command(visible_alias = "list")]
    Ls,
    /// Give a port of a space a public hostname. Whoever knows it gets in, without signing in.
    Add(Add),
    /// Delete a tunnel.
    #[command(visible_alias = "remove")]
    Rm {
        /// The tunnel's name or identifier.
        tunnel: String,
    },
}

/// Makes a tunnel.
#[derive(Debug, Args)]
pub struct Add {
    /// The space.
    space: SpaceRef,
    /// The port inside the space.
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// What to call it; the name is part of the hostname.
    #[arg(long)]
    name: Option<String>,
    /// Make it closed: it keeps its name, and lets nobody in.
    #[arg(long)]
    disabled: bool,
}

/// Does it.
pub async fn run(session: &Session, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Ls => {
            let tunnels = list(session).await?;
            session.output.show(&tunnels, |tunnels| {
                Table::new(&["NAME", "SPACE", "PORT", "ENABLED", "URL"])
                    .rows(tunnels.iter().map(row))
            })
        }
        Command::Add(add) => make(session, add).await,
        Command::Rm { tunnel } => remove(session, tunnel).await,
    }
}

fn row(tunnel: &ListTunnelsTunnelsNodes) -> Vec<String> {
    let space = tunnel.space.as_ref();
    vec![
        tunnel.name.clone(),
        space.map_or_else(String::new, |it| {
            format!("{}/{}", it.owner.user_name, it.name)
        }),
        tunnel.port.to_string(),
        if tunnel.enabled { "yes" } else { "no" }.to_owned(),
        tunnel.url.clone(),
    ]
}

async fn list(session: &Session) -> Result<Vec<ListTunnelsTunnelsNodes>, Failure> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let variables = list_tunnels::Variables { after };
        let page = session.api.ask(ListTunnels, variables).await?.tunnels;
        all.extend(page.nodes);
        after = page.page_info.end_cursor;
        if !page.page_info.has_next_page || after.is_none() {
            return Ok(all);
        }
    }
}

async fn make(session: &Session, add: &Add) -> Result<(), Failure> {
    let input = create_tunnel::CreateTunnelInput {
        space_id: session.space(&add.space).await?.id,
        port: add.port.into(),
        name: add.name.clone(),
        enabled: !add.disabled,
    };
    let variables = create_tunnel::Variables { input };
    let payload = session.api.ask(CreateTunnel, variables).await?;
    let payload = payload.create_tunnel;
    let tunnel = require(payload.tunnel, payload.problems)?;
    session.output.result(&tunnel, &tunnel.url)
}

async fn remove(session: &Session, wanted: &str) -> Result<(), Failure> {
    let tunnels = list(session).await?;
    let is_meant = |tunnel: &&ListTunnelsTunnelsNodes| tunnel.id == wanted || tunnel.name == wanted;
    let meant: Vec<_> = tunnels.iter().filter(is_meant).collect();
    let [tunnel] = meant[..] else {
        return Err(match meant.len() {
            0 => Failure::not_found(format!("there is no tunnel {wanted}"))
                .hint("`spaceport tunnel ls` lists them"),
            _ => Failure::usage(format!("several tunnels are called {wanted}"))
                .hint("name one by its identifier, which `--json` shows"),
        });
    };
    let input = delete_tunnel::TunnelIdInput {
        tunnel_id: tunnel.id.clone(),
    };
    let variables = delete_tunnel::Variables { input };
    let payload = session.api.ask(DeleteTunnel, variables).await?;
    let payload = payload.delete_tunnel;
    let tunnel = require(payload.tunnel, payload.problems)?;
    let sentence = format!("Deleted {}: {} leads nowhere now", tunnel.name, tunnel.url);
    session.output.done(&tunnel, &sentence)
}
