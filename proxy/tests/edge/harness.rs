//! An edge with everything around it.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use spaceport_proxy::{Edge, Settings, settings::Source};

use crate::{
    api::Api,
    space::Space,
    visitor::{Got, Visitor},
};

pub(crate) const HOST: &str = "web--ada.tunnels.localhost";

/// A folder that goes with its owner.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let name = format!("spaceport-edge-{}", uuid::Uuid::now_v7());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A control plane, a space, and an edge between them and visitors.
pub(crate) struct House {
    pub(crate) api: Api,
    pub(crate) space: Space,
    pub(crate) edge: Option<Edge>,
    pub(crate) folder: Folder,
    settings: Vec<(&'static str, String)>,
}

impl House {
    /// Open, with the space reachable as [`HOST`].
    pub(crate) async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// Open, with more settings.
    pub(crate) async fn open_with(settings: &[(&'static str, &str)]) -> Self {
        let mut house = Self {
            api: Api::start().await,
            space: Space::start().await,
            edge: None,
            folder: Folder::new(),
            settings: settings
                .iter()
                .map(|(key, it)| (*key, (*it).to_owned()))
                .collect(),
        };
        house.api.say(house.routes("RUNNING"));
        house.start_edge();
        house.knows(&house.api.say(house.routes("RUNNING"))).await;
        house
    }

    pub(crate) fn start_edge(&mut self) {
        let source = Source::new(
            self.environment()
                .iter()
                .map(|(key, value)| (*key, value.as_str())),
            toml::Table::new(),
        );
        self.edge = Some(Edge::start(&Settings::parse(&source).unwrap()).unwrap());
    }

    /// Starts another edge, which takes over; gives the one that drains.
    pub(crate) async fn replace_edge(&mut self) -> Edge {
        let old = self.edge.take().unwrap();
        self.start_edge();
        let cursor = old.routes().current().cursor().unwrap().to_owned();
        self.knows(&cursor).await;
        old
    }

    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = vec![
            ("SPACEPORT_EDGE_LISTEN", "127.0.0.1:0".to_owned()),
            ("SPACEPORT_EDGE_METRICS_LISTEN", "127.0.0.1:0".to_owned()),
            ("SPACEPORT_SSH_LISTEN", "127.0.0.1:0".to_owned()),
            (
                "SPACEPORT_DATA_DIR",
                self.folder.path().display().to_string(),
            ),
            ("SPACEPORT_API_URL", format!("http://{}", self.api.address)),
            ("SPACEPORT_EDGE_TOKEN", "edge-secret".to_owned()),
            ("SPACEPORT_EDGE_WORKERS", "1".to_owned()),
            ("SPACEPORT_EDGE_ALLOW_LOOPBACK_UPSTREAMS", "true".to_owned()),
        ];
        environment.retain(|(key, _)| self.settings.iter().all(|(it, _)| it != key));
        environment.extend(self.settings.clone());
        environment
    }

    /// From the next start on, the edge has one more setting.
    pub(crate) fn set(&mut self, key: &'static str, value: &str) {
        self.settings.push((key, value.to_owned()));
    }

    /// From the next start on, the edge isn't told its token.
    pub(crate) fn without_token(mut self) -> Self {
        self.settings.push(("SPACEPORT_EDGE_TOKEN", String::new()));
        self
    }

    /// The routes of the house's space, in `status`.
    pub(crate) fn routes(&self, status: &str) -> Value {
        routes(1, status, self.space.address, HOST)
    }

    pub(crate) fn edge(&self) -> &Edge {
        self.edge.as_ref().unwrap()
    }

    /// Waits until the edge stands at `cursor`.
    pub(crate) async fn knows(&self, cursor: &str) {
        let routes = self.edge().routes();
        let mut changes = routes.changes();
        let wait = changes.wait_for(|_| routes.current().cursor() == Some(cursor));
        crate::soon(wait).await.unwrap();
    }

    /// Says what is known of a space, and waits until the edge has it.
    pub(crate) async fn say(&self, space: Value) {
        self.knows(&self.api.say(space)).await;
    }

    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::new(self.edge().address(), self.edge().ca_path().unwrap())
    }

    pub(crate) async fn get(&self, host: &str, path: &str) -> Got {
        self.visitor().get(host, path).await
    }

    /// Stops the edge the way a signal does.
    pub(crate) async fn shut_edge_down(&mut self) {
        let edge = self.edge.take().unwrap();
        crate::soon(tokio::task::spawn_blocking(|| edge.shutdown()))
            .await
            .unwrap();
    }
}

/// What the feed says of a space.
pub(crate) fn routes(number: u128, status: &str, target: SocketAddr, host: &str) -> Value {
    json!({
        "spaceId": format!("space_{number:032x}"), "spaceName": "lab <1>",
        "ownerId": format!("user_{number:032x}"), "ownerName": "ada", "status": status,
        "address": IpAddr::to_string(&target.ip()),
        "tunnels": [{"id": format!("tunnel_{number:032x}"), "host": host, "port": target.port()}],
    })
}

/// Waits until a line of the edge's metrics is as said.
pub(crate) async fn counts(edge: &Edge, line: &str) {
    crate::eventually(async || {
        let (_, metrics) = operator(edge, "/metrics").await;
        metrics.lines().any(|it| it == line)
    })
    .await;
}

/// Gets a page of the edge's health and metrics.
pub(crate) async fn operator(edge: &Edge, path: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut stream = tokio::net::TcpStream::connect(edge.metrics_address())
        .await
        .unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    crate::soon(stream.read_to_string(&mut text)).await.unwrap();
    (text[9..12].parse().unwrap(), text)
}
