//! What tokens may be used for.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use spaceport_tests::{Database, Installation, client::id, on_both_databases};

on_both_databases!(
    a_mutation_beyond_a_tokens_scopes_is_forbidden,
    a_narrow_token_of_an_administrator_sees_what_is_their_own,
    a_token_makes_no_wider_token,
    an_expiry_lies_in_the_future,
);

const SCOPES: [&str; 4] = ["READ", "SPACES", "ACCOUNT", "ADMINISTRATION"];

/// Every mutation, an input that changes nothing, and the scope it needs.
fn table() -> Vec<(&'static str, Value, Option<&'static str>)> {
    let spaces = Some("SPACES");
    let account = Some("ACCOUNT");
    let administration = Some("ADMINISTRATION");
    let space = json!({ "spaceId": "space_x" });
    let guest = json!({ "spaceId": "space_x", "userName": "x" });
    let user = json!({ "userId": "user_x" });
    vec![
        ("signIn", json!({ "userName": "x", "password": "x" }), None),
        ("signOut", Value::Null, None),
        (
            "createSpace",
            json!({ "templateId": "x", "name": "" }),
            spaces,
        ),
        ("startSpace", space.clone(), spaces),
        ("stopSpace", space.clone(), spaces),
        ("restartSpace", space.clone(), spaces),
        ("deleteSpace", space.clone(), spaces),
        ("updateSpace", space.clone(), spaces),
        ("shareSpace", guest.clone(), spaces),
        ("unshareSpace", guest.clone(), spaces),
        ("leaveSpace", space, spaces),
        ("transferSpace", guest, spaces),
        ("createTunnel", json!({ "spaceId": "x", "port": 1 }), spaces),
        ("updateTunnel", json!({ "tunnelId": "x" }), spaces),
        ("deleteTunnel", json!({ "tunnelId": "x" }), spaces),
        ("openApp", json!({ "spaceId": "x", "app": "x" }), spaces),
        ("redeemAppCode", json!({ "code": "x", "host": "x" }), None),
        (
            "redeemCliCode",
            json!({ "code": "x", "verifier": "x" }),
            None,
        ),
        (
            "changePassword",
            json!({ "currentPassword": "x", "newPassword": "x" }),
            account,
        ),
        ("revokeSession", json!({ "sessionId": "x" }), account),
        ("addSshKey", json!({ "name": "", "publicKey": "" }), account),
        ("removeSshKey", json!({ "keyId": "x" }), account),
        (
            "recordSshSignIn",
            json!({ "keyId": "x", "spaceId": "x" }),
            None,
        ),
        ("createApiToken", json!({ "name": "" }), account),
        ("revokeApiToken", json!({ "tokenId": "x" }), account),
        (
            "createTemplate",
            json!({ "name": "", "image": "", "computeUnits": 1 }),
            administration,
        ),
        (
            "updateTemplate",
            json!({ "templateId": "x" }),
            administration,
        ),
        (
            "deleteTemplate",
            json!({ "templateId": "x" }),
            administration,
        ),
        (
            "createUser",
            json!({ "userName": "", "password": "" }),
            administration,
        ),
        (
            "createRole",
            json!({ "name": "", "permissions": [] }),
            administration,
        ),
        ("updateRole", json!({ "roleId": "x" }), administration),
        ("deleteRole", json!({ "roleId": "x" }), administration),
        ("updateUser", user.clone(), administration),
        ("disableUser", user.clone(), administration),
        ("enableUser", user, administration),
        (
            "deleteUser",
            json!({ "userId": "x", "spaces": { "policy": "REFUSE" } }),
            administration,
        ),
        ("createGroup", json!({ "name": "" }), administration),
        ("updateGroup", json!({ "groupId": "x" }), administration),
        ("deleteGroup", json!({ "groupId": "x" }), administration),
    ]
}

/// The mutation under the name of one that needs no scope.
fn document(mutation: &str, input: &Value) -> String {
    let input = literal(input);
    let arguments = if input == "null" {
        String::new()
    } else {
        format!("(input: {input})")
    };
    format!("mutation {{ signOut: {mutation}{arguments} {{ problems {{ code }} }} }}")
}

/// A value as a GraphQL literal; texts in capitals are members of enumerations.
fn literal(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields: Vec<_> = fields
                .map(|(name, value)| format!("{name}: {}", literal(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::String(text) if text == "REFUSE" => text.clone(),
        other => other.to_string(),
    }
}

async fn a_mutation_beyond_a_tokens_scopes_is_forbidden(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let table = table();
    let listed: BTreeSet<_> = table.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(listed, admin.mutations().await);
    for scope in SCOPES {
        let narrow = json!({ "scopes": [scope] });
        let mut token = admin.create_token(narrow.clone()).await;
        for (mutation, input, needed) in &table {
            let (_, answer) = token.answer(&document(mutation, input), json!({})).await;
            if *mutation == "signOut" {
                // That ended it.
                token = admin.create_token(narrow.clone()).await;
            }
            if ["redeemAppCode", "recordSshSignIn"].contains(mutation) {
                let error = &answer["errors"][0];
                assert_eq!(error["extensions"]["code"], "FORBIDDEN", "{answer}");
                assert!(error["extensions"]["scope"].is_null(), "no scope will do");
                continue;
            }
            let Some(needed) = needed.filter(|needed| *needed != scope) else {
                assert!(answer["errors"].is_null(), "{mutation} {scope}: {answer}");
                continue;
            };
            let error = &answer["errors"][0];
            assert_eq!(
                error["extensions"]["code"], "FORBIDDEN",
                "{mutation}: {answer}"
            );
            assert_eq!(error["extensions"]["scope"], needed, "{mutation}");
            let message = error["message"].as_str().expect("a message");
            assert!(message.contains(needed), "{message}");
        }
    }
}

async fn a_narrow_token_of_an_administrator_sees_what_is_their_own(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("narrowly", json!({})).await;
    let user = admin.create_user("narrowly", json!({})).await;
    let theirs = user.create_space(&template, "theirs").await;
    let token = admin.create_token(json!({ "scopes": ["SPACES"] })).await;
    assert!(!admin.space(&theirs).await.is_null());
    assert!(token.space(&theirs).await.is_null());
    let stop = token
        .mutate("stopSpace", json!({ "spaceId": theirs }))
        .await;
    assert_eq!(stop.codes(), ["NOT_FOUND"]);
    let log = "{ auditLog { nodes { id } } }";
    assert_eq!(token.error_codes(log, json!({})).await, ["FORBIDDEN"]);
    let mine = token.create_space(&template, "narrowly").await;
    token.delete_space(&mine).await;
}

async fn a_token_makes_no_wider_token(database: Database) {
    let home = Installation::shared(database).await;
    let user = home.admin().await.create_user("minter", json!({})).await;
    let token = user
        .create_token(json!({ "scopes": ["ACCOUNT", "SPACES"] }))
        .await;
    let input = |scopes: &[&str]| json!({ "name": "x", "scopes": scopes });
    let refused = token
        .mutate("createApiToken", input(&["ADMINISTRATION"]))
        .await;
    assert_eq!(refused.codes(), ["FORBIDDEN"]);
    let problem = &refused.problems()[0];
    assert_eq!(problem["path"], json!(["scopes"]));
    assert!(
        problem["message"]
            .as_str()
            .expect("text")
            .contains("ADMINISTRATION")
    );
    let narrower = token.mutate("createApiToken", input(&["SPACES"])).await;
    assert_eq!(
        narrower.value("apiToken")["scopes"],
        json!(["READ", "SPACES"])
    );
    let same = token.mutate("createApiToken", json!({ "name": "x" })).await;
    assert_eq!(
        same.value("apiToken")["scopes"],
        json!(["READ", "SPACES", "ACCOUNT"])
    );
    let whole = user.mutate("createApiToken", json!({ "name": "x" })).await;
    assert_eq!(whole.value("apiToken")["scopes"], json!(SCOPES));
    let revoked = json!({ "tokenId": id(&narrower.value("apiToken")) });
    token
        .mutate("revokeApiToken", revoked)
        .await
        .value("apiToken");
}

async fn an_expiry_lies_in_the_future(database: Database) {
    let home = Installation::shared(database).await;
    let user = home.admin().await.create_user("expirer", json!({})).await;
    let past = json!({ "name": "x", "expiresAt": "2020-01-01T00:00:00Z" });
    let refused = user.mutate("createApiToken", past).await;
    assert_eq!(refused.codes(), ["INVALID_INPUT"]);
    let future = json!({ "expiresAt": "2999-01-01T00:00:00Z" });
    let token = user.create_token(future).await;
    assert!(token.is_let_in().await);
    // What is made with it holds no longer.
    let later = json!({ "name": "x", "expiresAt": "2999-01-02T00:00:00Z" });
    let refused = token.mutate("createApiToken", later).await;
    assert_eq!(refused.codes(), ["INVALID_INPUT"]);
    let made = token.mutate("createApiToken", json!({ "name": "x" })).await;
    let ends = made.value("apiToken")["expiresAt"].clone();
    assert!(
        ends.as_str().is_some_and(|at| at.starts_with("2999-01-01")),
        "{ends}"
    );
}
