//! Where the edge is.

use async_graphql::SimpleObject;

use crate::settings::Settings;

/// Where the edge is, which carries everything into spaces.
#[derive(SimpleObject)]
pub struct Edge {
    /// Below it are the private hostnames of apps: `<app>--<space>--<owner>.<this>`.
    app_domain: String,
    /// Below it are the public hostnames of tunnels.
    tunnel_domain: String,
    /// The port of its HTTPS.
    port: i32,
    /// Where SSH clients reach it; absent when it doesn't serve SSH.
    ssh_host: Option<String>,
    /// The port there.
    ssh_port: Option<i32>,
}

impl From<&Settings> for Edge {
    fn from(settings: &Settings) -> Self {
        let ssh = settings.ssh.as_ref();
        Self {
            app_domain: settings.app_domain.clone(),
            tunnel_domain: settings.tunnel_domain.clone(),
            port: settings.edge_public_port.into(),
            ssh_host: ssh.map(|ssh| ssh.host.clone()),
            ssh_port: ssh.map(|ssh| ssh.port.into()),
        }
    }
}
