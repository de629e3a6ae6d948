//! Which features of a space somebody can use: what the template enables, what their roles allow
//! and what they are to the space must agree.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use spaceport_domain::{access::SUPPORTED_FEATURES, template::Feature};
use spaceport_tests::{Client, Database, Installation, client::id, on_both_databases};

on_both_databases!(
    a_feature_needs_template_permission_and_relation,
    roles_add_up_and_take_effect_at_once,
    nobody_hands_out_more_than_they_have,
    built_in_roles_stay_as_they_are,
    who_may_not_enter_spaces_does_not_let_themselves_in,
);

const FEATURES: &str = "query ($id: ID!) { space(id: $id) { viewerRelation \
    features { feature available reason } } }";

fn spelled(feature: Feature) -> String {
    let value = serde_json::to_value(feature).expect("serialises");
    value.as_str().expect("a text").to_owned()
}

/// What somebody is told of a feature when everything agrees, as far as this version carries it.
fn granted(feature: Feature) -> Value {
    if SUPPORTED_FEATURES.contains(&feature) {
        Value::Null
    } else {
        json!("NOT_SUPPORTED")
    }
}

/// Somebody who looks at a space, and what they must be told of each feature.
struct Viewer {
    who: &'static str,
    client: Client,
    relation: Option<&'static str>,
    /// Of a feature that the template enables.
    reason: fn(Feature) -> Value,
}

async fn role(admin: &Client, name: &str, permissions: &[&str]) -> String {
    let input = json!({ "name": name, "permissions": permissions });
    id(&admin.mutate("createRole", input).await.value("role"))
}

/// Everybody who may look at the owner's spaces, made for the purpose.
async fn viewers(admin: &Client, owner: &Client, group: &str) -> Vec<Viewer> {
    let viewer = |who, client, relation, reason| Viewer {
        who,
        client,
        relation,
        reason,
    };
    let with_role = async |name: &str, permissions: &[&str]| {
        let role = role(admin, name, permissions).await;
        admin.create_user(name, json!({ "roleIds": [role] })).await
    };
    let guest = admin.create_user("table-shared", json!({})).await;
    let powerless = with_role("table-powerless", &["CREATE_SPACES"]).await;
    let mate = json!({ "groupIds": [group] });
    let mate = admin.create_user("table-mate", mate).await;
    let stranger = admin.create_user("table-stranger", json!({})).await;
    let manager = with_role("table-manager", &["MANAGE_SPACES"]).await;
    let entering = [
        "MANAGE_SPACES",
        "ENTER_SPACES",
        "USE_TERMINAL",
        "USE_TUNNELS",
    ];
    let enterer = with_role("table-enterer", &entering).await;
    vec![
        viewer("owner", owner.clone(), Some("OWNER"), granted),
        viewer("guest", guest, Some("SHARED"), |feature| match feature {
            Feature::Terminal | Feature::Ssh => granted(feature),
            _ => json!("NOT_SHARED"),
        }),
        viewer(
            "guest without permissions",
            powerless,
            Some("SHARED"),
            |feature| match feature {
                Feature::Terminal | Feature::Ssh => json!("PERMISSION_MISSING"),
                _ => json!("NOT_SHARED"),
            },
        ),
        viewer("group mate", mate, None, granted),
        viewer("stranger", stranger, None, granted),
        viewer(
            "administrator",
            admin.clone(),
            Some("ADMINISTRATOR"),
            granted,
        ),
        viewer(
            "manager who may not enter",
            manager,
            Some("ADMINISTRATOR"),
            |_| json!("PERMISSION_MISSING"),
        ),
        viewer(
            "manager who may enter for some",
            enterer,
            Some("ADMINISTRATOR"),
            |feature| match feature {
                Feature::Terminal | Feature::Tunnels => granted(feature),
                _ => json!("PERMISSION_MISSING"),
            },
        ),
    ]
}

/// Whether `viewer` is told what they must be of a space whose template enables `enabled`.
async fn is_told(viewer: &Viewer, space: &str, enabled: &BTreeSet<Feature>) {
    let mut seen = viewer.client.query(FEATURES, json!({ "id": space })).await;
    let seen = seen["space"].take();
    let Some(relation) = viewer.relation else {
        assert_eq!(seen, Value::Null, "{}: the space doesn't exist", viewer.who);
        return;
    };
    assert_eq!(seen["viewerRelation"], relation, "{}", viewer.who);
    let told = seen["features"].as_array().expect("a list");
    assert_eq!(told.len(), Feature::ALL.len());
    for (feature, told) in Feature::ALL.into_iter().zip(told) {
        let reason = if enabled.contains(&feature) {
            (viewer.reason)(feature)
        } else {
            json!("TEMPLATE_DISABLED")
        };
        let expected = json!({
            "feature": spelled(feature),
            "available": reason.is_null(),
            "reason": reason,
        });
        assert_eq!(told, &expected, "{} of {enabled:?}", viewer.who);
    }
}

/// Every feature × owner, guest, group mate, stranger, administrators of three kinds, anonymous ×
/// enabled by the template or not.
async fn a_feature_needs_template_permission_and_relation(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let group = json!({ "name": "table-mates" });
    let group = id(&admin.mutate("createGroup", group).await.value("group"));
    let in_group = json!({ "groupIds": [group] });
    let owner = admin.create_user("table-owner", in_group).await;
    let viewers = viewers(&admin, &owner, &group).await;
    for (setting, enabled) in [
        ("all", Feature::ALL.to_vec()),
        ("none", Vec::new()),
        ("some", vec![Feature::Ssh, Feature::Tunnels]),
    ] {
        let name = format!("table-{setting}");
        let names: Vec<_> = enabled.iter().copied().map(spelled).collect();
        let template = json!({ "features": names });
        let template = admin.create_template(&name, template).await;
        let space = owner.create_space(&template, &name).await;
        for guest in ["table-shared", "table-powerless"] {
            let share = json!({ "spaceId": space, "userName": guest });
            owner.mutate("shareSpace", share).await.value("space");
        }
        let enabled: BTreeSet<_> = enabled.into_iter().collect();
        for viewer in &viewers {
            is_told(viewer, &space, &enabled).await;
        }
        let anonymous = home.anonymous();
        let codes = anonymous
            .error_codes(FEATURES, json!({ "id": space }))
            .await;
        assert_eq!(codes, ["UNAUTHENTICATED"]);
    }
}

async fn roles_add_up_and_take_effect_at_once(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("adding-up", json!({})).await;
    let making = role(&admin, "adding-making", &["CREATE_SPACES"]).await;
    let tunneling = role(&admin, "adding-tunnels", &["USE_TUNNELS"]).await;
    let roles = json!({ "roleIds": [making, tunneling] });
    let user = admin.create_user("adding-up", roles).await;
    let space = user.create_space(&template, "both").await;
    user.create_tunnel(&space, 80).await;
    let less = json!({ "roleId": tunneling, "permissions": [] });
    admin.mutate("updateRole", less).await.value("role");
    let tunnel = json!({ "spaceId": space, "port": 81 });
    let refused = user.mutate("createTunnel", tunnel.clone()).await;
    assert_eq!(refused.codes(), ["FORBIDDEN"]);
    let more = json!({ "roleId": tunneling, "permissions": ["USE_TUNNELS"] });
    admin.mutate("updateRole", more).await.value("role");
    user.mutate("createTunnel", tunnel).await.value("tunnel");
    let gone = json!({ "roleId": making });
    admin.mutate("deleteRole", gone.clone()).await.value("role");
    let next = json!({ "templateId": template, "name": "next" });
    let refused = user.mutate("createSpace", next).await;
    assert_eq!(refused.codes(), ["FORBIDDEN"]);
    let again = admin.mutate("deleteRole", gone).await;
    assert_eq!(again.codes(), ["NOT_FOUND"]);
}

async fn nobody_hands_out_more_than_they_have(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let roles = ["MANAGE_ROLES", "MANAGE_USERS", "CREATE_SPACES"];
    let limited = role(&admin, "handing-limited", &roles).await;
    let above = role(&admin, "handing-above", &["VIEW_AUDIT_LOG"]).await;
    let limited = json!({ "roleIds": [limited] });
    let limited = admin.create_user("handing-limited", limited).await;
    let create = |name: &str, permission: &str| {
        let input = json!({ "name": name, "permissions": [permission] });
        let limited = limited.clone();
        async move { limited.mutate("createRole", input).await }
    };
    assert_eq!(
        create("handing-more", "MANAGE_SPACES").await.codes(),
        ["FORBIDDEN"]
    );
    let own = id(&create("handing-own", "CREATE_SPACES").await.value("role"));
    for input in [
        json!({ "roleId": own, "permissions": ["MANAGE_SPACES"] }),
        json!({ "roleId": above, "permissions": [] }),
    ] {
        let refused = limited.mutate("updateRole", input).await;
        assert_eq!(refused.codes(), ["FORBIDDEN"]);
    }
    let refused = limited
        .mutate("deleteRole", json!({ "roleId": above }))
        .await;
    assert_eq!(refused.codes(), ["FORBIDDEN"]);

    // Nor does anybody get there by way of an account, not even of a disabled one.
    let granted =
        json!({ "userName": "handing-new", "password": "their password", "roleIds": [above] });
    let refused = limited.mutate("createUser", granted).await;
    assert_eq!(refused.codes(), ["FORBIDDEN"]);
    let auditor = json!({ "roleIds": [above] });
    let auditor = admin.create_user("handing-auditor", auditor).await;
    let auditor = auditor.query("{ viewer { id } }", json!({})).await;
    let auditor = &auditor["viewer"]["id"];
    for is_disabled in [false, true] {
        if is_disabled {
            let input = json!({ "userId": auditor });
            admin.mutate("disableUser", input).await.value("user");
        }
        for (mutation, input) in [
            (
                "updateUser",
                json!({ "userId": auditor, "password": "another password" }),
            ),
            ("updateUser", json!({ "userId": auditor, "roleIds": [] })),
            ("disableUser", json!({ "userId": auditor })),
            ("enableUser", json!({ "userId": auditor })),
            (
                "deleteUser",
                json!({ "userId": auditor, "spaces": { "policy": "DELETE" } }),
            ),
        ] {
            let refused = limited.mutate(mutation, input).await;
            assert_eq!(refused.codes(), ["FORBIDDEN"], "{mutation}");
        }
    }
}

async fn built_in_roles_stay_as_they_are(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let roles = admin
        .query("{ roles { id name builtIn } }", json!({}))
        .await;
    let roles = roles["roles"].as_array().expect("a list").clone();
    let built_in: Vec<_> = roles
        .iter()
        .filter(|role| role["builtIn"] == true)
        .collect();
    let names: BTreeSet<_> = built_in
        .iter()
        .map(|role| role["name"].to_string())
        .collect();
    assert_eq!(
        names,
        BTreeSet::from(["\"Admin\"".to_owned(), "\"Developer\"".to_owned()])
    );
    for role in built_in {
        let input = json!({ "roleId": role["id"], "permissions": [] });
        assert_eq!(
            admin.mutate("updateRole", input).await.codes(),
            ["FORBIDDEN"]
        );
        let input = json!({ "roleId": role["id"] });
        assert_eq!(
            admin.mutate("deleteRole", input).await.codes(),
            ["FORBIDDEN"]
        );
    }
    let taken = json!({ "name": "Admin", "permissions": [] });
    assert_eq!(
        admin.mutate("createRole", taken).await.codes(),
        ["NAME_TAKEN"]
    );
}

async fn who_may_not_enter_spaces_does_not_let_themselves_in(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let template = admin.create_template("uninvited", json!({})).await;
    let owner = admin.create_user("uninvited-owner", json!({})).await;
    let space = owner.create_space(&template, "closed").await;
    let owner_id = owner.viewer_id().await;
    let developer = admin.query("{ roles { id name } }", json!({})).await;
    let mut roles = developer["roles"].as_array().expect("a list").iter();
    let developer = id(roles
        .find(|it| it["name"] == "Developer")
        .expect("built in"));
    let manager = role(
        &admin,
        "uninvited-manager",
        &["MANAGE_SPACES", "MANAGE_USERS"],
    )
    .await;
    let roles = json!({ "roleIds": [developer, manager] });
    let manager = admin.create_user("uninvited-manager", roles).await;
    let to_self = json!({ "spaceId": space, "userName": "uninvited-manager" });
    let estate = json!({ "userId": owner_id, "spaces": { "transferTo": "uninvited-manager" } });
    for (mutation, input) in [
        ("shareSpace", to_self.clone()),
        ("transferSpace", to_self),
        ("deleteUser", estate),
    ] {
        let refused = manager.mutate(mutation, input).await;
        assert_eq!(refused.codes(), ["FORBIDDEN"], "{mutation}");
    }
    // To others they may, as the space's owner may.
    admin.create_user("uninvited-guest", json!({})).await;
    let to_guest = json!({ "spaceId": space, "userName": "uninvited-guest" });
    manager.mutate("shareSpace", to_guest).await.value("space");
}
