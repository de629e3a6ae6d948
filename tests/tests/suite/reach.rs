//! What of a space is reached through the edge by its agent: services at loopback, ports, files, and
//! programs.

mod files;
mod ports;

use serde_json::json;
use spaceport_tests::{BASE, Client, Database, Home, Installation, Visitor};

use crate::security::cookie_of;

/// A space, its owner, and a visitor who is them.
struct Reach {
    home: Home,
    admin: Client,
    owner: Client,
    visitor: Visitor,
    space: String,
    /// What the labels of its apps end in.
    name: String,
}

impl Reach {
    /// The space runs `script`.
    async fn open(database: Database, name: &str, script: &str) -> Self {
        Self::open_in(Installation::shared(database).await, name, script).await
    }

    async fn open_in(home: Home, name: &str, script: &str) -> Self {
        Self::open_with(home, name, script, None).await
    }

    /// The space has so many processor cores; as many as there are, if nothing is said.
    async fn open_with(home: Home, name: &str, script: &str, cpu: Option<f64>) -> Self {
        let admin = home.admin().await;
        let blueprint = json!({
            "image": BASE, "command": ["sh", "-c", script], "cpu": cpu, "memoryMib": 512,
            "features": ["TUNNELS", "PORT_FORWARD", "TERMINAL", "FILES"],
        });
        let template = admin.create_template(name, blueprint).await;
        let owner = admin.create_user(name, json!({})).await;
        let space = owner.run_space(&template, "lab").await;
        Self {
            visitor: home.visitor(),
            name: format!("lab--{name}"),
            home,
            admin,
            owner,
            space,
        }
    }

    fn host(&self, app: &str) -> String {
        format!("{app}--{}.apps.localhost", self.name)
    }

    fn url(&self, app: &str, path: &str) -> String {
        let port = self.home.edge_address().port();
        format!("https://{}:{port}{path}", self.host(app))
    }

    /// Signs the owner in to an app; what they send as `Cookie` afterwards.
    async fn enter(&self, app: &str) -> String {
        let input = json!({ "spaceId": self.space, "app": app });
        let opened = self.owner.mutate("openApp", input).await;
        let url = opened.value("url");
        let entered = self.visitor.get(url.as_str().expect("a URL")).await;
        assert_eq!(entered.status, 303, "{}", entered.body);
        cookie_of(&entered)
    }

    /// Runs a script in the space, as whoever the space runs as.
    fn inside(&self, script: &str) -> String {
        self.home.docker.read_inside(&self.space, script)
    }
}
