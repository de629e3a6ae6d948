//! A GraphQL client.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    sync::OnceLock,
};

use serde_json::{Value, json};
use spaceport_domain::id::SpaceId;

use crate::{Follower, Subscription, Transport, in_time};

/// What tests look at of a space.
pub const SPACE: &str = "id name description status desiredStatus revision computeUnits \
    storageUnits failure { code message at exitCode oomKilled logTail } template { id name } \
    templateVersion { number } owner { userName } volumes { name mountPath sizeGib usedBytes enforced } \
    parameters { name value secret } tunnels { id name url port } createdAt startedAt stoppedAt";

/// What tests look at of the problems of a mutation.
const PROBLEMS: &str = "problems { __typename code message path \
    ... on QuotaProblem { resource limit used requested } \
    ... on ServiceProblem { retryAfterSeconds } }";

/// A signed-in user, or nobody yet.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    token: Option<String>,
    /// What every request has beside the usual.
    field: Option<(&'static str, String)>,
    /// Keeps connections, of the one runtime that the test has, from the address it calls from.
    http: reqwest::Client,
}

/// An HTTP client that doesn't outlive the test's runtime.
pub(crate) fn http() -> reqwest::Client {
    http_from(None)
}

fn http_from(address: Option<IpAddr>) -> reqwest::Client {
    install_crypto();
    reqwest::Client::builder()
        .no_proxy()
        .local_address(address)
        .timeout(crate::PATIENCE)
        .build()
        .expect("an HTTP client")
}

/// Says once which cryptography rustls uses.
pub(crate) fn install_crypto() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

impl Client {
    /// A client nobody has signed in with.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            token: None,
            field: None,
            http: http(),
        }
    }

    /// The same client with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// The same client, on the same connections, with one more header field in every request.
    #[must_use]
    pub fn with_field(&self, name: &'static str, value: &str) -> Self {
        Self {
            field: Some((name, value.to_owned())),
            ..self.clone()
        }
    }

    /// The same client, calling from another address of this host.
    #[must_use]
    pub fn from(&self, address: IpAddr) -> Self {
        Self {
            http: http_from(Some(address)),
            ..self.clone()
        }
    }

    /// What it sends as `Authorization: Bearer …`.
    pub fn token(&self) -> &str {
        self.token.as_deref().expect("somebody signed in")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn bearer(&self) -> Option<String> {
        self.token.as_ref().map(|token| format!("Bearer {token}"))
    }

    /// A client on which the user is signed in.
    pub async fn sign_in(&self, user: &str, password: &str) -> Self {
        let input = json!({ "userName": user, "password": password });
        let payload = self.mutate("signIn", input).await;
        let token = payload.value("token");
        self.with_token(token.as_str().expect("a token"))
    }

    /// The whole answer to a request, and its HTTP status.
    pub async fn answer(&self, document: &str, variables: Value) -> (u16, Value) {
        let url = format!("http://{}/graphql", self.address);
        let mut request = self
            .http
            .post(url)
            .header("accept", "application/graphql-response+json")
            .json(&json!({ "query": document, "variables": variables }));
        if let Some(bearer) = self.bearer() {
            request = request.header("authorization", bearer);
        }
        if let Some((name, value)) = &self.field {
            request = request.header(*name, value);
        }
        let answer = request.send().await.expect("the API answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.expect("an answer in JSON"))
    }

    /// The data of a request that must succeed.
    pub async fn query(&self, document: &str, variables: Value) -> Value {
        let (_, mut answer) = self.answer(document, variables).await;
        assert!(answer["errors"].is_null(), "{document}: {answer}");
        answer["data"].take()
    }

    /// The codes of the errors of a request that must fail.
    pub async fn error_codes(&self, document: &str, variables: Value) -> Vec<String> {
        let (_, answer) = self.answer(document, variables).await;
        let errors = answer["errors"].as_array().cloned().unwrap_or_default();
        assert!(!errors.is_empty(), "{document}: {answer}");
        strings(
            errors
                .iter()
                .map(|error| error["extensions"]["code"].clone()),
        )
    }

    /// The names of the schema's mutations.
    pub async fn mutations(&self) -> BTreeSet<String> {
        let document = "{ __schema { mutationType { fields { name } } } }";
        let data = self.query(document, json!({})).await;
        let fields = data["__schema"]["mutationType"]["fields"].as_array();
        let names = fields.expect("fields").iter();
        names
            .map(|field| field["name"].as_str().expect("a name").to_owned())
            .collect()
    }

    /// The payload of a mutation.
    pub async fn mutate(&self, mutation: &str, input: Value) -> Payload {
        let (input_type, selection) = shape(mutation);
        let document = format!(
            "mutation ($input: {input_type}!) {{ {mutation}(input: $input) {{ {selection} {PROBLEMS} }} }}"
        );
        let mut data = self.query(&document, json!({ "input": input })).await;
        Payload {
            mutation: mutation.to_owned(),
            payload: data[mutation].take(),
        }
    }

    /// Ends this client's sign-in.
    pub async fn sign_out(&self) {
        let document = format!("mutation {{ signOut {{ {PROBLEMS} }} }}");
        let data = self.query(&document, json!({})).await;
        assert_eq!(data["signOut"]["problems"], json!([]));
    }

    /// Makes a template and gives its identifier. `blueprint` holds what differs from a space of
    /// the small image that sleeps and costs one compute unit.
    pub async fn create_template(&self, name: &str, blueprint: Value) -> String {
        let mut input = json!({
            "name": name, "image": crate::BUSYBOX, "computeUnits": 1, "memoryMib": 64, "pids": 64,
            "features": ["TUNNELS"],
        });
        merge(&mut input, blueprint);
        let payload = self.mutate("createTemplate", input).await;
        id(&payload.value("template"))
    }

    /// Makes a user with a role that may make spaces, and signs them in.
    pub async fn create_user(&self, name: &str, more: Value) -> Self {
        let mut input = json!({ "userName": name, "password": "their password" });
        merge(&mut input, more);
        self.mutate("createUser", input).await.value("user");
        Self::new(self.address)
            .sign_in(name, "their password")
            .await
    }

    /// The identifier of the viewer.
    pub async fn viewer_id(&self) -> String {
        id(&self.query("{ viewer { id } }", json!({})).await["viewer"])
    }

    /// Makes a token for a program and gives a client that sends it.
    pub async fn create_token(&self, more: Value) -> Self {
        let mut input = json!({ "name": "a program" });
        merge(&mut input, more);
        let payload = self.mutate("createApiToken", input).await;
        self.with_token(payload.value("token").as_str().expect("a token"))
    }

    /// Whether these credentials hold.
    pub async fn is_let_in(&self) -> bool {
        let (_, answer) = self.answer("{ viewer { id } }", json!({})).await;
        if answer["errors"].is_null() {
            return true;
        }
        let code = &answer["errors"][0]["extensions"]["code"];
        assert_eq!(code, "UNAUTHENTICATED", "{answer}");
        false
    }

    /// Makes a space and gives its identifier; it isn't started.
    pub async fn create_space(&self, template: &str, name: &str) -> String {
        let input = json!({ "templateId": template, "name": name });
        id(&self.mutate("createSpace", input).await.value("space"))
    }

    /// Makes a space, starts it, and waits until it runs.
    pub async fn run_space(&self, template: &str, name: &str) -> String {
        let input = json!({ "templateId": template, "name": name, "start": true });
        let space = id(&self.mutate("createSpace", input).await.value("space"));
        self.space_is(&space, "RUNNING").await;
        space
    }

    /// Asks something of a space: `startSpace`, `stopSpace`, `restartSpace` or `deleteSpace`.
    pub async fn ask(&self, mutation: &str, space: &str) -> Value {
        let payload = self.mutate(mutation, json!({ "spaceId": space })).await;
        payload.value("space")
    }

    /// Asks for a stop and waits for it.
    pub async fn stop_space(&self, space: &str) -> Value {
        self.ask("stopSpace", space).await;
        self.space_is(space, "STOPPED").await
    }

    /// Asks for the deletion and waits for it.
    pub async fn delete_space(&self, space: &str) -> Value {
        self.ask("deleteSpace", space).await;
        self.space_is(space, "DELETED").await
    }

    /// A space as it is.
    pub async fn space(&self, space: &str) -> Value {
        let document = format!("query ($id: ID!) {{ space(id: $id) {{ {SPACE} }} }}");
        let mut data = self.query(&document, json!({ "id": space })).await;
        data["space"].take()
    }

    /// Waits, on the space's events, until it has this status, and gives the space.
    pub async fn space_is(&self, space: &str, status: &str) -> Value {
        let mut follower = self.follow(Transport::WebSocket, space).await;
        let event = follower
            .until(status, |space| space["status"] == status)
            .await;
        event["space"].clone()
    }

    /// Waits until a space has stopped by itself, and gives its failure.
    pub async fn failure(&self, space: &str) -> Value {
        let mut follower = self.follow(Transport::WebSocket, space).await;
        let event = follower
            .until("a failure", |space| {
                space["status"] == "STOPPED" && !space["failure"].is_null()
            })
            .await;
        event["space"]["failure"].clone()
    }

    /// Follows one space.
    pub async fn follow(&self, transport: Transport, space: &str) -> Follower {
        let _: SpaceId = space.parse().expect("the identifier of a space");
        let field = format!("spaceChanged(id: \"{space}\", after: $after)");
        Follower::start(self.clone(), transport, &field, None).await
    }

    /// Follows every space this client sees, from `after` on.
    pub async fn follow_all(&self, transport: Transport, after: Option<String>) -> Follower {
        Follower::start(
            self.clone(),
            transport,
            "spacesChanged(after: $after)",
            after,
        )
        .await
    }

    /// Starts a subscription.
    pub async fn subscribe(
        &self,
        transport: Transport,
        document: &str,
        variables: Value,
    ) -> Subscription {
        let subscription = Subscription::start(self, transport, document, variables);
        in_time("a subscription", subscription).await
    }

    /// What the viewer may consume and does.
    pub async fn quota(&self) -> Value {
        let usage = "{ used limit }";
        let document = format!(
            "{{ viewer {{ quota {{ spaces {usage} computeUnits {usage} storageUnits {usage} tunnels {usage} }} }} }}"
        );
        let mut data = self.query(&document, json!({})).await;
        data["viewer"]["quota"].take()
    }

    /// How many compute units the viewer's spaces consume.
    pub async fn compute_used(&self) -> i64 {
        let quota = self.quota().await;
        quota["computeUnits"]["used"].as_i64().expect("a number")
    }

    /// Makes a tunnel and gives it.
    pub async fn create_tunnel(&self, space: &str, port: u16) -> Value {
        let input = json!({ "spaceId": space, "port": port });
        self.mutate("createTunnel", input).await.value("tunnel")
    }
}

/// The answer to a mutation.
#[derive(Clone, Debug)]
pub struct Payload {
    mutation: String,
    payload: Value,
}

impl Payload {
    /// A field of the payload of a mutation that must have succeeded.
    pub fn value(&self, field: &str) -> Value {
        let problems = &self.payload["problems"];
        assert_eq!(problems, &json!([]), "{}", self.mutation);
        self.payload[field].clone()
    }

    /// Whether it succeeded.
    pub fn succeeded(&self) -> bool {
        self.payload["problems"] == json!([])
    }

    /// Why it was refused.
    pub fn problems(&self) -> Vec<Value> {
        let problems = self.payload["problems"].as_array();
        problems.expect("a list of problems").clone()
    }

    /// The codes of why it was refused.
    pub fn codes(&self) -> Vec<String> {
        strings(
            self.problems()
                .iter()
                .map(|problem| problem["code"].clone()),
        )
    }
}

/// The identifier of a thing.
pub fn id(thing: &Value) -> String {
    thing["id"].as_str().expect("an identifier").to_owned()
}

fn strings(values: impl Iterator<Item = Value>) -> Vec<String> {
    values
        .map(|value| value.as_str().unwrap_or_default().to_owned())
        .collect()
}

fn merge(into: &mut Value, more: Value) {
    if let Value::Object(more) = more {
        for (key, value) in more {
            into[key] = value;
        }
    }
}

/// The type of a mutation's input, and what tests select of its payload.
fn shape(mutation: &str) -> (&'static str, String) {
    let user = "user { id userName displayName disabledAt deletedAt \
        roles { id name } groups { id name } }";
    let template = "template { id name version { number } }";
    let space = format!("space {{ {SPACE} }} cursor");
    let tunnel = "tunnel { id name port url enabled }";
    let token = "apiToken { id name scopes createdAt expiresAt lastUsedAt revokedAt }";
    let ssh_key = "sshKey { id name fingerprint algorithm publicKey createdAt lastUsedAt }";
    let (input, selection) = match mutation {
        "signIn" => ("SignInInput", "token user { id userName }"),
        "createSpace" => return ("CreateSpaceInput", space),
        "startSpace" | "stopSpace" | "restartSpace" | "deleteSpace" => {
            return ("SpaceIdInput", space);
        }
        "updateSpace" => return ("UpdateSpaceInput", space),
        "shareSpace" => return ("ShareSpaceInput", space),
        "unshareSpace" => return ("UnshareSpaceInput", space),
        "leaveSpace" => return ("SpaceIdInput", space),
        "transferSpace" => return ("TransferSpaceInput", space),
        "createRole" => ("CreateRoleInput", "role { id name permissions }"),
        "updateRole" => ("UpdateRoleInput", "role { id name permissions }"),
        "deleteRole" => ("RoleIdInput", "role { id name permissions }"),
        "createTunnel" => ("CreateTunnelInput", tunnel),
        "updateTunnel" => ("UpdateTunnelInput", tunnel),
        "deleteTunnel" => ("TunnelIdInput", tunnel),
        "openApp" => ("OpenAppInput", "url cursor"),
        "redeemCliCode" => ("RedeemCliCodeInput", "token user { userName }"),
        "redeemAppCode" => ("RedeemAppCodeInput", "ticket expiresAt cursor"),
        "createTemplate" => ("CreateTemplateInput", template),
        "updateTemplate" => ("UpdateTemplateInput", template),
        "deleteTemplate" => ("TemplateIdInput", template),
        "addSshKey" => ("AddSshKeyInput", ssh_key),
        "removeSshKey" => ("SshKeyIdInput", ssh_key),
        "recordSshSignIn" => ("RecordSshSignInInput", "cursor"),
        "changePassword" => ("ChangePasswordInput", user),
        "revokeSession" => ("SessionIdInput", "session { id }"),
        "disableUser" | "enableUser" => ("UserIdInput", user),
        "deleteUser" => ("DeleteUserInput", user),
        "createUser" => ("CreateUserInput", user),
        "updateUser" => ("UpdateUserInput", user),
        "createGroup" => ("CreateGroupInput", "group { id name }"),
        "updateGroup" => ("UpdateGroupInput", "group { id name }"),
        "deleteGroup" => ("GroupIdInput", "group { id name }"),
        "createApiToken" => return ("CreateApiTokenInput", format!("token {token}")),
        "revokeApiToken" => ("ApiTokenIdInput", token),
        other => panic!("no shape of {other}"),
    };
    (input, selection.to_owned())
}
