//! Who somebody is, and what stays between them and Spaceport.

use std::os::unix::fs::PermissionsExt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Value, json};
use spaceport_tests::{
    Client, Database, Installation, client::id, eventually, installation::ADMIN_PASSWORD,
    on_both_databases,
};

on_both_databases!(
    who_signs_in_with_a_wrong_password_learns_nothing,
    a_sign_in_can_be_checked_by_anybody_with_the_published_key,
    who_signs_out_is_out,
    an_api_token_is_shown_once_and_ends_when_taken_back_or_expired,
    a_new_password_ends_what_was_signed_in_with_the_old_one,
    users_and_groups_are_managed_by_who_may,
    what_is_somebody_elses_does_not_exist,
    passwords_and_tokens_are_kept_and_logged_nowhere,
);

const VIEWER: &str = "{ viewer { userName displayName } }";

async fn is_out(client: &Client) -> bool {
    let (_, answer) = client.answer(VIEWER, json!({})).await;
    answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
}

async fn who_signs_in_with_a_wrong_password_learns_nothing(database: Database) {
    let home = Installation::shared(database).await;
    let nobody = home.anonymous();
    assert!(is_out(&nobody).await);
    let mut refusals = Vec::new();
    for (user, password) in [
        ("admin", "not the password"),
        ("nobody-of-this-name", "not the password"),
        ("No Name At All", ""),
    ] {
        let input = json!({ "userName": user, "password": password });
        let refused = nobody.mutate("signIn", input).await;
        assert_eq!(refused.codes(), ["INVALID_CREDENTIALS"]);
        refusals.push(refused.problems());
    }
    assert!(refusals.iter().all(|it| *it == refusals[0]), "{refusals:?}");
    let admin = nobody.sign_in("admin", ADMIN_PASSWORD).await;
    let viewer = admin.query(VIEWER, json!({})).await;
    assert_eq!(viewer["viewer"]["userName"], "admin");
}

async fn a_sign_in_can_be_checked_by_anybody_with_the_published_key(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let answer = reqwest::get(home.api_url("/.well-known/jwks.json")).await;
    let keys: JwkSet = answer.unwrap().json().await.unwrap();
    let header = jsonwebtoken::decode_header(admin.token()).unwrap();
    assert_eq!(header.alg, Algorithm::EdDSA);
    let key = keys
        .find(&header.kid.unwrap())
        .expect("the key is published");
    let key = DecodingKey::from_jwk(key).unwrap();
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&["spaceport-api"]);
    let check = |token: &str| jsonwebtoken::decode::<Value>(token, &key, &validation);
    let claims = check(admin.token()).expect("the signature holds").claims;
    let viewer = admin.query("{ viewer { id } }", json!({})).await;
    assert_eq!(claims["sub"], viewer["viewer"]["id"]);

    // Who changes what it says breaks the signature, and is nobody.
    let parts: Vec<&str> = admin.token().split('.').collect();
    let mut forged = claims.clone();
    forged["exp"] = json!(claims["exp"].as_i64().unwrap() + 1);
    let unsigned = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "JWT" }).to_string());
    let forged = URL_SAFE_NO_PAD.encode(forged.to_string());
    for token in [
        [parts[0], &forged, parts[2]].join("."),
        [&*unsigned, parts[1], ""].join("."),
    ] {
        assert!(check(&token).is_err());
        assert!(is_out(&admin.with_token(&token)).await);
    }
}

async fn who_signs_out_is_out(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let user = admin.create_user("leaving", json!({})).await;
    let elsewhere = home.anonymous().sign_in("leaving", "their password").await;
    user.sign_out().await;
    assert!(is_out(&user).await);
    assert!(!is_out(&elsewhere).await, "the other sign-in goes on");
}

async fn an_api_token_is_shown_once_and_ends_when_taken_back_or_expired(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let user = admin.create_user("programmer", json!({})).await;
    let made = user
        .mutate("createApiToken", json!({ "name": "robot" }))
        .await;
    let token = made.value("token");
    let token = token.as_str().unwrap();
    let robot = user.with_token(token);
    assert!(!is_out(&robot).await);

    let list = "{ viewer { apiTokens { id name expiresAt revokedAt } } }";
    let tokens = user.query(list, json!({})).await;
    assert_eq!(tokens["viewer"]["apiTokens"][0]["name"], "robot");
    assert!(!tokens.to_string().contains(token));
    assert!(!home.database_holds(token).await);
    // It may have an underscore, too.
    let secret = token.strip_prefix("spt_").unwrap();
    assert!(!home.database_holds(secret).await);

    let revoke = json!({ "tokenId": made.value("apiToken")["id"] });
    user.mutate("revokeApiToken", revoke)
        .await
        .value("apiToken");
    assert!(is_out(&robot).await);

    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(10);
    let input = json!({ "name": "brief", "expiresAt": soon.to_string() });
    let brief = user.mutate("createApiToken", input).await.value("token");
    let brief = user.with_token(brief.as_str().unwrap());
    assert!(!is_out(&brief).await);
    eventually("the token expires", async || is_out(&brief).await).await;
    assert!(jiff::Timestamp::now() >= soon);
    let past = json!({ "name": "late", "expiresAt": "2020-01-01T00:00:00Z" });
    let past = user.mutate("createApiToken", past).await.problems();
    assert_eq!(past[0]["path"], json!(["expiresAt"]));
}

async fn a_new_password_ends_what_was_signed_in_with_the_old_one(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let user = admin.create_user("careless", json!({})).await;
    let viewer = user.query("{ viewer { id } }", json!({})).await;
    let made = user
        .mutate("createApiToken", json!({ "name": "stolen" }))
        .await;
    let robot = user.with_token(made.value("token").as_str().unwrap());
    let input = json!({ "userId": viewer["viewer"]["id"], "password": "another password" });
    admin.mutate("updateUser", input).await.value("user");
    assert!(is_out(&user).await);
    assert!(is_out(&robot).await);
    let old = json!({ "userName": "careless", "password": "their password" });
    let old = home.anonymous().mutate("signIn", old).await;
    assert_eq!(old.codes(), ["INVALID_CREDENTIALS"]);
    let again = home
        .anonymous()
        .sign_in("careless", "another password")
        .await;
    assert!(!is_out(&again).await);
}

async fn users_and_groups_are_managed_by_who_may(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let group = json!({ "name": "crew", "limits": { "computeUnits": 2 } });
    let group = id(&admin.mutate("createGroup", group).await.value("group"));
    let input = json!({
        "userName": "sailor", "password": "their password", "displayName": "A Sailor",
        "groupIds": [group], "limits": { "spaces": 3 },
    });
    let made = admin
        .mutate("createUser", input.clone())
        .await
        .value("user");
    assert_eq!(made["displayName"], "A Sailor");
    assert_eq!(made["groups"], json!([{ "id": group, "name": "crew" }]));
    assert_eq!(made["roles"][0]["name"], "Developer");
    assert_eq!(
        admin.mutate("createUser", input).await.codes(),
        ["NAME_TAKEN"]
    );

    // Every mistake is named at once.
    let wrong = json!({
        "userName": "Not A Name", "password": "short", "displayName": " ", "roleIds": ["role"],
        "groupIds": ["group"], "limits": { "spaces": -1 },
    });
    let mut paths: Vec<String> = admin
        .mutate("createUser", wrong)
        .await
        .problems()
        .iter()
        .map(|problem| problem["path"].to_string())
        .collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            r#"["displayName"]"#,
            r#"["groupIds","0"]"#,
            r#"["limits","spaces"]"#,
            r#"["password"]"#,
            r#"["roleIds","0"]"#,
            r#"["userName"]"#,
        ]
    );

    let sailor = home.anonymous().sign_in("sailor", "their password").await;
    let users = sailor
        .query("{ users { nodes { userName } } }", json!({}))
        .await;
    assert_eq!(users["users"]["nodes"], json!([{ "userName": "sailor" }]));
    let template = json!({ "name": "a-sailors", "image": "x", "computeUnits": 1 });
    let missing = "group_00000000000070008000000000000001";
    for (mutation, input) in [
        (
            "createUser",
            json!({ "userName": "mate", "password": "their password" }),
        ),
        ("updateUser", json!({ "userId": made["id"], "limits": {} })),
        ("createGroup", json!({ "name": "mutineers" })),
        (
            "updateGroup",
            json!({ "groupId": group, "name": "mutineers" }),
        ),
        // It answers the same for what doesn't exist.
        ("deleteGroup", json!({ "groupId": group })),
        ("deleteGroup", json!({ "groupId": missing })),
        ("createTemplate", template),
    ] {
        let refused = sailor.mutate(mutation, input).await;
        assert_eq!(refused.codes(), ["FORBIDDEN"], "{mutation}");
    }
    let log = sailor
        .error_codes("{ auditLog { nodes { id } } }", json!({}))
        .await;
    assert_eq!(log, ["FORBIDDEN"]);
    let gone = admin
        .mutate("deleteGroup", json!({ "groupId": missing }))
        .await;
    assert_eq!(gone.codes(), ["NOT_FOUND"]);
    admin
        .mutate("deleteGroup", json!({ "groupId": group }))
        .await
        .value("group");
    let groups = sailor
        .query("{ viewer { groups { id } } }", json!({}))
        .await;
    assert_eq!(groups["viewer"]["groups"], json!([]));
}

async fn what_is_somebody_elses_does_not_exist(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("private", json!({})).await;
    let owner = admin.create_user("owner", json!({})).await;
    let stranger = admin.create_user("stranger", json!({})).await;
    let space = owner.create_space(&template, "mine").await;
    let tunnel = id(&owner.create_tunnel(&space, 80).await);
    let token = owner
        .mutate("createApiToken", json!({ "name": "mine" }))
        .await;
    let token = id(&token.value("apiToken"));

    let missing = space.replace(&space[space.len() - 12..], "000000000000");
    for mutation in [
        "startSpace",
        "stopSpace",
        "restartSpace",
        "deleteSpace",
        "updateSpace",
    ] {
        let [theirs, nothing] = [&space, &missing].map(|id| json!({ "spaceId": id }));
        let theirs = stranger.mutate(mutation, theirs).await.problems();
        assert_eq!(theirs[0]["code"], "NOT_FOUND", "{mutation}");
        let nothing = stranger.mutate(mutation, nothing).await.problems();
        assert_eq!(theirs, nothing, "{mutation}");
    }
    for (mutation, input) in [
        ("createTunnel", json!({ "spaceId": space, "port": 80 })),
        ("deleteTunnel", json!({ "tunnelId": tunnel })),
        ("revokeApiToken", json!({ "tokenId": token })),
    ] {
        let refused = stranger.mutate(mutation, input).await;
        assert_eq!(refused.codes(), ["NOT_FOUND"], "{mutation}");
    }
    let document = "query ($space: ID!, $tunnel: ID!) {
        space(id: $space) { id }
        spaceByName(owner: \"owner\", name: \"mine\") { id }
        spaces { nodes { id } }
        tunnels { nodes { id } }
        node(id: $space) { id }
        tunnel: node(id: $tunnel) { id }
    }";
    let variables = json!({ "space": space, "tunnel": tunnel });
    let seen = stranger.query(document, variables.clone()).await;
    let nothing = json!({
        "space": null, "spaceByName": null, "spaces": { "nodes": [] },
        "tunnels": { "nodes": [] }, "node": null, "tunnel": null,
    });
    assert_eq!(seen, nothing);
    let seen = owner.query(document, variables).await;
    assert_eq!(seen["spaceByName"]["id"], space.as_str());
    assert_eq!(seen["tunnel"]["id"], tunnel.as_str());
}

async fn passwords_and_tokens_are_kept_and_logged_nowhere(database: Database) {
    let home = Installation::plan(database)
        .set("SPACEPORT_LOG", "trace")
        .start()
        .await;
    let admin = home.admin().await;
    let input = json!({ "userName": "secretive", "password": "a most secret word" });
    admin.mutate("createUser", input).await.value("user");
    let user = home
        .anonymous()
        .sign_in("secretive", "a most secret word")
        .await;
    let wrong = json!({ "userName": "secretive", "password": "a mistaken secret" });
    home.anonymous().mutate("signIn", wrong).await;
    // In the document itself, where a client should not write it.
    let inline = "mutation { signIn(input: { userName: \"secretive\", password: \"an inlined secret\" }) { token } }";
    home.anonymous().query(inline, json!({})).await;
    let made = user
        .mutate("createApiToken", json!({ "name": "robot" }))
        .await;
    let token = made.value("token");
    let robot = user.with_token(token.as_str().unwrap());
    assert!(!is_out(&robot).await);
    let edge_token = std::fs::read_to_string(home.data_dir().join("edge.token")).unwrap();
    for secret in [
        ADMIN_PASSWORD,
        "a most secret word",
        "a mistaken secret",
        "an inlined secret",
        admin.token(),
        user.token(),
        robot.token(),
        edge_token.trim(),
    ] {
        assert!(
            !home.database_holds(secret).await,
            "{secret} is in the database"
        );
        assert!(
            !home.api.log().contains(secret),
            "{secret} is in the API's log"
        );
        assert!(
            !home.edge.log().contains(secret),
            "{secret} is in the edge's log"
        );
    }
    assert!(home.database_holds("$argon2id$").await);
    assert!(home.api.log().contains("TRACE"), "the log says a lot");
}

#[tokio::test]
async fn a_generated_password_is_printed_once_and_only_root_reads_it() {
    let home = Installation::plan(Database::Sqlite)
        .unset("SPACEPORT_ADMIN_PASSWORD")
        .without_edge()
        .start()
        .await;
    let path = home.data_dir().join("initial-admin-password");
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let password = std::fs::read_to_string(&path).unwrap();
    let password = password.trim();
    assert!(password.len() >= 20);
    home.crash_api().await;
    assert_eq!(home.api.log().matches(password).count(), 1);
    assert!(!home.database_holds(password).await);
    let admin = home.anonymous().sign_in("admin", password).await;
    assert!(!is_out(&admin).await);
    // The file goes with the password, not with anybody's else.
    let other = admin.create_user("other", json!({})).await;
    let mut change =
        json!({ "currentPassword": "their password", "newPassword": "a later password" });
    other
        .mutate("changePassword", change.clone())
        .await
        .value("user");
    assert!(path.exists());
    change["currentPassword"] = password.into();
    admin.mutate("changePassword", change).await.value("user");
    assert!(!path.exists());
}

#[tokio::test]
async fn a_given_password_is_written_nowhere() {
    let home = Installation::shared(Database::Sqlite).await;
    assert!(!is_out(&home.admin().await).await);
    assert!(!home.data_dir().join("initial-admin-password").exists());
    assert!(!home.api.log().contains(ADMIN_PASSWORD));
}
