//! What the lists are filled with.
//!
//! Every space of [`fill`] has an owner, a template, a volume and a tunnel of its own, and every
//! owner a group: a loader that asks once for each would show.

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use crate::{client::Client, installation::Installation};

/// How many of each [`fill`] makes.
pub const FILLED: usize = 50;

const PASSWORD: &str = "a password for an owner";
const VOLUMES_INTERVAL: Duration = Duration::from_millis(200);
const VOLUMES_TIMEOUT: Duration = Duration::from_mins(2);

/// Makes `count` spaces of one owner, without starting them, and waits for their volumes.
pub async fn create_spaces(admin: &Client, count: usize) -> anyhow::Result<()> {
    let template = create_template(admin, "many", &json!([])).await?;
    for number in 0..count {
        create_space(admin, &template, &format!("many-{number}")).await?;
    }
    let made = async {
        while !have_volumes(admin, count).await? {
            tokio::time::sleep(VOLUMES_INTERVAL).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(VOLUMES_TIMEOUT, made)
        .await
        .context("the volumes aren't made")?
}

async fn have_volumes(admin: &Client, count: usize) -> anyhow::Result<bool> {
    let document = "query($n: Int!) { spaces(first: $n) { nodes { volumes { enforced } } } }";
    let data = admin.ask(document, json!({"n": count})).await?;
    let spaces = data["spaces"]["nodes"].as_array().context("no spaces")?;
    let is_made = |space: &Value| !space["volumes"][0]["enforced"].is_null();
    Ok(spaces.iter().all(is_made))
}

/// Makes [`FILLED`] users, each with a group, a template, a space and a tunnel of their own.
pub async fn fill(installation: &Installation, admin: &Client) -> anyhow::Result<()> {
    for number in 0..FILLED {
        let name = format!("owner-{number}");
        let group = admin
            .change(
                "createGroup",
                "CreateGroupInput",
                "group { id }",
                json!({"name": name}),
            )
            .await?;
        let groups = json!([group["group"]["id"]]);
        let user = json!({"userName": name, "password": PASSWORD, "groupIds": groups});
        admin
            .change("createUser", "CreateUserInput", "user { id }", user)
            .await?;
        let template = create_template(admin, &name, &groups).await?;
        let owner = installation.client()?.sign_in(&name, PASSWORD).await?;
        let space = create_space(&owner, &template, &format!("own-{number}")).await?;
        let tunnel = json!({"spaceId": space, "port": 80, "name": "web"});
        owner
            .change("createTunnel", "CreateTunnelInput", "tunnel { id }", tunnel)
            .await?;
    }
    Ok(())
}

/// Makes a template of a container that idles, with one volume.
async fn create_template(admin: &Client, name: &str, groups: &Value) -> anyhow::Result<Value> {
    let mut payload = admin
        .change(
            "createTemplate",
            "CreateTemplateInput",
            "template { id }",
            json!({
                "name": name,
                "image": "spaceport/busybox",
                "command": ["sleep", "infinity"],
                "env": [{"name": "GREETING", "value": "hello"}],
                "cpu": 1.0,
                "memoryMib": 128,
                "pids": 64,
                "volumes": [{"name": "home", "mountPath": "/home", "sizeGib": 1}],
                "ports": [{"name": "web", "port": 80}],
                "features": ["TUNNELS"],
                "computeUnits": 1,
                "groupIds": groups,
            }),
        )
        .await?;
    Ok(payload["template"]["id"].take())
}

async fn create_space(owner: &Client, template: &Value, name: &str) -> anyhow::Result<Value> {
    let input = json!({"templateId": template, "name": name});
    let mut payload = owner
        .change("createSpace", "CreateSpaceInput", "space { id }", input)
        .await?;
    Ok(payload["space"]["id"].take())
}

/// The identifier of the first space of [`create_spaces`].
pub async fn any_space(admin: &Client) -> anyhow::Result<String> {
    let document = "{ spaceByName(name: \"many-0\") { id } }";
    let data = admin.ask(document, Value::Null).await?;
    let id = data["spaceByName"]["id"].as_str();
    Ok(id.context("no such space")?.to_owned())
}
