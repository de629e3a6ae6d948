use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        self, Message,
        client::IntoClientRequest as _,
        handshake::client::Response,
        http::{HeaderValue, header},
    },
};

use super::{
    super::{ConnectionLimits, TransportConfig, TransportLimits},
    Site,
};

/// A site that listens.
struct Served {
    site: Site,
    address: SocketAddr,
}

async fn served(connection: ConnectionLimits) -> Served {
    served_with(TransportConfig {
        limits: TransportLimits {
            connection,
            ..TransportLimits::default()
        },
        ..TransportConfig::default()
    })
    .await
}

async fn served_with(config: TransportConfig) -> Served {
    let site = Site::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = site
        .router
        .clone()
        .into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    Served { site, address }
}

struct Client(WebSocketStream<TcpStream>);

impl Served {
    async fn open(
        &self,
        headers: &[(header::HeaderName, &str)],
    ) -> Result<(Client, Response), tungstenite::Error> {
        let mut request = format!("ws://{}/graphql", self.address).into_client_request()?;
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().insert(name, value);
        }
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (socket, response) = client_async(request, stream).await?;
        Ok((Client(socket), response))
    }

    async fn client(&self) -> Client {
        let protocol = (header::SEC_WEBSOCKET_PROTOCOL, "graphql-transport-ws");
        self.open(&[protocol]).await.unwrap().0
    }

    /// A client whose connection is acknowledged.
    async fn ready(&self, credentials: &str) -> Client {
        let mut client = self.client().await;
        client.init(credentials).await;
        assert_eq!(client.read().await, json!({"type": "connection_ack"}));
        client
    }
}

impl Client {
    async fn say(&mut self, message: Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    async fn init(&mut self, credentials: &str) {
        let payload = json!({"authorization": credentials});
        self.say(json!({"type": "connection_init", "payload": payload}))
            .await;
    }

    async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(json!({"type": "subscribe", "id": id, "payload": {"query": query}}))
            .await;
    }

    async fn complete(&mut self, id: &str) {
        self.say(json!({"type": "complete", "id": id})).await;
    }

    /// The next message; answers pings on the way.
    async fn read(&mut self) -> Value {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The code and the reason the server closes with.
    async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Text(_) | Message::Ping(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

async fn until(done: impl Fn() -> bool) {
    while !done() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn next(id: &str, data: &Value) -> Value {
    json!({"type": "next", "id": id, "payload": {"data": data}})
}

#[tokio::test]
async fn operations_of_every_kind_run() {
    let served = served(ConnectionLimits::default()).await;
    let mut client = served.ready("Bearer good").await;
    client.subscribe("q", "{ hello caller }").await;
    let data = json!({"hello": "world", "caller": "somebody"});
    assert_eq!(client.read().await, next("q", &data));
    assert_eq!(client.read().await, json!({"type": "complete", "id": "q"}));
    client
        .subscribe("m", "mutation { write(n: 1, afterMs: 0) }")
        .await;
    assert_eq!(client.read().await, next("m", &json!({"write": 1})));
    assert_eq!(client.read().await, json!({"type": "complete", "id": "m"}));
    client.subscribe("s", "subscription { count(to: 2) }").await;
    assert_eq!(client.read().await, next("s", &json!({"count": 1})));
    assert_eq!(client.read().await, next("s", &json!({"count": 2})));
    assert_eq!(client.read().await, json!({"type": "complete", "id": "s"}));
    // The id is free again.
    client.subscribe("s", "{ hello }").await;
    assert_eq!(client.read().await, next("s", &json!({"hello": "world"})));
}

#[tokio::test]
async fn what_was_not_run_is_an_error_and_what_failed_is_a_result() {
    let served = served(ConnectionLimits::default()).await;
    let mut client = served.ready("Bearer good").await;
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { panicking }", "INTERNAL"),
        ("{ panicking }", "INTERNAL"),
    ] {
        client.subscribe("1", query).await;
        let message = client.read().await;
        assert_eq!(
            (&message["type"], &message["id"]),
            (&json!("error"), &json!("1"))
        );
        assert_eq!(message["payload"][0]["extensions"]["code"], code);
    }
    client
        .subscribe("1", "subscription { partial { hello failing } }")
        .await;
    let message = client.read().await;
    assert_eq!(message["type"], "next");
    assert_eq!(message["payload"]["data"]["partial"]["hello"], "world");
    assert_eq!(
        message["payload"]["errors"][0]["extensions"]["code"],
        "INTERNAL"
    );
    assert_eq!(client.read().await, json!({"type": "complete", "id": "1"}));
    client.subscribe("1", "subscription { refused }").await;
    let message = client.read().await;
    assert_eq!(
        message["payload"]["errors"][0]["extensions"]["code"],
        "NOT_FOUND"
    );
    assert_eq!(client.read().await, json!({"type": "complete", "id": "1"}));
}

#[tokio::test]
async fn a_completed_operation_stops_and_frees_its_id() {
    let served = served(ConnectionLimits::default()).await;
    let mut client = served.ready("Bearer good").await;
    client.subscribe("1", "subscription { forever }").await;
    until(|| served.site.schema.running() == 1).await;
    client.complete("1").await;
    until(|| served.site.schema.running() == 0).await;
    client.complete("unknown").await;
    client.subscribe("1", "{ hello }").await;
    assert_eq!(client.read().await, next("1", &json!({"hello": "world"})));
}

#[tokio::test]
async fn a_client_that_leaves_stops_its_operations() {
    let served = served(ConnectionLimits::default()).await;
    let mut client = served.ready("Bearer good").await;
    client.subscribe("1", "subscription { forever }").await;
    until(|| served.site.schema.running() == 1).await;
    drop(client);
    until(|| served.site.schema.running() == 0).await;
}

#[tokio::test]
async fn another_subprotocol_is_not_acceptable() {
    let served = served(ConnectionLimits::default()).await;
    let (mut client, response) = served.open(&[]).await.unwrap();
    assert!(
        !response
            .headers()
            .contains_key(header::SEC_WEBSOCKET_PROTOCOL)
    );
    let expected = (4406, "Subprotocol not acceptable".to_owned());
    assert_eq!(client.closed().await, expected);
}

#[tokio::test]
async fn initialisation_has_a_deadline() {
    let served = served(ConnectionLimits {
        init_timeout: Duration::from_millis(30),
        ..ConnectionLimits::default()
    })
    .await;
    let expected = (4408, "Connection initialisation timeout".to_owned());
    assert_eq!(served.client().await.closed().await, expected);
    // Once it was asked for, authentication may take its time.
    served.ready("Bearer slow").await;
}

#[tokio::test]
async fn operations_wait_for_the_acknowledgement() {
    let served = served(ConnectionLimits::default()).await;
    let mut early = served.client().await;
    early.subscribe("1", "{ hello }").await;
    assert_eq!(early.closed().await, (4401, "Unauthorized".to_owned()));
    let mut hasty = served.client().await;
    hasty.init("Bearer slow").await;
    hasty.subscribe("1", "{ hello }").await;
    assert_eq!(hasty.closed().await, (4401, "Unauthorized".to_owned()));
}

#[tokio::test]
async fn one_initialisation_is_enough() {
    let served = served(ConnectionLimits::default()).await;
    let expected = (4429, "Too many initialisation requests".to_owned());
    let mut twice = served.ready("Bearer good").await;
    twice.init("Bearer good").await;
    assert_eq!(twice.closed().await, expected);
    let mut hasty = served.client().await;
    hasty.init("Bearer slow").await;
    hasty.init("Bearer slow").await;
    assert_eq!(hasty.closed().await, expected);
}

#[tokio::test]
async fn an_id_names_one_operation() {
    let served = served(ConnectionLimits::default()).await;
    let mut client = served.ready("Bearer good").await;
    client.subscribe("a", "subscription { forever }").await;
    client.subscribe("a", "{ hello }").await;
    let expected = (4409, "Subscriber for a already exists".to_owned());
    assert_eq!(client.closed().await, expected);
}

#[tokio::test]
async fn invalid_messages_close_the_socket() {
    let served = served(ConnectionLimits::default()).await;
    for message in [
        Message::text("nonsense"),
        Message::text("{\"type\": \"start\"}"),
        Message::text("[".repeat(1000)),
        Message::binary(b"{\"type\": \"ping\"}".to_vec()),
    ] {
        let mut client = served.ready("Bearer good").await;
        client.0.send(message).await.unwrap();
        assert_eq!(client.closed().await.0, 4400);
    }
}

#[tokio::test]
async fn credentials_decide_who_gets_in() {
    let served = served(ConnectionLimits::default()).await;
    for (credentials, code) in [
        ("Bearer bad", 4403),
        ("Bearer barred", 4403),
        ("Bearer limited", 1013),
        ("Bearer broken", 1013),
    ] {
        let mut client = served.client().await;
        client.init(credentials).await;
        assert_eq!(client.closed().await.0, code, "{credentials}");
    }
    let mut nobody = served.client().await;
    nobody.say(json!({"type": "connection_init"})).await;
    assert_eq!(nobody.read().await, json!({"type": "connection_ack"}));
    nobody.subscribe("1", "{ caller }").await;
    assert_eq!(nobody.read().await, next("1", &json!({"caller": "nobody"})));
    let headers = [
        (header::SEC_WEBSOCKET_PROTOCOL, "graphql-transport-ws"),
        (header::AUTHORIZATION, "Bearer good"),
    ];
    let (mut known, _) = served.open(&headers).await.unwrap();
    known.say(json!({"type": "connection_init"})).await;
    assert_eq!(known.read().await, json!({"type": "connection_ack"}));
    known.subscribe("1", "{ caller }").await;
    assert_eq!(
        known.read().await,
        next("1", &json!({"caller": "somebody"}))
    );
}

#[tokio::test]
async fn the_end_of_the_sign_in_closes_the_socket() {
    let served = served(ConnectionLimits::default()).await;
    let mut client = served.ready("Bearer good").await;
    client.subscribe("1", "subscription { forever }").await;
    until(|| served.site.schema.running() == 1).await;
    served.site.doorman.ending.cancel();
    let expected = (4403, "The sign-in has ended".to_owned());
    assert_eq!(client.closed().await, expected);
    until(|| served.site.schema.running() == 0).await;
}

#[tokio::test]
async fn a_stopping_server_says_so() {
    let config = TransportConfig::default();
    let shutdown = config.shutdown.clone();
    let served = served_with(config).await;
    let mut client = served.ready("Bearer good").await;
    shutdown.cancel();
    assert_eq!(client.closed().await.0, 1001);
}

#[tokio::test]
async fn pings_are_answered_before_and_after_initialisation() {
    let served = served(ConnectionLimits::default()).await;
    let mut client = served.client().await;
    client
        .say(json!({"type": "ping", "payload": {"n": 1}}))
        .await;
    assert_eq!(
        client.read().await,
        json!({"type": "pong", "payload": {"n": 1}})
    );
    client.say(json!({"type": "pong"})).await;
    client.init("Bearer good").await;
    assert_eq!(client.read().await, json!({"type": "connection_ack"}));
    client.say(json!({"type": "ping"})).await;
    assert_eq!(client.read().await, json!({"type": "pong"}));
}

#[tokio::test]
async fn silent_clients_are_cut_off_and_living_ones_are_not() {
    let served = served(ConnectionLimits {
        ping_interval: Duration::from_millis(20),
        idle_timeout: Duration::from_millis(100),
        close_timeout: Duration::from_millis(20),
        ..ConnectionLimits::default()
    })
    .await;
    let mut silent = served.ready("Bearer good").await;
    silent.subscribe("1", "subscription { forever }").await;
    until(|| served.site.schema.running() == 1).await;
    // It does not read, so its library answers no ping.
    until(|| served.site.schema.running() == 0).await;
    let mut living = served.ready("Bearer good").await;
    living.subscribe("1", "subscription { forever }").await;
    let quiet = tokio::time::timeout(Duration::from_millis(300), living.read()).await;
    assert!(quiet.is_err());
    assert_eq!(served.site.schema.running(), 1);
}

#[tokio::test]
async fn messages_and_operations_are_bounded() {
    let served = served(ConnectionLimits {
        operations: 2,
        message_bytes: 1024,
        ..ConnectionLimits::default()
    })
    .await;
    let mut client = served.ready("Bearer good").await;
    for id in ["1", "2", "3"] {
        client.subscribe(id, "subscription { forever }").await;
    }
    let message = client.read().await;
    assert_eq!(
        (&message["type"], &message["id"]),
        (&json!("error"), &json!("3"))
    );
    assert_eq!(
        message["payload"][0]["extensions"]["code"],
        "TOO_MANY_OPERATIONS"
    );
    client.complete("1").await;
    client.subscribe("3", "{ hello }").await;
    assert_eq!(client.read().await, next("3", &json!({"hello": "world"})));
    assert_eq!(client.read().await, json!({"type": "complete", "id": "3"}));
    client.subscribe("4", &"{ hello }".repeat(200)).await;
    assert_eq!(client.closed().await, (1009, "Message too big".to_owned()));
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_back_its_source_and_is_cut_off() {
    let served = served(ConnectionLimits {
        write_timeout: Duration::from_millis(200),
        close_timeout: Duration::from_millis(20),
        ..ConnectionLimits::default()
    })
    .await;
    let mut slow = served.ready("Bearer good").await;
    slow.subscribe("1", "subscription { forever }").await;
    slow.subscribe("2", "subscription { fast }").await;
    until(|| served.site.schema.running() == 1).await;
    // Others are served meanwhile.
    let mut other = served.ready("Bearer good").await;
    other.subscribe("1", "{ hello }").await;
    assert_eq!(other.read().await, next("1", &json!({"hello": "world"})));
    until(|| served.site.schema.running() == 0).await;
    let made = *served.site.schema.made.lock().unwrap();
    // Only what fits the buffers of the two sockets was made.
    assert!(made < 64 * 1024, "{made}");
}

#[tokio::test]
async fn many_operations_share_a_socket() {
    let served = served(ConnectionLimits {
        operations: 2_000,
        ..ConnectionLimits::default()
    })
    .await;
    let mut client = served.ready("Bearer good").await;
    for n in 0..1_000 {
        client
            .subscribe(&format!("f{n}"), "subscription { forever }")
            .await;
    }
    until(|| served.site.schema.running() == 1_000).await;
    client.subscribe("last", "{ hello }").await;
    assert_eq!(
        client.read().await,
        next("last", &json!({"hello": "world"}))
    );
}

#[tokio::test]
async fn foreign_pages_are_refused() {
    let served = served_with(TransportConfig {
        allowed_origins: vec!["https://console.example.com".to_owned()],
        ..TransportConfig::default()
    })
    .await;
    let own = format!("http://{}", served.address);
    for (origin, allowed) in [
        (own.as_str(), true),
        ("https://console.example.com", true),
        ("https://evil.example.com", false),
        ("null", false),
    ] {
        let protocol = (header::SEC_WEBSOCKET_PROTOCOL, "graphql-transport-ws");
        let opened = served.open(&[protocol, (header::ORIGIN, origin)]).await;
        match opened {
            Ok(_) => assert!(allowed, "{origin}"),
            Err(tungstenite::Error::Http(response)) => {
                assert!(!allowed, "{origin}");
                assert_eq!(response.status(), 403);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn connections_are_bounded() {
    let served = served_with(TransportConfig {
        limits: TransportLimits {
            connections: 1,
            ..TransportLimits::default()
        },
        ..TransportConfig::default()
    })
    .await;
    let first = served.ready("Bearer good").await;
    let refused = served.open(&[]).await;
    assert!(matches!(refused, Err(tungstenite::Error::Http(response)) if response.status() == 503));
    drop(first);
    while served.open(&[]).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
