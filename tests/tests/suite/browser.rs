//! What people see: private apps in a real browser.

use serde_json::json;
use spaceport_tests::{Database, Installation, browser, eventually};

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
        "pictures": browser::pictures("apps"),
    });
    let servers = [stage.home.api_address(), stage.home.edge_address()];
    browser::run("browser.mjs", setting, &servers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_forgets_what_a_space_has_left_when_it_enters_the_next_one_of_its_name() {
    let home = Installation::shared(Database::Sqlite).await;
    let stage = Stage::open(home, "forget").await;
    let ada = &stage.ada;
    let setting = json!({
        "app": stage.app_url(ada, "8000", ""),
        "userName": ada.name,
        "password": "their password",
    });
    let servers = [stage.home.api_address(), stage.home.edge_address()];
    let act = async |request: &str| {
        assert_eq!(request, "replace the space");
        ada.client.delete_space(&ada.space).await;
        let next = ada.client.run_space(&stage.template, ada.space_name).await;
        let next = ada.in_space(next);
        let cookie = stage.enter(&next.client, &next, "8000").await;
        let cookie = [("cookie", cookie.as_str())];
        let serves = async || stage.get(&next, "/seen", &cookie).await.status == 200;
        eventually("the next space serves", serves).await;
    };
    browser::converse("forget.mjs", setting, &servers, act).await;
}
