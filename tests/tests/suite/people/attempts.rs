//! Guessing passwords.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::json;
use spaceport_tests::{
    Client, Database, Installation, Payload, client::id, eventually, on_both_databases,
};

on_both_databases!(
    guessing_is_slowed_down_where_it_happens_and_nowhere_else,
    a_sign_in_is_no_way_to_guess_its_password,
);

/// Another address of this host.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

async fn sign_in(client: &Client, user: &str, password: &str) -> Payload {
    let input = json!({ "userName": user, "password": password });
    client.mutate("signIn", input).await
}

async fn guessing_is_slowed_down_where_it_happens_and_nowhere_else(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let user = admin.create_user("guessed", json!({})).await;
    let attacker = home.anonymous().from(ELSEWHERE);
    let mut tried = 0;
    let refused = loop {
        let answer = sign_in(&attacker, "guessed", &format!("guess number {tried}")).await;
        if answer.codes() != ["INVALID_CREDENTIALS"] {
            break answer;
        }
        tried += 1;
        assert!(tried < 50, "somebody may guess for ever");
    };
    assert!(tried >= 5, "typing mistakes are forgiven");
    assert_eq!(refused.codes(), ["RATE_LIMITED"]);
    let problem = &refused.problems()[0];
    assert_eq!(problem["__typename"], "ServiceProblem");
    assert!(problem["retryAfterSeconds"].as_i64() > Some(0), "{problem}");

    let right = "their password";
    let answer = sign_in(&attacker, "guessed", right).await;
    assert_eq!(answer.codes(), ["RATE_LIMITED"], "also a right guess");
    assert!(
        sign_in(&home.anonymous(), "guessed", right)
            .await
            .succeeded()
    );
    assert!(user.is_let_in().await);
    assert_eq!(
        sign_in(&attacker, "nobody-here", right).await.codes(),
        ["INVALID_CREDENTIALS"],
        "other accounts are tried from there"
    );
    eventually("a right password works after the wait", async || {
        sign_in(&attacker, "guessed", right).await.succeeded()
    })
    .await;

    // What was tried is in the audit log, but not what was given as the password.
    let filter =
        json!({ "filter": { "action": "signInFailed", "subject": user.viewer_id().await } });
    let document = "query ($filter: AuditFilter) { auditLog(first: 100, filter: $filter) { \
        nodes { id actorId actorName subject address detail } } }";
    let log = admin.query(document, filter).await;
    let entries = log["auditLog"]["nodes"].as_array().expect("a list").clone();
    assert_eq!(entries.len(), tried);
    for entry in &entries {
        assert!(!id(entry).is_empty());
        assert!(entry["actorId"].is_null());
        assert_eq!(entry["actorName"], "guessed");
        assert_eq!(entry["address"], "127.0.0.2");
        assert!(!entry.to_string().contains("guess number"));
    }
}

async fn a_sign_in_is_no_way_to_guess_its_password(database: Database) {
    let home = Installation::shared(database).await;
    let user = home.admin().await.create_user("stolen", json!({})).await;
    let guess = json!({ "currentPassword": "a guess", "newPassword": "a new password" });
    let mut codes = Vec::new();
    for _ in 0..20 {
        codes.extend(user.mutate("changePassword", guess.clone()).await.codes());
    }
    assert_eq!(codes[0], "INVALID_CREDENTIALS");
    assert_eq!(codes[19], "RATE_LIMITED");
}
