//! What only a space itself gets to, and its agent carries.

use std::{pin::pin, time::Duration};

use http::{Method, Version};
use serde_json::{Value, json};
use spaceport_domain::agent::{RefusalCode, Service};
use spaceport_proxy::Edge;
use tokio::time::timeout;

use crate::{
    agent::Agent,
    apps::{COOKIE, OWNER, Street, person},
    harness::{HOST, operator},
    soon,
    space::closed_port,
    visitor::{Got, request},
};

const PERMISSIONS: [&str; 4] = ["USE_PORT_FORWARD", "USE_TERMINAL", "USE_FILES", "USE_VNC"];

/// An edge that waits for agents for longer than a test does.
const PATIENT: [(&str, &str); 1] = [("SPACEPORT_EDGE_CONNECT_SECONDS", "120")];
/// Long enough for a request to be tried more than once.
const A_MOMENT: Duration = Duration::from_millis(200);

/// A street whose space has an agent, and an owner who may do all that it does.
pub(crate) struct Inside {
    pub(crate) street: Street,
    pub(crate) agent: Agent,
}

impl Inside {
    pub(crate) async fn open() -> Self {
        Self::open_with(&[]).await
    }

    pub(crate) async fn open_with(settings: &[(&'static str, &str)]) -> Self {
        let inside = Self {
            street: Street::open_with(settings).await,
            agent: Agent::start().await,
        };
        inside.give().await;
        inside
    }

    /// The space, in `status`.
    pub(crate) fn space(&self, status: &str) -> Value {
        let mut space = self.street.space(status);
        space["agent"] = self.agent.route();
        space["features"] = json!(["PORT_FORWARD", "TERMINAL", "FILES", "VNC"]);
        space
    }

    /// Gives back whatever was taken away.
    pub(crate) async fn give(&self) {
        let house = &self.street.house;
        house.say(self.space("RUNNING")).await;
        house.say(person(OWNER, &PERMISSIONS, &["session_1"])).await;
    }

    /// Each of these takes away what lets the owner in.
    pub(crate) fn takings(&self) -> [Value; 4] {
        let mut barred = self.space("RUNNING");
        barred["features"] = json!([]);
        [
            person(OWNER, &[], &["session_1"]),
            person(OWNER, &PERMISSIONS, &[]),
            barred,
            self.space("STOPPED"),
        ]
    }

    /// The owner's ticket for an app's host, as a cookie.
    pub(crate) fn cookie(&self, host: &str) -> String {
        let ticket = self.street.ticket_for(OWNER, json!({"host": host}));
        format!("{COOKIE}={ticket}")
    }

    pub(crate) async fn ask(
        &self,
        version: Version,
        method: Method,
        host: &str,
        path: &str,
    ) -> Got {
        self.ask_with(version, method, host, path, &[]).await
    }

    /// The same with more header fields.
    pub(crate) async fn ask_with(
        &self,
        version: Version,
        method: Method,
        host: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Got {
        let cookie = self.cookie(host);
        let fields = [&[("cookie", cookie.as_str())], fields].concat();
        let asked = request(method, host, path, &fields);
        self.street.house.visitor().ask(version, asked).await
    }
}

/// The host of an app of the space.
pub(crate) fn host(app: impl std::fmt::Display) -> String {
    format!("{app}--lab--ada.apps.localhost")
}

async fn connects(edge: &Edge) -> (u64, u64) {
    let (_, text) = operator(edge, "/metrics").await;
    let count = |name: &str| {
        let line = text.lines().find_map(|it| it.strip_prefix(name));
        line.unwrap().trim().parse().unwrap()
    };
    (
        count("spaceport_edge_upstream_connects_total"),
        count("spaceport_edge_upstream_connect_errors_total{kind=\"refused\"}"),
    )
}

#[tokio::test]
async fn what_refuses_the_edge_is_reached_by_the_agent_and_kept() {
    let inside = Inside::open().await;
    inside.agent.connects_to(inside.street.house.space.address);
    let port = closed_port();
    let mut space = inside.space("RUNNING");
    space["tunnels"][0]["port"] = port.into();
    inside.street.house.say(space).await;
    let before = connects(inside.street.house.edge()).await;
    for _ in 0..2 {
        for version in [Version::HTTP_11, Version::HTTP_2] {
            let got = inside.ask(version, Method::GET, &host(port), "/x").await;
            assert_eq!((got.status, &got.json()["target"]), (200, &"/x".into()));
            let got = inside.street.house.get(HOST, "/y").await;
            assert_eq!((got.status, &got.json()["target"]), (200, &"/y".into()));
        }
    }
    // All of them by one connection, counted once.
    let dial = Service::Dial {
        host: "localhost".to_owned(),
        port,
    };
    assert_eq!(inside.agent.asked(), [dial]);
    let after = connects(inside.street.house.edge()).await;
    assert_eq!((after.0 - before.0, after.1 - before.1), (1, 0));
    // A connection by the agent ends with its route, as every other does.
    inside.agent.open_connections(1).await;
    inside.street.house.say(inside.space("STOPPED")).await;
    inside.agent.open_connections(0).await;
}

#[tokio::test]
async fn what_takes_the_edges_connection_costs_the_agent_nothing() {
    let inside = Inside::open().await;
    let port = inside.street.house.space.address.port();
    let got = inside
        .ask(Version::HTTP_2, Method::GET, &host(port), "/x")
        .await;
    assert_eq!(got.status, 200);
    assert_eq!(inside.agent.asked(), []);
}

#[tokio::test]
async fn where_nothing_listens_inside_either_the_answer_is_the_same() {
    let inside = Inside::open_with(&[("SPACEPORT_EDGE_CONNECT_SECONDS", "1")]).await;
    let port = closed_port();
    let nothing = (502, Some("NOTHING_LISTENS".to_owned()));
    let house = &inside.street.house;
    let before = connects(house.edge()).await;
    let get = async || {
        let host = host(port);
        let got = inside.ask(Version::HTTP_2, Method::GET, &host, "/x").await;
        (got.status, got.code().map(str::to_owned))
    };
    for code in [
        RefusalCode::Refused,
        RefusalCode::Failed,
        RefusalCode::Unsupported,
    ] {
        *inside.agent.shared.refuses.lock().unwrap() = Some(code);
        assert_eq!(get().await, nothing, "{code:?}");
    }
    assert_eq!(inside.agent.asked().len(), 3);
    // The agent has died, or there has never been one.
    let mut dead = inside.space("RUNNING");
    dead["agent"]["port"] = closed_port().into();
    for space in [dead, inside.street.space("RUNNING")] {
        house.say(space).await;
        assert_eq!(get().await, nothing);
    }
    let after = connects(house.edge()).await;
    assert_eq!((after.0 - before.0, after.1 - before.1), (0, 5));
}

#[tokio::test]
async fn an_agent_that_does_not_listen_yet_is_waited_for() {
    let inside = Inside::open_with(&PATIENT).await;
    let port = closed_port();
    let mut space = inside.space("RUNNING");
    space["agent"]["port"] = port.into();
    inside.street.house.say(space).await;
    let host = host("files");
    let mut asked = pin!(inside.ask(Version::HTTP_2, Method::GET, &host, "/fs/"));
    assert!(timeout(A_MOMENT, &mut asked).await.is_err());
    let _late = Agent::start_at(port).await;
    assert_eq!(soon(asked).await.status, 200);
}

#[tokio::test]
async fn nobody_waits_for_the_agent_of_a_space_that_has_ended() {
    let inside = Inside::open_with(&PATIENT).await;
    let house = &inside.street.house;
    let mut space = inside.space("RUNNING");
    space["agent"]["port"] = closed_port().into();
    house.say(space).await;
    let host = host("files");
    let mut asked = pin!(inside.ask(Version::HTTP_2, Method::GET, &host, "/fs/"));
    assert!(timeout(A_MOMENT, &mut asked).await.is_err());
    house.say(inside.space("STOPPED")).await;
    let got = soon(asked).await;
    assert_eq!((got.status, got.code()), (502, Some("NO_AGENT")));
}

#[tokio::test]
async fn connections_by_the_agent_are_within_the_spaces_share() {
    let share = [("SPACEPORT_EDGE_UPSTREAM_MAX_CONNECTIONS_PER_SPACE", "1")];
    let inside = Inside::open_with(&share).await;
    let house = &inside.street.house;
    inside.agent.connects_to(house.space.address);
    let (port, host) = (closed_port(), |port| host(port));
    let waiting = {
        let (visitor, host) = (house.visitor(), host(port));
        let asked = request(
            Method::GET,
            &host,
            "/wait",
            &[("cookie", &inside.cookie(&host))],
        );
        tokio::spawn(async move { visitor.ask(Version::HTTP_11, asked).await })
    };
    house.space.requests(1).await;
    let busy = inside
        .ask(Version::HTTP_11, Method::GET, &host(closed_port()), "/x")
        .await;
    assert_eq!((busy.status, busy.code()), (503, Some("UPSTREAM_BUSY")));
    house.space.shared.gate.open();
    assert_eq!(soon(waiting).await.unwrap().status, 200);
}

#[tokio::test]
async fn no_agent_is_asked_at_an_address_of_this_machine() {
    let strict = [("SPACEPORT_EDGE_ALLOW_LOOPBACK_UPSTREAMS", "false")];
    let inside = Inside::open_with(&strict).await;
    for host in [host("files"), host(closed_port())] {
        let got = inside
            .ask(Version::HTTP_11, Method::GET, &host, "/home/")
            .await;
        assert_eq!((got.status, got.code()), (502, Some("UPSTREAM_FORBIDDEN")));
    }
    assert_eq!(inside.agent.asked(), []);
}
