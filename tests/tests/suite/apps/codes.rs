//! One-time codes: who gets one for which app, and what the edge gets for it.

use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Value, json};
use spaceport_domain::{
    scope::{Scope, Scopes},
    ticket::{AUDIENCE, Ticket},
};
use spaceport_tests::{
    Client, Database, Home, Installation, Payload, Transport, client::id, in_time,
    on_both_databases,
};

use crate::security::code_for;

on_both_databases!(
    an_app_opens_for_whom_template_permission_and_relation_let_in,
    a_code_becomes_one_ticket_for_its_host_however_often_it_is_presented,
    a_code_is_worth_nothing_elsewhere_late_or_after_its_sign_in,
    a_code_is_for_one_space_and_tells_nobody_whether_there_is_one,
    a_ticket_ends_with_what_it_rests_on_and_says_no_more,
    the_audit_log_names_the_address_at_which_a_code_was_presented,
    nobody_hoards_codes,
    the_port_of_the_editor_is_opened_by_whom_the_editor_is,
);

/// The host and the code of the URL at which a browser enters an app.
fn host_and_code(url: &Value) -> (String, String) {
    let url = url.as_str().expect("a URL");
    let rest = url.strip_prefix("https://").expect("https");
    let (authority, path) = rest.split_once('/').expect("a path");
    let code = path.strip_prefix(".spaceport/enter?code=").expect("a code");
    let (host, _) = authority.split_once(':').expect("a port");
    (host.to_owned(), code.to_owned())
}

async fn open(client: &Client, space: &str, app: &str) -> Payload {
    let input = json!({ "spaceId": space, "app": app });
    client.mutate("openApp", input).await
}

/// Opens an app and gives its host and a code for it.
async fn code(client: &Client, space: &str, app: &str) -> (String, String) {
    host_and_code(&open(client, space, app).await.value("url"))
}

async fn redeem(home: &Home, code: &str, host: &str) -> Payload {
    let input = json!({ "code": code, "host": host });
    home.as_edge().mutate("redeemAppCode", input).await
}

/// The addresses from which codes for a host were presented, as the audit log has them.
async fn presented_from(admin: &Client, host: &str) -> Vec<Value> {
    let document = "{ auditLog(first: 50, filter: { action: \"redeemAppCode\" }) { nodes { action detail address } } }";
    let data = admin.query(document, json!({})).await;
    let entries = data["auditLog"]["nodes"].as_array().expect("a list");
    let of_host = entries
        .iter()
        .filter(|it| it["action"] == "redeemAppCode" && it["detail"] == host);
    of_host.map(|it| it["address"].clone()).collect()
}

/// What a ticket says, as the edge reads it: with the published key alone.
async fn read(home: &Home, ticket: &Value) -> Ticket {
    let keys = reqwest::get(home.api_url("/.well-known/jwks.json")).await;
    let keys: JwkSet = keys.expect("keys").json().await.expect("a key set");
    let ticket = ticket.as_str().expect("a ticket");
    let header = jsonwebtoken::decode_header(ticket).expect("a header");
    let key = keys.find(header.kid.as_deref().expect("a key's name"));
    let key = DecodingKey::from_jwk(key.expect("the key")).expect("a key");
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[AUDIENCE]);
    let read = jsonwebtoken::decode::<Ticket>(ticket, &key, &validation);
    read.expect("a good ticket").claims
}

/// A user with a space of a template that enables what apps need.
async fn somebody(home: &Home, name: &str) -> (Client, String) {
    let admin = home.admin().await;
    let features = json!({ "features": ["CODE_SERVER", "VNC", "PORT_FORWARD"] });
    let template = admin.create_template(name, features).await;
    let user = admin.create_user(name, json!({})).await;
    let space = user.create_space(&template, "lab").await;
    (user, space)
}

/// Relation × app × template.
async fn an_app_opens_for_whom_template_permission_and_relation_let_in(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let owner = admin.create_user("open-owner", json!({})).await;
    let guest = admin.create_user("open-guest", json!({})).await;
    let stranger = admin.create_user("open-stranger", json!({})).await;
    let role = json!({ "name": "open-manager", "permissions": ["MANAGE_SPACES", "USE_VNC"] });
    let role = id(&admin.mutate("createRole", role).await.value("role"));
    let manager = json!({ "roleIds": [role] });
    let manager = admin.create_user("open-manager", manager).await;
    let (barred, disabled) = (&["FORBIDDEN"][..], &["FEATURE_DISABLED"][..]);
    let everything = json!(["CODE_SERVER", "VNC", "PORT_FORWARD", "TERMINAL", "FILES"]);
    for (name, features) in [("open-all", everything), ("open-none", json!([]))] {
        let is_enabled = features != json!([]);
        let template = json!({ "features": features });
        let template = admin.create_template(name, template).await;
        let space = owner.create_space(&template, name).await;
        let share = json!({ "spaceId": space, "userName": "open-guest" });
        owner.mutate("shareSpace", share).await.value("space");
        for app in ["code", "vnc", "8000", "term", "files"] {
            let shared = if app == "term" { &[][..] } else { barred };
            for (who, client, codes) in [
                ("owner", &owner, &[][..]),
                ("guest", &guest, shared),
                ("administrator", &admin, &[]),
                ("manager who may not enter", &manager, barred),
                ("stranger", &stranger, &["NOT_FOUND"]),
            ] {
                let is_seen = who != "stranger";
                let expected = if is_enabled || !is_seen {
                    codes
                } else {
                    disabled
                };
                let opened = open(client, &space, app).await;
                assert_eq!(opened.codes(), expected, "{who} {app} {name}");
                if expected.is_empty() {
                    let (host, code) = host_and_code(&opened.value("url"));
                    assert_eq!(host, format!("{app}--{name}--open-owner.apps.localhost"));
                    assert_eq!(code.len(), 43, "256 bits in base64url");
                }
            }
        }
        for bad in ["", "0", "080", "Code", "65536", "code--x", "a.b"] {
            let refused = open(&owner, &space, bad).await;
            assert_eq!(refused.codes(), ["INVALID_INPUT"], "{bad:?}");
            assert_eq!(refused.problems()[0]["path"], json!(["app"]));
        }
        let document = "mutation ($input: OpenAppInput!) { openApp(input: $input) { url } }";
        let input = json!({ "input": { "spaceId": space, "app": "code" } });
        let codes = home.anonymous().error_codes(document, input).await;
        assert_eq!(codes, ["UNAUTHENTICATED"]);
    }
    let refused = open(&owner, "no such space", "code").await;
    assert_eq!(refused.problems()[0]["path"], json!(["spaceId"]));
}

async fn a_code_becomes_one_ticket_for_its_host_however_often_it_is_presented(database: Database) {
    let home = Installation::shared(database).await;
    let (user, space) = somebody(&home, "once").await;
    let (host, code) = code(&user, &space, "8000").await;
    let document = "mutation ($input: RedeemAppCodeInput!) \
        { redeemAppCode(input: $input) { ticket } }";
    let input = json!({ "input": { "code": code, "host": host } });
    for other in [&user, &home.admin().await, &home.anonymous()] {
        let codes = other.error_codes(document, input.clone()).await;
        assert_eq!(codes, ["FORBIDDEN"], "for the edge alone");
    }
    let attempts = join_all((0..8).map(|_| redeem(&home, &code, &host))).await;
    let (won, lost): (Vec<_>, Vec<_>) = attempts.into_iter().partition(Payload::succeeded);
    assert_eq!((won.len(), lost.len()), (1, 7));
    for refused in lost {
        assert_eq!(refused.codes(), ["INVALID_CREDENTIALS"]);
    }
    let ticket = read(&home, &won[0].value("ticket")).await;
    assert_eq!(ticket.host, host);
    assert_eq!(ticket.sub.to_string(), user.viewer_id().await);
    assert_eq!(ticket.scopes, Scopes::all());
    assert_eq!(ticket.as_of.to_string(), won[0].value("cursor"));
    assert!(
        !home.database_holds(&code).await,
        "what is kept is no way in"
    );
}

async fn a_code_is_worth_nothing_elsewhere_late_or_after_its_sign_in(database: Database) {
    let home = Installation::start(database).await;
    let (user, space) = somebody(&home, "worthless").await;
    let refused = async |code: &str, host: &str, why: &str| {
        let refused = redeem(&home, code, host).await;
        assert_eq!(refused.codes(), ["INVALID_CREDENTIALS"], "{why}");
    };
    let (host, first) = code(&user, &space, "8000").await;
    let (other_host, _) = code(&user, &space, "8001").await;
    refused(&first, &other_host, "another host").await;
    refused(&first, &host, "used up at another host").await;
    refused("made-up", &host, "nobody's").await;

    let (_, late) = code(&user, &space, "8000").await;
    home.expire_app_codes().await;
    refused(&late, &host, "expired").await;

    let token = user.create_token(json!({})).await;
    let (_, by_token) = code(&token, &space, "8000").await;
    token.sign_out().await;
    refused(&by_token, &host, "its token was taken back").await;
    let other = user.sign_in("worthless", "their password").await;
    let (_, by_session) = code(&other, &space, "8000").await;
    other.sign_out().await;
    refused(&by_session, &host, "its sign-in has ended").await;

    let token = user.create_token(json!({})).await;
    let (_, disabled) = code(&token, &space, "8000").await;
    let (_, deleted) = code(&token, &space, "8000").await;
    let admin = home.admin().await;
    let it = json!({ "userId": user.viewer_id().await });
    admin.mutate("disableUser", it.clone()).await.value("user");
    refused(&disabled, &host, "disabled").await;
    admin.mutate("enableUser", it.clone()).await.value("user");
    let gone = json!({ "userId": it["userId"], "spaces": { "policy": "DELETE" } });
    admin.mutate("deleteUser", gone).await.value("user");
    refused(&deleted, &host, "deleted").await;
}

async fn a_code_is_for_one_space_and_tells_nobody_whether_there_is_one(database: Database) {
    let home = Installation::shared(database).await;
    let (user, space) = somebody(&home, "one-space").await;
    let (host, first) = code(&user, &space, "8000").await;
    let way_in = async |client: &Client, host: &str| {
        let port = home.edge_address().port();
        let url = code_for(&home, client, &format!("https://{host}:{port}/")).await;
        let url = reqwest::Url::parse(&url).expect("a URL");
        let (_, code) = url.query_pairs().next().expect("a code");
        code.into_owned()
    };
    let space_of = async |code: &str, host: &str| {
        let issued = redeem(&home, code, host).await;
        let ticket = read(&home, &issued.value("ticket")).await;
        ticket.space.map(|it| it.to_string())
    };
    assert_eq!(space_of(&first, &host).await.as_ref(), Some(&space));
    let by_page = way_in(&user, &host).await;
    assert_eq!(space_of(&by_page, &host).await.as_ref(), Some(&space));
    let admin = home.admin().await;
    let stranger = admin.create_user("one-space-stranger", json!({})).await;
    for host in [&host, &host.replace("--lab--", "--none--")] {
        let code = way_in(&stranger, host).await;
        assert_eq!(space_of(&code, host).await, None, "{host}");
    }

    let (_, late) = code(&user, &space, "8000").await;
    let later = way_in(&user, &host).await;
    user.delete_space(&space).await;
    let refused = redeem(&home, &late, &host).await;
    assert_eq!(refused.codes(), ["INVALID_CREDENTIALS"], "it is gone");
    let features = json!({ "features": ["PORT_FORWARD"] });
    let template = admin.create_template("next-space", features).await;
    let next = user.create_space(&template, "lab").await;
    let refused = redeem(&home, &later, &host).await;
    assert_eq!(refused.codes(), ["INVALID_CREDENTIALS"], "it is another");
    let (_, fresh) = code(&user, &next, "8000").await;
    assert_eq!(space_of(&fresh, &host).await, Some(next));
}

async fn a_ticket_ends_with_what_it_rests_on_and_says_no_more(database: Database) {
    const HOUR: i64 = 3600;
    let home = Installation::plan(database)
        .set("SPACEPORT_APP_SIGN_IN_HOURS", "2")
        .without_edge()
        .start()
        .await;
    let (user, space) = somebody(&home, "resting").await;
    let (host, by_session) = code(&user, &space, "8000").await;
    let issued = redeem(&home, &by_session, &host).await;
    let ticket = read(&home, &issued.value("ticket")).await;
    assert_eq!(ticket.exp - ticket.iat, 2 * HOUR, "as the setting says");

    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let narrow = json!({ "scopes": ["SPACES"], "expiresAt": format!("{soon:.3}") });
    let token = user.create_token(narrow).await;
    let feed = "subscription { routesChanged { cursor people { userId signIns } } }";
    let mut feed = home
        .as_edge()
        .subscribe(Transport::EventStream, feed, json!({}))
        .await;
    let (host, by_token) = code(&token, &space, "vnc").await;
    let issued = redeem(&home, &by_token, &host).await;
    let ticket = read(&home, &issued.value("ticket")).await;
    assert_eq!(ticket.exp, soon.as_second(), "it ends with the token");
    assert_eq!(
        issued.value("expiresAt"),
        json!(format!("{soon:.3}")),
        "and the edge is told so"
    );
    assert_eq!(ticket.scopes, Scopes::new([Scope::Spaces]));
    // Every edge hears of the sign-in that the ticket rests on, and where.
    in_time("the person's record", async {
        loop {
            let event = feed.next_data().await["routesChanged"].take();
            if event["cursor"] == ticket.as_of.to_string() {
                let person = &event["people"][0];
                assert_eq!(person["userId"], ticket.sub.to_string());
                let sign_ins = person["signIns"].as_array().expect("a list");
                assert!(sign_ins.iter().any(|it| it == &ticket.sid), "{person}");
                return;
            }
        }
    })
    .await;
    assert!(
        !home
            .anonymous()
            .with_token(issued.value("ticket").as_str().expect("a ticket"))
            .is_let_in()
            .await,
        "a ticket is no sign-in at the API"
    );
}

async fn the_audit_log_names_the_address_at_which_a_code_was_presented(database: Database) {
    let home = Installation::shared(database).await;
    let (user, space) = somebody(&home, "presenter").await;
    let (host, code) = code(&user, &space, "8000").await;
    let edge = home.as_edge();
    let from = |address: &str| json!({ "code": code, "host": host, "address": address });
    for doubtful in ["", "localhost", "192.0.2.1:80", "192.0.2.1, 192.0.2.2"] {
        let refused = edge.mutate("redeemAppCode", from(doubtful)).await;
        assert_eq!(refused.codes(), ["INVALID_INPUT"], "{doubtful:?}");
    }
    let taken = edge.mutate("redeemAppCode", from("2001:db8::7")).await;
    taken.value("ticket");
    let admin = home.admin().await;
    assert_eq!(presented_from(&admin, &host).await, ["2001:db8::7"]);
}

async fn nobody_hoards_codes(database: Database) {
    let home = Installation::shared(database).await;
    let (user, space) = somebody(&home, "hoarder").await;
    let (host, first) = code(&user, &space, "8000").await;
    for _ in 1..100 {
        open(&user, &space, "8000").await.value("url");
    }
    let refused = open(&user, &space, "8000").await;
    assert_eq!(refused.codes(), ["RATE_LIMITED"]);
    redeem(&home, &first, &host).await.value("ticket");
    open(&user, &space, "8000").await.value("url");
}

async fn the_port_of_the_editor_is_opened_by_whom_the_editor_is(database: Database) {
    let home = Installation::shared(database).await;
    let admin = home.admin().await;
    let features = json!({ "features": ["CODE_SERVER", "PORT_FORWARD"] });
    let template = admin.create_template("port-of-editor", features).await;
    for (name, permission, opened, refused) in [
        ("port-editor", "USE_CODE_SERVER", ["code", "13337"], "8000"),
        (
            "port-forwarder",
            "USE_PORT_FORWARD",
            ["8000", "5900"],
            "13337",
        ),
    ] {
        let role = json!({ "name": name, "permissions": ["CREATE_SPACES", permission] });
        let role = id(&admin.mutate("createRole", role).await.value("role"));
        let user = admin.create_user(name, json!({ "roleIds": [role] })).await;
        let space = user.create_space(&template, "lab").await;
        for app in opened {
            assert!(open(&user, &space, app).await.succeeded(), "{name} {app}");
        }
        assert_eq!(open(&user, &space, refused).await.codes(), ["FORBIDDEN"]);
    }
}
