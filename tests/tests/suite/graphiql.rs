//! GraphiQL, in a real browser, beside the dashboard.

use serde_json::json;
use spaceport_tests::{BUSYBOX, Database, Installation, browser};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_try_the_api_out_in_a_page_of_its_own() {
    let plan = Installation::plan(Database::Sqlite).set("SPACEPORT_GRAPHIQL", "true");
    let home = plan.without_edge().start().await;
    let admin = home.admin().await;
    let template = admin
        .create_template("plain", json!({ "image": BUSYBOX }))
        .await;
    let ada = admin.create_user("ada", json!({})).await;
    ada.create_space(&template, "lab").await;
    let setting = json!({
        "home": home.api_url("/"),
        "owner": { "name": "ada", "token": ada.token() },
        "password": "their password",
        "template": template,
        "pictures": browser::pictures("graphiql"),
    });
    browser::run("graphiql.mjs", setting, &[home.api_address()]).await;
}

#[tokio::test]
async fn graphiql_is_served_only_where_it_is_wanted() {
    let home = Installation::shared(Database::Sqlite).await;
    for path in ["/graphiql", "/graphiql/icon.svg"] {
        let response = reqwest::get(home.api_url(path)).await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(response.text().await.unwrap(), "", "{path}");
    }
}
