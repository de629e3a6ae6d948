//! What people see: private apps in a real browser.

use serde_json::json;
use spaceport_tests::{Database, Installation, browser};

use crate::security::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_use_private_apps_in_a_real_browser() {
    let home = Installation::shared(Database::Sqlite).await;
    let stage = Stage::open(home, "browser").await;
    let (_, hostile) = stage.tunnel(&stage.mallory).await;
    let setting = json!({
        "graphql": stage.home.api_url("/graphql"),
        "token": stage.ada.client.token(),
        "space": stage.ada.space,
        "userName": stage.ada.name,
        "password": "their password",
        "app": stage.app_url(&stage.ada, "8000", ""),
        "kin": stage.app_url(&stage.ada, "8001", ""),
        "hostile": hostile,
        "pictures": std::env::var("SPACEPORT_TEST_PICTURES").ok(),
    });
    let servers = [stage.home.api_address(), stage.home.edge_address()];
    browser::run("browser.mjs", setting, &servers).await;
}
