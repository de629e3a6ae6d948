//! Sign-ins and the password behind them.

use serde_json::{Value, json};
use spaceport_tests::{
    Client, Database, Installation, Transport, client::id, eventually, on_both_databases,
};

on_both_databases!(
    sign_ins_are_listed_with_where_they_came_from,
    a_revoked_sign_in_ends_with_what_runs_on_it_and_no_other,
    only_who_manages_users_ends_sign_ins_of_others,
    a_new_password_ends_every_other_sign_in,
    uses_of_credentials_are_known,
);

const FOLLOW: &str = "subscription { spacesChanged { change } }";

async fn sessions(client: &Client) -> Vec<Value> {
    let fields = "id createdAt lastUsedAt expiresAt address userAgent current";
    let document = format!("{{ viewer {{ sessions {{ {fields} }} }} }}");
    let mut data = client.query(&document, json!({})).await;
    let sessions = data["viewer"]["sessions"].take();
    sessions.as_array().expect("a list").clone()
}

async fn sign_in_again(client: &Client, user: &str) -> Client {
    client.sign_in(user, "their password").await
}

/// The identifier of the sign-in a client uses.
async fn current(client: &Client) -> String {
    let sessions = sessions(client).await;
    let mut current = sessions.iter().filter(|it| it["current"] == true);
    id(current.next().expect("the sign-in in use"))
}

async fn sign_ins_are_listed_with_where_they_came_from(database: Database) {
    let home = Installation::shared(database).await;
    let first = home.admin().await.create_user("listed", json!({})).await;
    let second = sign_in_again(&first, "listed").await;
    let listed = sessions(&second).await;
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (&listed[0]["current"], &listed[1]["current"]),
        (&json!(false), &json!(true))
    );
    for session in &listed {
        assert_eq!(session["address"], "127.0.0.1");
        assert!(session["expiresAt"].as_str() > session["createdAt"].as_str());
    }
    assert_ne!(current(&first).await, current(&second).await);
    second.sign_out().await;
    assert_eq!(sessions(&first).await.len(), 1);
}

async fn a_revoked_sign_in_ends_with_what_runs_on_it_and_no_other(database: Database) {
    let home = Installation::shared(database).await;
    let kept = home.admin().await.create_user("revoker", json!({})).await;
    let lost = sign_in_again(&kept, "revoker").await;
    let mut following = lost
        .subscribe(Transport::WebSocket, FOLLOW, json!({}))
        .await;
    let input = json!({ "sessionId": current(&lost).await });
    kept.mutate("revokeSession", input.clone())
        .await
        .value("session");
    following.end().await;
    assert!(kept.is_let_in().await && !lost.is_let_in().await);
    let again = kept.mutate("revokeSession", input).await;
    assert_eq!(again.codes(), ["NOT_FOUND"]);
}

async fn only_who_manages_users_ends_sign_ins_of_others(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let user = admin.create_user("theirs", json!({})).await;
    let other = admin.create_user("not-theirs", json!({})).await;
    let input = json!({ "sessionId": current(&user).await });
    let refused = other.mutate("revokeSession", input.clone()).await;
    assert_eq!(refused.codes(), ["NOT_FOUND"]);
    let document = "query ($id: ID!) { node(id: $id) { ... on User { sessions { id current } } } }";
    let listed = admin
        .query(document, json!({ "id": user.viewer_id().await }))
        .await;
    assert_eq!(
        listed["node"]["sessions"],
        json!([{ "id": input["sessionId"], "current": false }])
    );
    admin.mutate("revokeSession", input).await.value("session");
    assert!(!user.is_let_in().await);
}

async fn a_new_password_ends_every_other_sign_in(database: Database) {
    let home = Installation::shared(database).await;
    let kept = home.admin().await.create_user("changer", json!({})).await;
    let lost = sign_in_again(&kept, "changer").await;
    let token = kept.create_token(json!({})).await;
    let mut following = Vec::new();
    for client in [&kept, &lost] {
        let mut subscription = client
            .subscribe(
                Transport::WebSocket,
                "subscription { quotaChanged { spaces { used } } }",
                json!({}),
            )
            .await;
        subscription.next_data().await;
        following.push(subscription);
    }
    let change =
        |current: &str, new: &str| json!({ "currentPassword": current, "newPassword": new });
    for (input, code) in [
        (
            change("not their password", "a new password"),
            "INVALID_CREDENTIALS",
        ),
        (change("their password", "short"), "INVALID_INPUT"),
    ] {
        assert_eq!(kept.mutate("changePassword", input).await.codes(), [code]);
    }
    assert!(lost.is_let_in().await, "nothing was changed");
    let input = change("their password", "a new password");
    kept.mutate("changePassword", input).await.value("user");
    following[1].end().await;
    assert!(kept.is_let_in().await && token.is_let_in().await && !lost.is_let_in().await);
    let old = json!({ "userName": "changer", "password": "their password" });
    let refused = home.anonymous().mutate("signIn", old).await;
    assert_eq!(refused.codes(), ["INVALID_CREDENTIALS"]);
    home.anonymous().sign_in("changer", "a new password").await;
    // What ran on the sign-in that changed the password goes on.
    let template = home
        .admin()
        .await
        .create_template("changer", json!({}))
        .await;
    kept.create_space(&template, "one").await;
    let quota = following[0].next_data().await;
    assert_eq!(quota["quotaChanged"]["spaces"]["used"], 1);
}

async fn uses_of_credentials_are_known(database: Database) {
    let home = Installation::shared(database).await;
    let user = home.admin().await.create_user("used", json!({})).await;
    let token = user.create_token(json!({})).await;
    let document = "{ viewer { apiTokens { lastUsedAt } sessions { createdAt lastUsedAt } } }";
    let known = async || user.query(document, json!({})).await["viewer"].clone();
    assert_eq!(known().await["apiTokens"][0]["lastUsedAt"], Value::Null);
    assert!(token.is_let_in().await);
    eventually("the uses are written", async || {
        let known = known().await;
        let session = &known["sessions"][0];
        !known["apiTokens"][0]["lastUsedAt"].is_null()
            && session["lastUsedAt"].as_str() > session["createdAt"].as_str()
    })
    .await;
}
