//! The two that are compared, each a process with one worker.

use std::{fs, net::SocketAddr, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, ensure};
use tokio::process::{Child, Command};

use super::{feed, site::Site, visitor::Visitor};
use crate::installation::{free_address, own_program};

/// How long a server may take to serve.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
const READY_INTERVAL: Duration = Duration::from_millis(50);

/// nginx with what the edge does too: kept connections into the upstream, forwarding fields,
/// request ids, WebSockets, large bodies that aren't stored, an access log written in batches.
const NGINX_CONF: &str = include_str!("nginx.conf");

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// What it is called in the report.
    pub name: &'static str,
    /// Where it takes visitors.
    pub address: SocketAddr,
    /// The process that carries the traffic.
    pub pid: u32,
    child: Child,
}

/// Starts the edge, which lies beside this program.
pub async fn edge(site: &Site) -> anyhow::Result<Server> {
    let address = free_address()?;
    let api = feed::start(site.upstream).await?;
    let child = own_program("spaceport-proxy", &site.dir)?
        .env("SPACEPORT_DATA_DIR", site.file("data"))
        .env("SPACEPORT_API_URL", format!("http://{api}"))
        .env("SPACEPORT_EDGE_TOKEN", "bench")
        .env("SPACEPORT_EDGE_LISTEN", &address)
        .env("SPACEPORT_EDGE_METRICS_LISTEN", free_address()?)
        .env("SPACEPORT_SSH_LISTEN", "off")
        .env("SPACEPORT_EDGE_WORKERS", "1")
        .env("SPACEPORT_EDGE_ALLOW_LOOPBACK_UPSTREAMS", "true")
        .env("SPACEPORT_TLS_CERT", site.certificate())
        .env("SPACEPORT_TLS_KEY", site.key())
        .spawn()?;
    let pid = child.id().context("the edge ended")?;
    let server = Server {
        name: "edge",
        address: address.parse()?,
        pid,
        child,
    };
    server.ready(site).await
}

/// Starts nginx from a configuration of the benchmark's own.
pub async fn nginx(site: &Site) -> anyhow::Result<Server> {
    let address = free_address()?;
    let configuration = NGINX_CONF
        .replace("@dir@", &site.dir.display().to_string())
        .replace("@listen@", &address)
        .replace("@upstream@", &site.upstream.to_string());
    let path = site.file("nginx.conf");
    fs::write(&path, configuration)?;
    let child = Command::new("nginx")
        .arg("-p")
        .arg(&site.dir)
        .arg("-c")
        .arg(&path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(site.file("nginx.log"))?)
        .kill_on_drop(true)
        .spawn()
        .context("nginx isn't installed: run `make bench`")?;
    let pid = child.id().context("nginx ended")?;
    let mut server = Server {
        name: "nginx",
        address: address.parse()?,
        pid,
        child,
    }
    .ready(site)
    .await?;
    server.pid = only_child(server.pid)?;
    Ok(server)
}

impl Server {
    /// Waits until it carries a request to the upstream and back.
    async fn ready(mut self, site: &Site) -> anyhow::Result<Self> {
        let wait = async {
            loop {
                let ended = self.child.try_wait()?;
                ensure!(ended.is_none(), "{} ended by itself", self.name);
                if let Ok(mut visitor) = Visitor::connect(site, self.address).await
                    && visitor.get("/small").await.is_ok()
                {
                    return Ok(());
                }
                tokio::time::sleep(READY_INTERVAL).await;
            }
        };
        tokio::time::timeout(READY_TIMEOUT, wait)
            .await
            .with_context(|| format!("{} doesn't serve", self.name))??;
        Ok(self)
    }

    /// Ends it, its worker included.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(pid) = self.child.id().and_then(|it| i32::try_from(it).ok())
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
        {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        self.child.wait().await?;
        Ok(())
    }
}

/// nginx's master does nothing while its worker serves.
fn only_child(pid: u32) -> anyhow::Result<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = fs::read_to_string(Path::new(&path))?;
    let mut children = children.split_whitespace();
    match (children.next(), children.next()) {
        (Some(only), None) => Ok(only.parse()?),
        _ => anyhow::bail!("nginx has not one worker"),
    }
}
