//! The whole story in a real browser: what the README's tour tells, with the templates that
//! `make run` makes.

use serde_json::json;
use spaceport_tests::{Database, Installation, browser, installation::ADMIN_PASSWORD};

use crate::desktop::has_menus;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_gets_from_an_empty_account_to_everything_and_back() {
    let plan = Installation::plan(Database::Sqlite).set("SPACEPORT_DEMO", "true");
    let home = plan.start().await;
    home.admin().await.create_user("grace", json!({})).await;
    let setting = json!({
        "home": home.api_url("/"),
        "owner": { "name": "admin", "password": ADMIN_PASSWORD },
        "guest": { "name": "grace", "password": "their password" },
        "pictures": browser::pictures("story"),
    });
    let servers = [home.api_address(), home.edge_address()];
    let act = async |request: &str| {
        let menu = request.strip_prefix("see a menu at ");
        let (place, space) = menu.and_then(|it| it.split_once(" of ")).expect(request);
        has_menus(&home.docker, space, place).await;
    };
    browser::converse("story.mjs", setting, &servers, act).await;
}
