//! The desktop, in a real browser and against a real space.

use serde_json::json;
use spaceport_tests::{DESKTOP, Database, Installation, browser, docker::Docker, eventually};

/// Opens a terminal on the desktop, as its user, and makes a file once there is a shell in it. Programs
/// in it may copy.
const TERMINAL: &str = "cd /home/dev && HOME=/home/dev \
    setpriv --reuid=dev --regid=dev --init-groups \
    setsid -f xterm -name ours -xrm '*allowWindowOps: true' -geometry 60x20+10+10 \
    -e sh -c 'tty >terminal; touch ready; exec bash --norc' \
    </dev/null >/dev/null 2>&1";

/// A desktop that isn't one.
const LIAR: &str = include_str!("desktop/liar.py");
/// Says where there are menus.
const MENUS: &str = include_str!("desktop/menus.py");

/// Waits until the menus of a desktop are at these places, a line for each.
pub async fn has_menus(docker: &Docker, space: &str, places: &str) {
    let look = format!("python3 - <<'END'\n{MENUS}END");
    eventually("the menus of a desktop", async || {
        docker.inside(space, &look) == (true, places.to_owned())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_work_at_a_desktop_with_nothing_but_a_browser() {
    let home = Installation::start(Database::Sqlite).await;
    let admin = home.admin().await;
    let blueprint = json!({
        "image": DESKTOP, "memoryMib": 1024, "pids": 512, "features": ["VNC", "TERMINAL"],
    });
    let template = admin.create_template("desktops", blueprint).await;
    let ada = admin.create_user("ada", json!({})).await;
    let grace = admin.create_user("grace", json!({})).await;
    let space = ada.run_space(&template, "lab").await;
    let input = json!({ "spaceId": space, "userName": "grace" });
    ada.mutate("shareSpace", input).await.value("space");
    let port = home.edge_address().port();
    let setting = json!({
        "graphql": home.api_url("/graphql"),
        "space": space,
        "owner": { "name": "ada", "token": ada.token() },
        "guest": { "name": "grace", "token": grace.token(), "password": "their password" },
        "app": format!("https://vnc--lab--ada.apps.localhost:{port}"),
        "pictures": browser::pictures("desktop"),
    });
    let servers = [home.api_address(), home.edge_address()];
    let docker = &home.docker;
    let sees = async |script: &str, wanted: &str| {
        eventually(script, async || {
            docker.inside(&space, script) == (true, wanted.to_owned())
        })
        .await;
    };
    let act = async |request: &str| {
        if let Some(wanted) = request.strip_prefix("see the size ") {
            // The window manager's word for it, which counts as a failure to do more.
            sees("icesh randr || true", &format!("0: {wanted}+0+0")).await;
        } else if let Some((file, wanted)) = request
            .strip_prefix("see in ")
            .and_then(|it| it.split_once(':'))
        {
            sees(&format!("cat /home/dev/{file}"), wanted.trim()).await;
        } else if let Some(text) = request.strip_prefix("copy there: ") {
            // A terminal's own sequence for that (xterm's control sequences, OSC 52).
            let copy = format!(
                "printf '\\033]52;c;%s\\a' $(printf '{text}' | base64) >$(cat /home/dev/terminal)"
            );
            docker.read_inside(&space, &copy);
        } else if let Some(size) = request.strip_prefix("be as large as ") {
            let size = size.replace('x', " ");
            let lie = format!(
                "cat >/home/dev/liar.py <<'END'\n{LIAR}END\n\
                 printf '#!/bin/sh\nexec python3 /home/dev/liar.py {size}\n' \
                 >/usr/lib/spaceport/apps/vnc; pkill -x 'Xvnc|python3'"
            );
            docker.read_inside(&space, &lie);
        } else if let Some(place) = request.strip_prefix("see a menu at ") {
            has_menus(docker, &space, place).await;
        } else {
            match request {
                "see no menu" => has_menus(docker, &space, "").await,
                "see the terminal in focus" => {
                    sees("icesh -f getClass | cut -d' ' -f2", "ours.XTerm").await;
                }
                "open a terminal" => {
                    docker.read_inside(&space, TERMINAL);
                    sees("cat /home/dev/ready", "").await;
                }
                "see another terminal, and close it" => {
                    sees("pgrep -xc xterm", "2").await;
                    docker.read_inside(&space, "pkill -nx xterm");
                    sees("pgrep -xc xterm", "1").await;
                }
                "end the desktop" => {
                    docker.read_inside(&space, "pkill -x Xvnc");
                }
                "stop the space" => {
                    ada.stop_space(&space).await;
                }
                "start the space" => {
                    ada.ask("startSpace", &space).await;
                    ada.space_is(&space, "RUNNING").await;
                }
                "end the sign-ins" => {
                    let input = json!({ "userId": ada.viewer_id().await });
                    admin.mutate("disableUser", input).await.value("user");
                }
                other => panic!("asked for {other}"),
            }
        }
    };
    browser::converse("desktop.mjs", setting, &servers, act).await;
}
