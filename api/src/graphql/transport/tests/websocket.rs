mod bounds;
mod closing;
mod operations;

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
