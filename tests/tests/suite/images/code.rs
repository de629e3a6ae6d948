//! The image with Code Server.

use serde_json::{Value, json};
use spaceport_tests::{BASE, CODE, browser, eventually};

use super::Place;
use crate::security::{code_for, cookie_of};

/// The user's own.
const SETTINGS: &str = "/home/dev/.local/share/code-server/User/settings.json";
/// What somebody clones to have a look at it: a task that begins when the folder is opened, the setting
/// that allows it, and an extension that a link can name.
const LOOKED_AT: &str = r#"
mkdir -p /home/dev/work/looked-at/.vscode /home/dev/work/looked-at/extension
cd /home/dev/work/looked-at
cat >.vscode/settings.json <<'JSON'
{ "task.allowAutomaticTasks": "on" }
JSON
cat >.vscode/tasks.json <<'JSON'
{ "version": "2.0.0", "tasks": [{
    "label": "begin", "type": "shell", "command": "echo a task >>/home/dev/ran",
    "runOptions": { "runOn": "folderOpen" }
}] }
JSON
cat >extension/package.json <<'JSON'
{ "name": "named", "publisher": "nobody", "version": "1.0.0", "engines": { "vscode": "^1.90.0" },
  "activationEvents": ["*"], "main": "./main.js" }
JSON
echo 'exports.activate = () => require("fs").appendFileSync("/home/dev/ran", "an extension");' >extension/main.js
"#;

fn blueprint() -> Value {
    json!({
        "image": CODE, "memoryMib": 2048, "pids": 512,
        "features": ["CODE_SERVER", "PORT_FORWARD", "TERMINAL"],
        "volumes": [{ "name": "home", "mountPath": "/home/dev", "sizeGib": 1 }],
    })
}

async fn code(name: &str) -> Place {
    let place = Place::open(name, "code", blueprint()).await;
    serves(&place).await;
    place
}

/// Waits until the owner gets an answer of Code Server's own.
async fn serves(place: &Place) {
    let cookie = place.enter("code").await;
    let url = format!("{}/healthz", place.url);
    let serves = async || {
        let cookie = [("cookie", cookie.as_str())];
        place.visitor.get_with(&url, &cookie).await.status == 200
    };
    eventually("Code Server serves", serves).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_editor_is_its_owners_and_nobody_elses() {
    let place = code("edit").await;
    let cookie = place.enter("code").await;
    let url = format!("{}/?folder=/home/dev/work", place.url);
    let own = [("cookie", cookie.as_str())];
    let page = place.visitor.get_with(&url, &own).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("vscode-workbench-web-configuration"));
    // It asks for no password of its own, and is at loopback alone.
    assert_eq!(place.listening(), ["127.0.0.1:13337"]);

    // Whom the space is shared with gets what there is at a name that doesn't exist.
    let input = json!({ "spaceId": place.space, "app": "code" });
    let refused = place.guest.mutate("openApp", input).await;
    assert!(!refused.succeeded());
    let unknown = url.replace("--lab--", "--none--");
    for url in [&url, &unknown] {
        let code = code_for(&place.home, &place.guest, url).await;
        let cookie = cookie_of(&place.visitor.get(&code).await);
        let answer = place.visitor.get_with(url, &[("cookie", &cookie)]).await;
        assert_eq!((answer.status, answer.code()), (404, "UNKNOWN_HOST"));
    }
    let anonymous = place
        .visitor
        .get_with(&url, &[("accept", "text/html")])
        .await;
    assert_eq!(anonymous.status, 303);
    let sign_in = place.home.api_url("/apps/sign-in?");
    assert!(anonymous.header("location").starts_with(&sign_in));
    // The cookie of another app of the same space is none here.
    let other = place.enter("term").await;
    let other = place.visitor.get_with(&url, &[("cookie", &other)]).await;
    assert_eq!(other.status, 401);
}

/// Where Code Server keeps what it knows of its user.
const STATE: &str = "/home/dev/.local/share/code-server";
/// What serves the page of somebody hostile.
const TRAP: &str = include_str!("trap.py");

/// Another person's space, as their page is reached.
async fn stranger(place: &Place) -> Value {
    let admin = place.home.admin().await;
    let blueprint = json!({
        "image": BASE, "command": ["python3", "-c", TRAP], "memoryMib": 256,
        "features": ["TUNNELS", "PORT_FORWARD"],
    });
    let template = admin.create_template("traps", blueprint).await;
    let mallory = admin.create_user("mallory", json!({})).await;
    let space = mallory.run_space(&template, "trap").await;
    let tunnel = mallory.create_tunnel(&space, 8000).await;
    let page = tunnel["url"].as_str().expect("a URL").trim_end_matches('/');
    let serves = async || place.visitor.get(page).await.status == 200;
    eventually("the page of a stranger is served", serves).await;
    json!({ "token": mallory.token(), "space": space, "page": page })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_edit_in_a_real_browser_and_go_on_after_a_stop() {
    let place = code("write").await;
    place.inside("cd /home/dev/work && printf 'one\\n' >notes.txt");
    place.inside(LOOKED_AT);
    // So that what is there has been saved by its keys, and what isn't saved stays so.
    place.inside(&format!(
        r#"sed -i '1a\    "files.autoSave": "off",' {SETTINGS}"#
    ));
    let setting = json!({
        "graphql": place.home.api_url("/graphql"),
        "token": place.owner.token(),
        "space": place.space,
        "stranger": stranger(&place).await,
        "pictures": browser::pictures("code"),
    });
    let servers = [place.home.api_address(), place.home.edge_address()];
    let holds = async |path: &str, text: &str| {
        let script = format!("grep -rhF '{text}' {path} || true");
        let holds = async || !place.inside(&script).is_empty();
        eventually("a file holds what was written", holds).await;
    };
    let act = async |request: &str| match request.split_once(' ') {
        Some(("hold", text)) => holds("/home/dev/work", text).await,
        Some(("set", name)) => holds(&format!("{STATE}/User/settings.json"), name).await,
        Some(("back", text)) => holds(&format!("{STATE}/User/Backups"), text).await,
        None if request == "stop" => {
            place.owner.stop_space(&place.space).await;
        }
        None if request == "start" => {
            place.owner.ask("startSpace", &place.space).await;
            place.owner.space_is(&place.space, "RUNNING").await;
            serves(&place).await;
        }
        Some(("allow", _)) => {
            let setting = r#"s/\("task.allowAutomaticTasks": "\)off/\1on/"#;
            place.inside(&format!("sed -i '{setting}' {SETTINGS}"));
        }
        Some(("see", _)) => {
            let ran = "cat /home/dev/ran || true";
            eventually("a task runs", async || !place.inside(ran).is_empty()).await;
            assert_eq!(place.inside(ran), "a task");
        }
        _ => panic!("asked for {request}"),
    };
    browser::converse("code.mjs", setting, &servers, act).await;
    let kept = place.inside("cat /home/dev/work/notes.txt");
    assert_eq!(kept, "one\ntwo, typed in the editor; three, after all");
}
