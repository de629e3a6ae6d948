//! Following what happens, over WebSockets and over server-sent events.

use std::fmt::Write as _;

use bytes::Bytes;
use futures_util::{SinkExt, Stream, StreamExt, stream::BoxStream};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message as Frame, client::IntoClientRequest, http::HeaderValue},
};

use crate::{Client, in_time};

/// How a subscription is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `graphql-transport-ws`.
    WebSocket,
    /// `graphql-sse`, with a connection of its own.
    EventStream,
}

/// What a subscription delivers.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// An event: `{data errors}`.
    Next(Value),
    /// The operation was refused or broke off, with these errors.
    Error(Value),
    /// The server has no more to say.
    Complete,
    /// The connection ended, with this code where it was a WebSocket.
    Closed(Option<u16>),
}

/// A subscription that runs.
pub enum Subscription {
    /// Over a WebSocket.
    WebSocket(Box<WebSocketStream<TcpStream>>),
    /// Over server-sent events.
    EventStream(EventStream),
}

/// The events of one response.
pub struct EventStream {
    body: BoxStream<'static, Option<Bytes>>,
    buffer: Vec<u8>,
}

impl Subscription {
    pub(crate) async fn start(
        client: &Client,
        transport: Transport,
        document: &str,
        variables: Value,
    ) -> Self {
        let payload = json!({ "query": document, "variables": variables });
        match transport {
            Transport::WebSocket => {
                let mut socket = open_socket(client).await;
                let subscribe = json!({ "type": "subscribe", "id": "1", "payload": payload });
                send(&mut socket, &subscribe).await;
                Self::WebSocket(Box::new(socket))
            }
            Transport::EventStream => {
                let url = format!("http://{}/graphql", client.address());
                let mut request = reqwest::Client::builder()
                    .no_proxy()
                    .build()
                    .expect("an HTTP client")
                    .post(url)
                    .header("accept", "text/event-stream")
                    .json(&payload);
                if let Some(bearer) = client.bearer() {
                    request = request.header("authorization", bearer);
                }
                let answer = request.send().await.expect("the API answers");
                assert_eq!(
                    answer.headers()["content-type"].as_bytes()[..17],
                    *b"text/event-stream"
                );
                Self::EventStream(EventStream {
                    body: until_broken(answer.bytes_stream()).boxed(),
                    buffer: Vec::new(),
                })
            }
        }
    }

    /// The next message; waits for it as long as tests wait for anything.
    pub async fn next(&mut self) -> Message {
        in_time("the next message of a subscription", async {
            match self {
                Self::WebSocket(socket) => next_of_socket(socket).await,
                Self::EventStream(events) => events.next().await,
            }
        })
        .await
    }

    /// The data of the next event.
    pub async fn next_data(&mut self) -> Value {
        match self.next().await {
            Message::Next(mut event) => {
                assert!(event["errors"].is_null(), "{event}");
                event["data"].take()
            }
            other => panic!("{other:?}"),
        }
    }

    /// Reads on until the server has no more to say.
    pub async fn completed(&mut self) {
        loop {
            match self.next().await {
                Message::Next(event) if event["errors"].is_null() => {}
                Message::Complete => return,
                other => panic!("{other:?}"),
            }
        }
    }

    /// Reads on until the connection ends, and says how.
    pub async fn end(&mut self) -> Vec<Message> {
        let mut ending = Vec::new();
        loop {
            match self.next().await {
                Message::Next(event) if event["errors"].is_null() => {}
                Message::Closed(code) => {
                    ending.push(Message::Closed(code));
                    return ending;
                }
                other => ending.push(other),
            }
        }
    }
}

async fn open_socket(client: &Client) -> WebSocketStream<TcpStream> {
    let url = format!("ws://{}/graphql", client.address());
    let mut request = url.into_client_request().expect("a request");
    let protocol = HeaderValue::from_static("graphql-transport-ws");
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocol);
    let stream = TcpStream::connect(client.address())
        .await
        .expect("the API listens");
    let (mut socket, _) = client_async(request, stream).await.expect("a WebSocket");
    let payload = match client.bearer() {
        Some(bearer) => json!({ "authorization": bearer }),
        None => json!({}),
    };
    send(
        &mut socket,
        &json!({ "type": "connection_init", "payload": payload }),
    )
    .await;
    loop {
        match receive(&mut socket).await {
            Ok(message) if message["type"] == "connection_ack" => return socket,
            Ok(message) if message["type"] == "ping" => {}
            other => panic!("no acknowledgement: {other:?}"),
        }
    }
}

async fn send(socket: &mut WebSocketStream<TcpStream>, message: &Value) {
    let sent = socket.send(Frame::text(message.to_string())).await;
    sent.expect("the message is sent");
}

/// The next message, or the code the socket was closed with.
async fn receive(socket: &mut WebSocketStream<TcpStream>) -> Result<Value, Option<u16>> {
    loop {
        match socket.next().await {
            Some(Ok(Frame::Text(text))) => {
                return Ok(serde_json::from_str(&text).expect("a message in JSON"));
            }
            Some(Ok(Frame::Close(frame))) => return Err(frame.map(|it| it.code.into())),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(None),
        }
    }
}

async fn next_of_socket(socket: &mut WebSocketStream<TcpStream>) -> Message {
    loop {
        let mut message = match receive(socket).await {
            Ok(message) => message,
            Err(code) => return Message::Closed(code),
        };
        match message["type"].as_str() {
            Some("next") => return Message::Next(message["payload"].take()),
            Some("error") => return Message::Error(message["payload"].take()),
            Some("complete") => return Message::Complete,
            Some("ping") => {
                let _ = socket
                    .send(Frame::text(json!({ "type": "pong" }).to_string()))
                    .await;
            }
            _ => panic!("{message}"),
        }
    }
}

fn until_broken<E>(
    body: impl Stream<Item = Result<Bytes, E>>,
) -> impl Stream<Item = Option<Bytes>> {
    body.map(Result::ok)
}

impl EventStream {
    async fn next(&mut self) -> Message {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|it| it == b"\n\n") {
                let event: Vec<u8> = self.buffer.drain(..end + 2).collect();
                if let Some(message) = event_message(&String::from_utf8_lossy(&event)) {
                    return message;
                }
                continue;
            }
            match self.body.next().await {
                Some(Some(bytes)) => self.buffer.extend_from_slice(&bytes),
                Some(None) | None => return Message::Closed(None),
            }
        }
    }
}

/// What an event says; `None` for a comment.
fn event_message(event: &str) -> Option<Message> {
    let (mut name, mut data) = ("", String::new());
    for line in event.lines() {
        if let Some(value) = line.strip_prefix("event: ") {
            name = value;
        } else if let Some(value) = line.strip_prefix("data: ") {
            let _ = write!(data, "{value}");
        }
    }
    match name {
        "next" => Some(Message::Next(
            serde_json::from_str(&data).expect("an event in JSON"),
        )),
        "complete" => Some(Message::Complete),
        _ => None,
    }
}

/// What tests look at of a space in an event: nothing that may change without one.
const EVENT: &str = "cursor change space { id name status desiredStatus revision \
    failure { code message exitCode oomKilled logTail } }";

/// Follows spaces, keeps every event, and can come back where it left.
pub struct Follower {
    client: Client,
    transport: Transport,
    field: String,
    subscription: Subscription,
    /// Every event so far, over all connections: `{cursor change space}`.
    pub history: Vec<Value>,
}

impl Follower {
    pub(crate) async fn start(
        client: Client,
        transport: Transport,
        field: &str,
        after: Option<String>,
    ) -> Self {
        let document = document(field);
        let variables = json!({ "after": after });
        let subscription = client.subscribe(transport, &document, variables).await;
        Self {
            client,
            transport,
            field: field.to_owned(),
            subscription,
            history: Vec::new(),
        }
    }

    /// The next event.
    pub async fn next(&mut self) -> Value {
        let data = self.subscription.next_data().await;
        let event = data.as_object().expect("data").values().next();
        let event = event.expect("an event").clone();
        self.history.push(event.clone());
        event
    }

    /// Reads on until an event's space is as wanted, and gives the event.
    pub async fn until(&mut self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        in_time(what, async {
            loop {
                let event = self.next().await;
                if is_so(&event["space"]) {
                    return event;
                }
            }
        })
        .await
    }

    /// The last cursor it got.
    pub fn cursor(&self) -> Option<String> {
        let mut events = self.history.iter().rev();
        events.find_map(|event| event["cursor"].as_str().map(str::to_owned))
    }

    /// Connects again behind the last event it got, by either transport.
    pub async fn reconnect(&mut self, transport: Transport) {
        let variables = json!({ "after": self.cursor() });
        let document = document(&self.field);
        self.transport = transport;
        self.subscription = self
            .client
            .subscribe(self.transport, &document, variables)
            .await;
    }

    /// Reads on until the server has no more to say.
    pub async fn completed(&mut self) {
        self.subscription.completed().await;
    }

    /// Reads on until the connection ends, and says how.
    pub async fn end(&mut self) -> Vec<Message> {
        self.subscription.end().await
    }

    /// The statuses in the order they were told, each named once.
    pub fn statuses(&self) -> Vec<String> {
        let mut statuses: Vec<String> = Vec::new();
        for event in &self.history {
            let status = event["space"]["status"].as_str().unwrap_or_default();
            if statuses.last().is_none_or(|last| last != status) {
                statuses.push(status.to_owned());
            }
        }
        statuses
    }
}

fn document(field: &str) -> String {
    format!("subscription ($after: String) {{ {field} {{ {EVENT} }} }}")
}
