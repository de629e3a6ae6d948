//! A control plane that has a route feed, and tickets.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use ed25519_dalek::{
    SigningKey,
    pkcs8::{EncodePrivateKey, spki::der::pem::LineEnding},
};
use futures_util::{StreamExt, stream};
use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinSet,
};

/// What an edge asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) after: Option<String>,
    pub(crate) authorization: String,
}

/// How it answers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Mood {
    #[default]
    Helpful,
    Status(StatusCode),
    Error(&'static str),
}

#[derive(Default)]
struct State {
    mood: Mood,
    /// Every change of a space or a person, in order; the cursor is its number.
    log: Vec<Value>,
    /// Sign-ins by SSH that it was told of.
    ssh_sign_ins: watch::Sender<Vec<Value>>,
    /// Tickets that wait for their one-time codes.
    codes: HashMap<String, String>,
    followers: Vec<mpsc::UnboundedSender<Bytes>>,
}

/// The feed; it ends when it is dropped.
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    asked: watch::Sender<Vec<Asked>>,
    pub(crate) keys: Keys,
    server: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for Api {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Api {
    pub(crate) async fn start() -> Self {
        let mut api = Self {
            address: "127.0.0.1:0".parse().unwrap(),
            state: Arc::default(),
            asked: watch::Sender::default(),
            keys: Keys::new(),
            server: None,
        };
        api.restart().await;
        api
    }

    /// Comes up, at the address it had before.
    pub(crate) async fn restart(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let (state, asked) = (Arc::clone(&self.state), self.asked.clone());
        let jwks = Bytes::from(self.keys.jwks().to_string());
        self.server = Some(tokio::spawn(async move {
            // Dropped with this task, and every connection with it.
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (state, asked, jwks) = (Arc::clone(&state), asked.clone(), jwks.clone());
                connections.spawn(async move {
                    let service =
                        service_fn(|request| answer(request, &state, &asked, jwks.clone()));
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        }));
    }

    /// Goes down at once.
    pub(crate) fn stop(&mut self) {
        self.state().followers.clear();
        if let Some(server) = self.server.take() {
            server.abort();
        }
    }

    pub(crate) fn set_mood(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// Gives out `ticket` for `code`, once.
    pub(crate) fn expect_code(&self, code: &str, ticket: String) {
        self.state().codes.insert(code.to_owned(), ticket);
    }

    /// Waits until it was told of a sign-in by SSH, and gives the last one.
    pub(crate) async fn ssh_sign_in(&self) -> Value {
        let mut told = self.state().ssh_sign_ins.subscribe();
        let told = crate::soon(told.wait_for(|it| !it.is_empty())).await;
        told.unwrap().last().unwrap().clone()
    }

    /// Says what is known of a space, or of a person, from now on; returns the cursor behind it.
    pub(crate) fn say(&self, thing: Value) -> String {
        let mut state = self.state();
        state.log.push(thing);
        let cursor = state.log.len().to_string();
        let message = next(&cursor, "SPACES", &state.log[state.log.len() - 1..]);
        state
            .followers
            .retain(|it| it.send(message.clone()).is_ok());
        cursor
    }

    /// Ends every subscription in an orderly way.
    pub(crate) fn complete(&self) {
        for follower in self.state().followers.drain(..) {
            let _ = follower.send(Bytes::from_static(b"event: complete\n\n"));
        }
    }

    /// Waits until `wanted` of the questions so far.
    pub(crate) async fn asked(&self, wanted: impl FnMut(&Vec<Asked>) -> bool) -> Vec<Asked> {
        let mut asked = self.asked.subscribe();
        crate::soon(asked.wait_for(wanted)).await.unwrap().clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// What signs tickets.
pub(crate) struct Keys(SigningKey);

impl Keys {
    fn new() -> Self {
        let [one, other] = [(); 2].map(|()| uuid::Uuid::new_v4().into_bytes());
        let seed: Vec<u8> = [one, other].concat();
        Self(SigningKey::from_bytes(&seed.try_into().unwrap()))
    }

    fn jwks(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.0.verifying_key().to_bytes());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "one", "x": x}]})
    }

    /// A ticket with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let pem = self.0.to_pkcs8_pem(LineEnding::LF).unwrap();
        let key = EncodingKey::from_ed_pem(pem.as_bytes()).unwrap();
        let header = Header {
            kid: Some("one".to_owned()),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, claims, &key).unwrap()
    }
}

async fn answer(
    request: Request<Incoming>,
    state: &Mutex<State>,
    asked: &watch::Sender<Vec<Asked>>,
    jwks: Bytes,
) -> Result<Response<UnsyncBoxBody<Bytes, Infallible>>, Infallible> {
    let (parts, body) = request.into_parts();
    if parts.uri.path() == "/.well-known/jwks.json" {
        return Ok(Response::new(Full::new(jwks).boxed_unsync()));
    }
    let body = body.collect().await.unwrap().to_bytes();
    let question: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(parts.uri.path(), "/graphql");
    let authorization = parts.headers["authorization"].to_str().unwrap().to_owned();
    if question["query"]
        .as_str()
        .unwrap()
        .contains("recordSshSignIn")
    {
        let state = state.lock().unwrap();
        let told = question["variables"].clone();
        state.ssh_sign_ins.send_modify(|it| it.push(told));
        let answer = json!({"data": {"recordSshSignIn": {"problems": []}}});
        return Ok(Response::new(Full::from(answer.to_string()).boxed_unsync()));
    }
    let input = &question["variables"]["input"];
    if let Some(code) = input["code"].as_str() {
        let ticket = state.lock().unwrap().codes.remove(code);
        let problems = ticket.is_none().then(|| json!({"code": "INVALID_INPUT"}));
        let redeemed = json!({"ticket": ticket, "problems": Vec::from_iter(problems)});
        let answer = json!({"data": {"redeemAppCode": redeemed}});
        assert_eq!(authorization, "Bearer edge-secret");
        assert_eq!(input["address"], "127.0.0.1", "the visitor's");
        return Ok(Response::new(Full::from(answer.to_string()).boxed_unsync()));
    }
    assert_eq!(parts.headers["accept"], "text/event-stream");
    assert_eq!(parts.headers["content-type"], "application/json");
    assert!(
        question["query"]
            .as_str()
            .unwrap()
            .contains("routesChanged(after:$after)")
    );
    let after = question["variables"]["after"].as_str().map(str::to_owned);

    let (sender, receiver) = mpsc::unbounded_channel();
    let mut state = state.lock().unwrap();
    let mut response = Response::new(UnsyncBoxBody::default());
    match state.mood {
        Mood::Status(status) => *response.status_mut() = status,
        Mood::Error(code) => {
            let error = json!({"errors": [{"message": "no", "extensions": {"code": code}}]});
            sender
                .send(Bytes::from(format!("event: next\ndata: {error}\n\n")))
                .unwrap();
        }
        Mood::Helpful => {
            let cursor = state.log.len().to_string();
            let begin = after.as_ref().map_or(0, |it| it.parse().unwrap());
            let change = if after.is_some() {
                "SPACES"
            } else {
                "SNAPSHOT"
            };
            sender.send(Bytes::from_static(b":\n\n")).unwrap();
            sender
                .send(next(&cursor, change, &state.log[begin..]))
                .unwrap();
            state.followers.push(sender);
        }
    }
    let question = Asked {
        after,
        authorization,
    };
    asked.send_modify(|it| it.push(question));
    if !matches!(state.mood, Mood::Status(_)) {
        let frames = stream::unfold(receiver, |mut it| async {
            it.recv().await.map(|bytes| (bytes, it))
        });
        let body = StreamBody::new(frames.map(|bytes| Ok(Frame::data(bytes))));
        *response.body_mut() = body.boxed_unsync();
    }
    response
        .headers_mut()
        .insert(CONTENT_TYPE, "text/event-stream".parse().unwrap());
    Ok(response)
}

fn next(cursor: &str, change: &str, things: &[Value]) -> Bytes {
    let of = |key: &str| {
        let kind = things.iter().filter(|it| !it[key].is_null());
        kind.cloned().collect::<Vec<_>>()
    };
    let (spaces, people) = (of("spaceId"), of("signIns"));
    let event = json!({"cursor": cursor, "change": change, "spaces": spaces, "people": people});
    let data = json!({"data": {"routesChanged": event}});
    Bytes::from(format!("event: next\ndata: {data}\n\n"))
}
