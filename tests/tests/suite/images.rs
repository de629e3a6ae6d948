//! The space images that bring an app: what it listens at, and whom the edge brings to it.

mod code;
mod desktop;

use serde_json::{Value, json};
use spaceport_tests::{Client, Database, Home, Installation, Visitor};

use crate::security::cookie_of;

/// A running space of an image, its owner, and somebody it is shared with.
struct Place {
    home: Home,
    owner: Client,
    guest: Client,
    visitor: Visitor,
    space: String,
    /// The URL of its app, without a path.
    url: String,
}

impl Place {
    /// `name` is the owner's, too, and tells them from those of other tests.
    async fn open(name: &str, app: &str, blueprint: Value) -> Self {
        let home = Installation::shared(Database::Sqlite).await;
        let admin = home.admin().await;
        let template = admin.create_template(name, blueprint).await;
        let owner = admin.create_user(name, json!({})).await;
        let guest_name = format!("{name}-guest");
        let guest = admin.create_user(&guest_name, json!({})).await;
        let space = owner.run_space(&template, "lab").await;
        let input = json!({ "spaceId": space, "userName": guest_name });
        owner.mutate("shareSpace", input).await.value("space");
        let port = home.edge_address().port();
        Self {
            url: format!("https://{app}--lab--{name}.apps.localhost:{port}"),
            visitor: home.visitor(),
            home,
            owner,
            guest,
            space,
        }
    }

    /// Signs the owner in to an app; what they send as `Cookie` afterwards.
    async fn enter(&self, app: &str) -> String {
        let input = json!({ "spaceId": self.space, "app": app });
        let url = self.owner.mutate("openApp", input).await.value("url");
        let entered = self.visitor.get(url.as_str().expect("a URL")).await;
        assert_eq!(entered.status, 303, "{}", entered.body);
        cookie_of(&entered)
    }

    /// Runs a script in the space as the image's user; it must succeed.
    fn inside(&self, script: &str) -> String {
        let container = self.home.docker.container(&self.space);
        let shell = ["exec", "--user", "dev", &container, "sh", "-c", script];
        self.home.docker.output(&shell)
    }

    /// Where something listens by TCP, but for the agent and the engine's resolver of names.
    fn listening(&self) -> Vec<String> {
        let all = self.inside("ss -Hltn | awk '{ print $4 }'");
        let own = |it: &&str| !it.ends_with(":17433") && !it.starts_with("127.0.0.11:");
        all.lines().filter(own).map(str::to_owned).collect()
    }
}
