//! Who did what to what, from where.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use spaceport_tests::{Client, Database, Home, Installation, client::id, on_both_databases};

use crate::people::cli_sign_in::{Page, redemption};

on_both_databases!(
    every_mutation_leaves_exactly_one_entry_of_its_name,
    the_log_is_filtered_by_actor_action_subject_and_time,
    only_who_may_read_the_log_does,
);

const LOG: &str = "query ($filter: AuditFilter, $after: String) { \
    auditLog(first: 100, after: $after, filter: $filter) { \
        nodes { id at actorId actorName action subject address detail } \
        pageInfo { endCursor hasNextPage } } }";

/// Every entry that `filter` lets through.
async fn log(client: &Client, filter: Value) -> Vec<Value> {
    let (mut entries, mut after) = (Vec::new(), Value::Null);
    loop {
        let variables = json!({ "filter": filter, "after": after });
        let mut data = client.query(LOG, variables).await;
        let mut page = data["auditLog"].take();
        entries.append(page["nodes"].as_array_mut().expect("a list"));
        if page["pageInfo"]["hasNextPage"] == false {
            return entries;
        }
        after = page["pageInfo"]["endCursor"].take();
    }
}

/// Carries out every mutation once, each successfully, and says which were.
struct Everything {
    home: Home,
    admin: Client,
    guest: Client,
    /// In which the guest has signed in.
    browser: Page,
    /// A space of the administrator that is shared with the guest.
    shared: String,
    done: BTreeSet<String>,
}

impl Everything {
    /// Asks for something as `client` and gives the thing in the payload.
    async fn ask(&mut self, client: &Client, mutation: &str, thing: &str, input: Value) -> Value {
        let value = client.mutate(mutation, input).await.value(thing);
        assert!(self.done.insert(mutation.to_owned()), "{mutation} twice");
        value
    }

    async fn administer(&mut self, mutation: &str, thing: &str, input: Value) -> Value {
        let admin = self.admin.clone();
        self.ask(&admin, mutation, thing, input).await
    }

    async fn spaces_and_tunnels(&mut self) {
        let template = json!({ "name": "all", "image": spaceport_tests::BUSYBOX, "computeUnits": 1,
            "features": ["TUNNELS", "PORT_FORWARD"] });
        let template = id(&self
            .administer("createTemplate", "template", template)
            .await);
        let renamed = json!({ "templateId": template, "description": "new" });
        self.administer("updateTemplate", "template", renamed).await;
        let input = json!({ "templateId": template, "name": "all" });
        let space = id(&self.administer("createSpace", "space", input).await);
        let it = json!({ "spaceId": space });
        self.administer("startSpace", "space", it.clone()).await;
        self.admin.space_is(&space, "RUNNING").await;
        self.administer("restartSpace", "space", it.clone()).await;
        self.admin.space_is(&space, "RUNNING").await;
        let renamed = json!({ "spaceId": space, "description": "new" });
        self.administer("updateSpace", "space", renamed).await;
        let tunnel = json!({ "spaceId": space, "port": 80 });
        let tunnel = id(&self.administer("createTunnel", "tunnel", tunnel).await);
        let disabled = json!({ "tunnelId": tunnel, "enabled": false });
        self.administer("updateTunnel", "tunnel", disabled).await;
        let tunnel = json!({ "tunnelId": tunnel });
        self.administer("deleteTunnel", "tunnel", tunnel).await;
        let opening = json!({ "spaceId": space, "app": "8000" });
        let url = self.administer("openApp", "url", opening).await;
        let url = url.as_str().expect("a URL");
        let (_, code) = url.split_once("code=").expect("a code");
        let code = json!({ "code": code, "host": "8000--all--admin.apps.localhost" });
        let edge = self.home.as_edge();
        self.ask(&edge, "redeemAppCode", "ticket", code).await;
        self.administer("stopSpace", "space", it.clone()).await;
        self.administer("deleteSpace", "space", it).await;
        let template = json!({ "templateId": template });
        self.administer("deleteTemplate", "template", template)
            .await;
    }

    async fn sharing(&mut self) {
        let it = json!({ "spaceId": self.shared });
        let guest = self.guest.clone();
        self.ask(&guest, "leaveSpace", "space", it.clone()).await;
        let with_guest = json!({ "spaceId": self.shared, "userName": "audit-guest" });
        for mutation in ["shareSpace", "unshareSpace", "transferSpace"] {
            self.administer(mutation, "space", with_guest.clone()).await;
        }
    }

    async fn roles(&mut self) {
        let role = json!({ "name": "all", "permissions": ["CREATE_SPACES"] });
        let role = id(&self.administer("createRole", "role", role).await);
        let renamed = json!({ "roleId": role, "name": "every" });
        self.administer("updateRole", "role", renamed).await;
        let gone = json!({ "roleId": role });
        self.administer("deleteRole", "role", gone).await;
    }

    async fn people(&mut self) {
        let group = json!({ "name": "all" });
        let group = id(&self.administer("createGroup", "group", group).await);
        let renamed = json!({ "groupId": group, "name": "every" });
        self.administer("updateGroup", "group", renamed).await;
        let group = json!({ "groupId": group });
        self.administer("deleteGroup", "group", group).await;
        let user = json!({ "userName": "all", "password": "their password" });
        let user = id(&self.administer("createUser", "user", user).await);
        let renamed = json!({ "userId": user, "displayName": "All" });
        self.administer("updateUser", "user", renamed).await;
        self.account().await;
        let it = json!({ "userId": user });
        self.administer("disableUser", "user", it.clone()).await;
        self.administer("enableUser", "user", it).await;
        let gone = json!({ "userId": user, "spaces": { "policy": "REFUSE" } });
        self.administer("deleteUser", "user", gone).await;
    }

    /// What a user does with their own account.
    async fn account(&mut self) {
        let anonymous = self.home.anonymous();
        let input = json!({ "userName": "all", "password": "their password" });
        let token = self.ask(&anonymous, "signIn", "token", input).await;
        let token = token.as_str().expect("a token");
        let code = self.browser.confirm().await;
        self.ask(&anonymous, "redeemCliCode", "token", redemption(&code))
            .await;
        let user = anonymous.with_token(token);
        let password = json!({ "currentPassword": "their password", "newPassword": "another one" });
        self.ask(&user, "changePassword", "user", password).await;
        let token = json!({ "name": "all" });
        let token = id(&self.ask(&user, "createApiToken", "apiToken", token).await);
        let token = json!({ "tokenId": token });
        self.ask(&user, "revokeApiToken", "apiToken", token).await;
        let key =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
        let key = json!({ "name": "all", "publicKey": key });
        let key = id(&self.ask(&user, "addSshKey", "sshKey", key).await);
        let sign_in = json!({ "keyId": key, "spaceId": self.shared });
        let edge = self.home.as_edge();
        self.ask(&edge, "recordSshSignIn", "cursor", sign_in).await;
        self.ask(&user, "removeSshKey", "sshKey", json!({ "keyId": key }))
            .await;
        let sessions = "{ viewer { sessions { id } } }";
        let sessions = user.query(sessions, json!({})).await;
        let session = json!({ "sessionId": sessions["viewer"]["sessions"][0]["id"] });
        self.administer("revokeSession", "session", session).await;
    }
}

async fn every_mutation_leaves_exactly_one_entry_of_its_name(database: Database) {
    let home = Installation::plan(database).without_edge().start().await;
    let watcher = home.admin().await;
    let admin = home.admin().await;
    let guest = admin.create_user("audit-guest", json!({})).await;
    let template = admin.create_template("shared", json!({})).await;
    let shared = admin.create_space(&template, "shared").await;
    let share = json!({ "spaceId": shared, "userName": "audit-guest" });
    admin.mutate("shareSpace", share).await.value("space");
    let browser = Page::new(&home).signed_in(&guest).await;
    let before = log(&watcher, json!({})).await.len();
    let mut everything = Everything {
        home,
        admin,
        guest,
        browser,
        shared,
        done: BTreeSet::new(),
    };
    everything.spaces_and_tunnels().await;
    everything.sharing().await;
    everything.roles().await;
    everything.people().await;
    everything.admin.sign_out().await;
    everything.done.insert("signOut".to_owned());
    assert_eq!(everything.done, watcher.mutations().await);
    let entries = log(&watcher, json!({})).await.split_off(before);
    for mutation in &everything.done {
        let action = match mutation.as_str() {
            // What the edge notes is named like what somebody else did.
            "recordSshSignIn" => "sshSignIn",
            itself => itself,
        };
        let count = entries.iter().filter(|it| it["action"] == action).count();
        assert_eq!(count, 1, "{mutation}: {entries:#?}");
    }
    assert_eq!(entries.len(), everything.done.len(), "{entries:#?}");
    for entry in &entries {
        assert_eq!(entry["address"], "127.0.0.1");
        assert!(!entry["actorId"].is_null());
        assert!(
            !entry["subject"].as_str().expect("text").is_empty(),
            "{entry}"
        );
    }
}

async fn the_log_is_filtered_by_actor_action_subject_and_time(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let user = admin.create_user("audited", json!({})).await;
    let template = admin.create_template("audited", json!({})).await;
    let first = user.create_space(&template, "first").await;
    let second = user.create_space(&template, "second").await;
    let actor = user.viewer_id().await;
    let actions = |entries: &[Value]| {
        let actions = entries.iter().map(|it| it["action"].to_string());
        actions.collect::<Vec<_>>().join(" ")
    };
    let all = log(&admin, json!({ "actorId": actor })).await;
    assert_eq!(actions(&all), "\"signIn\" \"createSpace\" \"createSpace\"");
    let created = json!({ "actorId": actor, "action": "createSpace" });
    let created = log(&admin, created).await;
    assert_eq!(created[0]["subject"], first.as_str(), "oldest first");
    assert_eq!(created[1]["subject"], second.as_str());
    let of_second = log(&admin, json!({ "subject": second })).await;
    assert_eq!(of_second, created[1..]);
    let (begin, end) = (&all[0]["at"], &created[1]["at"]);
    let between = json!({ "actorId": actor, "since": begin, "until": end });
    let between = log(&admin, between).await;
    assert!(between.iter().all(|it| it["at"].as_str() < end.as_str()));
    assert_eq!(between.first(), Some(&all[0]), "the beginning is included");
    let later = log(&admin, json!({ "actorId": actor, "since": end })).await;
    assert_eq!(between.len() + later.len(), all.len(), "nothing between");
    let never = json!({ "actorId": actor, "since": "2999-01-01T00:00:00Z" });
    assert!(log(&admin, never).await.is_empty());
}

async fn only_who_may_read_the_log_does(database: Database) {
    let home = Installation::shared(database).await;
    let user = home.admin().await.create_user("curious", json!({})).await;
    let codes = user.error_codes(LOG, json!({})).await;
    assert_eq!(codes, ["FORBIDDEN"]);
}
