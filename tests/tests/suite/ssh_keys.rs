//! SSH keys, made by the real `ssh-keygen`.

use std::{fs, path::PathBuf, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use spaceport_tests::{Client, Database, Installation, client::id, on_both_databases};

on_both_databases!(
    every_accepted_kind_of_key_has_the_fingerprint_that_openssh_prints,
    keys_on_security_keys_are_accepted,
    weak_and_foreign_keys_are_refused,
    a_private_key_is_refused_and_not_kept_anywhere,
    a_key_belongs_to_one_user_and_nobody_learns_to_whom,
    a_key_is_removed_by_its_owner_and_by_who_manages_users,
    a_sign_in_by_ssh_is_noted_at_the_key_and_in_the_audit_log,
);

/// A key pair in a directory of its own, which goes with it.
struct KeyPair(PathBuf);

impl KeyPair {
    /// Makes a pair with these arguments of `ssh-keygen`.
    fn make(arguments: &[&str]) -> Self {
        let directory =
            std::env::temp_dir().join(format!("spaceport-key-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&directory).expect("a directory");
        let pair = Self(directory);
        let file = pair.file("key").display().to_string();
        let made = Command::new("ssh-keygen")
            .args(arguments)
            .args(["-q", "-N", "", "-C", "ada@example", "-f", &file])
            .output()
            .expect("ssh-keygen runs");
        assert!(made.status.success(), "{arguments:?}: {made:?}");
        pair
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn public(&self) -> String {
        fs::read_to_string(self.file("key.pub")).expect("the public key")
    }

    fn private(&self) -> String {
        fs::read_to_string(self.file("key")).expect("the private key")
    }

    /// The second word of what `ssh-keygen -lf` prints.
    fn fingerprint(&self) -> String {
        let printed = Command::new("ssh-keygen")
            .arg("-lf")
            .arg(self.file("key.pub"))
            .output()
            .expect("ssh-keygen runs");
        let printed = String::from_utf8(printed.stdout).expect("text");
        printed.split(' ').nth(1).expect("a fingerprint").to_owned()
    }
}

impl Drop for KeyPair {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{}: {error}", self.0.display());
        }
    }
}

fn input(name: &str, public_key: &str) -> Value {
    json!({ "name": name, "publicKey": public_key })
}

async fn keys(client: &Client) -> Vec<Value> {
    let fields = "id name fingerprint algorithm publicKey lastUsedAt";
    let document = format!("{{ viewer {{ sshKeys {{ {fields} }} }} }}");
    let data = client.query(&document, json!({})).await;
    let keys = data["viewer"]["sshKeys"].as_array();
    keys.expect("a list").clone()
}

async fn every_accepted_kind_of_key_has_the_fingerprint_that_openssh_prints(database: Database) {
    let home = Installation::shared(database).await;
    let user = home.admin().await.create_user("keyed", json!({})).await;
    for (arguments, algorithm) in [
        (&["-t", "ed25519"][..], "ssh-ed25519"),
        (&["-t", "ecdsa", "-b", "256"], "ecdsa-sha2-nistp256"),
        (&["-t", "ecdsa", "-b", "384"], "ecdsa-sha2-nistp384"),
        (&["-t", "ecdsa", "-b", "521"], "ecdsa-sha2-nistp521"),
        (&["-t", "rsa", "-b", "2048"], "ssh-rsa"),
    ] {
        let pair = KeyPair::make(arguments);
        let public = pair.public();
        let key = user.mutate("addSshKey", input(algorithm, &public)).await;
        let key = key.value("sshKey");
        assert_eq!(key["fingerprint"], pair.fingerprint(), "{arguments:?}");
        assert_eq!(key["algorithm"], algorithm);
        let kept = key["publicKey"].as_str().expect("text");
        assert_eq!(public.trim(), format!("{kept} ada@example"));
    }
    let kept = keys(&user).await;
    assert_eq!(kept.len(), 5);
    assert_eq!(kept[0]["name"], "ssh-ed25519", "oldest first");
    assert_eq!(kept[0]["lastUsedAt"], Value::Null);
}

/// A security key can't be had here, but its public half is no secret: the public half of an
/// ordinary key under the name of the other kind, for the application every such key is made for.
async fn keys_on_security_keys_are_accepted(database: Database) {
    let home = Installation::shared(database).await;
    let user = home.admin().await.create_user("touching", json!({})).await;
    for (arguments, plain, algorithm) in [
        (
            &["-t", "ed25519"][..],
            "ssh-ed25519",
            "sk-ssh-ed25519@openssh.com",
        ),
        (
            &["-t", "ecdsa", "-b", "256"],
            "ecdsa-sha2-nistp256",
            "sk-ecdsa-sha2-nistp256@openssh.com",
        ),
    ] {
        let pair = KeyPair::make(arguments);
        let public = pair.public();
        let key = public.split(' ').nth(1).expect("the key");
        let key = STANDARD.decode(key).expect("base64");
        let rest = &key[4 + plain.len()..];
        let blob = [&text(algorithm), rest, &text("ssh:")].concat();
        let public = format!("{algorithm} {} token", STANDARD.encode(blob));
        fs::write(pair.file("key.pub"), &public).expect("written");
        let key = user.mutate("addSshKey", input("token", &public)).await;
        let key = key.value("sshKey");
        assert_eq!(key["algorithm"], algorithm);
        assert_eq!(key["fingerprint"], pair.fingerprint(), "{algorithm}");
    }
}

/// A text as SSH sends it (RFC 4251 §5).
fn text(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("short").to_be_bytes();
    [&length, text.as_bytes()].concat()
}

async fn weak_and_foreign_keys_are_refused(database: Database) {
    let home = Installation::shared(database).await;
    let user = home.admin().await.create_user("weak", json!({})).await;
    let good = KeyPair::make(&["-t", "ed25519"]).public();
    let short = KeyPair::make(&["-t", "rsa", "-b", "1024"]).public();
    for (public, word) in [
        (short, "2048"),
        (format!("no-pty {good}"), "options"),
        (format!("{good}{good}"), "one line"),
        ("ssh-dss AAAAB3NzaC1kc3M=".to_owned(), "algorithm"),
        ("x".repeat(20_000), "bytes"),
    ] {
        let refused = user.mutate("addSshKey", input("x", &public)).await;
        assert_eq!(refused.codes(), ["INVALID_INPUT"], "{word}");
        let problem = &refused.problems()[0];
        assert_eq!(problem["path"], json!(["publicKey"]));
        let message = problem["message"].as_str().expect("text");
        assert!(message.contains(word), "{message}");
    }
    let nameless = user.mutate("addSshKey", input(" ", &good)).await;
    assert_eq!(nameless.problems()[0]["path"], json!(["name"]));
    assert_eq!(keys(&user).await, Vec::<Value>::new());
}

async fn a_private_key_is_refused_and_not_kept_anywhere(database: Database) {
    let home = Installation::plan(database).without_edge().start().await;
    let admin = home.admin().await;
    let pair = KeyPair::make(&["-t", "ed25519"]);
    let private = pair.private();
    let refused = admin.mutate("addSshKey", input("x", &private)).await;
    assert_eq!(refused.codes(), ["INVALID_INPUT"]);
    let message = refused.problems()[0]["message"].to_string();
    assert!(message.contains("private key"), "{message}");
    let secret = private.lines().nth(2).expect("the middle of the key");
    assert!(!message.contains(secret));
    assert!(!home.api.log().contains(secret));
    assert!(!home.database_holds(secret).await);
}

async fn a_key_belongs_to_one_user_and_nobody_learns_to_whom(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let owner = admin.create_user("keyowner", json!({})).await;
    let other = admin.create_user("keyother", json!({})).await;
    let pair = KeyPair::make(&["-t", "ed25519"]);
    let add = input("mine", &pair.public());
    let (one, two) = futures_util::future::join(
        owner.mutate("addSshKey", add.clone()),
        other.mutate("addSshKey", add.clone()),
    )
    .await;
    assert!(one.succeeded() != two.succeeded(), "{one:?} {two:?}");
    let refused = if one.succeeded() { two } else { one };
    assert_eq!(refused.codes(), ["KEY_TAKEN"]);
    assert_eq!(refused.problems()[0]["__typename"], "ConflictProblem");
    let told = refused.problems()[0].to_string();
    assert!(
        !told.contains("keyowner") && !told.contains("keyother"),
        "{told}"
    );
    // With its owner gone, the key is free.
    for user in [&owner, &other] {
        let id = user.viewer_id().await;
        let input = json!({ "userId": id, "spaces": { "policy": "REFUSE" } });
        admin.mutate("deleteUser", input).await.value("user");
    }
    let next = admin.create_user("keynext", json!({})).await;
    next.mutate("addSshKey", add).await.value("sshKey");
}

async fn a_key_is_removed_by_its_owner_and_by_who_manages_users(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let owner = admin.create_user("remover", json!({})).await;
    let public = KeyPair::make(&["-t", "ed25519"]).public();
    let added = owner.mutate("addSshKey", input("x", &public)).await;
    let key = json!({ "keyId": id(&added.value("sshKey")) });
    let other = admin.create_user("not-remover", json!({})).await;
    let refused = other.mutate("removeSshKey", key.clone()).await;
    assert_eq!(refused.codes(), ["NOT_FOUND"]);
    owner
        .mutate("removeSshKey", key.clone())
        .await
        .value("sshKey");
    let again = owner.mutate("removeSshKey", key).await;
    assert_eq!(again.codes(), ["NOT_FOUND"]);
    let added = owner.mutate("addSshKey", input("again", &public)).await;
    let key = json!({ "keyId": id(&added.value("sshKey")) });
    admin.mutate("removeSshKey", key).await.value("sshKey");
    // Whoever took it for their own, its owner can have it back.
    let added = other.mutate("addSshKey", input("mine", &public)).await;
    added.value("sshKey");
}

async fn a_sign_in_by_ssh_is_noted_at_the_key_and_in_the_audit_log(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let owner = admin.create_user("ssh-visitor", json!({})).await;
    let template = admin.create_template("ssh-visited", json!({})).await;
    let space = owner.create_space(&template, "visited").await;
    let public = KeyPair::make(&["-t", "ed25519"]).public();
    let added = owner.mutate("addSshKey", input("x", &public)).await;
    let key = added.value("sshKey");
    let edge = home.as_edge();
    let sign_in = |key: &str, space: &str, address: &str| {
        let input = json!({ "keyId": key, "spaceId": space, "address": address });
        edge.mutate("recordSshSignIn", input)
    };
    let key_id = id(&key);
    for (key, space, address, code, path) in [
        ("key_x", &*space, "192.0.2.1", "NOT_FOUND", "keyId"),
        (&*key_id, "space_x", "192.0.2.1", "NOT_FOUND", "spaceId"),
        (
            &*key_id,
            &*space,
            "192.0.2.1:22",
            "INVALID_INPUT",
            "address",
        ),
    ] {
        let refused = sign_in(key, space, address).await;
        assert_eq!(refused.codes(), [code]);
        assert_eq!(refused.problems()[0]["path"], json!([path]));
    }
    assert_eq!(keys(&owner).await[0]["lastUsedAt"], Value::Null);
    let recorded = sign_in(&key_id, &space, "2001:db8::7").await;
    assert!(recorded.succeeded(), "{recorded:?}");
    let used = keys(&owner).await[0]["lastUsedAt"].clone();
    assert!(used.as_str() >= key["createdAt"].as_str(), "{used}");
    let log = "query ($space: String!) { auditLog(filter: { action: \"sshSignIn\", \
        subject: $space }) { nodes { actorId actorName address detail at } } }";
    let log = admin.query(log, json!({ "space": space })).await;
    let entry = json!({
        "actorId": owner.viewer_id().await, "actorName": "ssh-visitor", "address": "2001:db8::7",
        "detail": key["fingerprint"], "at": used,
    });
    assert_eq!(log["auditLog"]["nodes"], json!([entry]));
    owner
        .mutate("removeSshKey", json!({ "keyId": key_id }))
        .await
        .value("sshKey");
    let late = sign_in(&key_id, &space, "192.0.2.1").await;
    assert_eq!(late.codes(), ["NOT_FOUND"]);
}
