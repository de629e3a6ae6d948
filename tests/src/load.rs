//! Visitors who keep coming, and who notice when one of them is failed.
//!
//! They repeat nothing: what a client library would silently try again is a failure here, but for
//! what the protocol says was never taken up (a stream behind HTTP/2's `GOAWAY`).

use std::{
    error::Error as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{sync::watch, task::JoinSet, time};
use tokio_tungstenite::tungstenite::Message;

use crate::{PATIENCE, Visitor, eventually};

/// Between two requests, or two messages, of one visitor.
const PAUSE: Duration = Duration::from_millis(10);
/// What a download takes in one [`DOWNLOAD_PAUSE`].
const DOWNLOAD_STEP_BYTES: u64 = 1 << 20;
const DOWNLOAD_PAUSE: Duration = Duration::from_millis(500);

/// What the visitors want.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// The URL of a page of one and the same content.
    pub page: String,
    /// The URL of a WebSocket that echoes.
    pub echo: String,
    /// The URL of a file too large to be downloaded in the time there is.
    pub file: String,
    /// Its size.
    pub file_bytes: u64,
}

/// The visitors; they end when it is dropped.
#[derive(Debug)]
pub struct Load {
    stop: watch::Sender<bool>,
    tally: Arc<Tally>,
    visitors: JoinSet<()>,
}

/// What they got.
#[derive(Debug, Default)]
pub struct Tally {
    /// Answers by HTTP/1.1.
    pub http1: AtomicU64,
    /// Answers by HTTP/2.
    pub http2: AtomicU64,
    /// Echoes by WebSockets.
    pub echoes: AtomicU64,
    /// Bytes of the download.
    pub downloaded: AtomicU64,
    /// Connections that were opened, WebSockets aside.
    pub connections: AtomicU64,
    failures: Mutex<Vec<String>>,
}

impl Tally {
    /// What went wrong, one line each.
    pub fn failures(&self) -> Vec<String> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.clone()
    }

    fn fail(&self, what: impl std::fmt::Display) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.push(what.to_string());
    }

    fn counts(&self) -> [u64; 4] {
        [&self.http1, &self.http2, &self.echoes, &self.downloaded]
            .map(|it| it.load(Ordering::Relaxed))
    }
}

impl Load {
    /// Visitors of the page, `each` by HTTP/1.1, by HTTP/2 and by WebSocket, and one who downloads.
    pub fn start(visitor: &Visitor, wishes: &Wishes, each: usize) -> Self {
        let (stop, stopped) = watch::channel(false);
        let tally = Arc::new(Tally::default());
        let mut visitors = JoinSet::new();
        let guest = || Guest {
            visitor: visitor.clone(),
            wishes: wishes.clone(),
            stopped: stopped.clone(),
            tally: Arc::clone(&tally),
        };
        for _ in 0..each {
            visitors.spawn(guest().ask_by_http1());
            visitors.spawn(guest().ask_by_http2());
            visitors.spawn(guest().talk());
        }
        visitors.spawn(guest().download());
        Self {
            stop,
            tally,
            visitors,
        }
    }

    /// What they got so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Waits until every kind of visitor has got more than they have now.
    pub async fn goes_on(&self) {
        let before = self.tally.counts();
        eventually("every visitor gets more", async || {
            assert_eq!(self.tally.failures(), [""; 0]);
            let now = self.tally.counts();
            now.iter().zip(before).all(|(now, before)| *now > before)
        })
        .await;
    }

    /// Lets everybody finish what they have begun, and tells what they got.
    pub async fn end(mut self) -> Arc<Tally> {
        self.stop.send_replace(true);
        while let Some(ended) = self.visitors.join_next().await {
            ended.expect("a visitor");
        }
        Arc::clone(&self.tally)
    }
}

struct Guest {
    visitor: Visitor,
    wishes: Wishes,
    stopped: watch::Receiver<bool>,
    tally: Arc<Tally>,
}

impl Guest {
    fn goes_on(&self) -> bool {
        !*self.stopped.borrow()
    }

    async fn ask_by_http1(self) {
        let mut content = None;
        while self.goes_on() {
            let mut sender = match self.http1(&self.wishes.page).await {
                Ok(sender) => sender,
                Err(error) => return self.tally.fail(format!("HTTP/1.1, connecting: {error}")),
            };
            // A connection lasts until the edge says that it doesn't.
            while self.goes_on() && sender.ready().await.is_ok() {
                let request = origin_form(&self.wishes.page);
                let answer = match within(sender.send_request(request)).await {
                    Ok(answer) => answer,
                    Err(error) => return self.tally.fail(format!("HTTP/1.1, asking: {error}")),
                };
                let is_last = answer
                    .headers()
                    .get("connection")
                    .is_some_and(|it| it == "close");
                match self.read(answer, &mut content).await {
                    Ok(()) => self.tally.http1.fetch_add(1, Ordering::Relaxed),
                    Err(error) => return self.tally.fail(format!("HTTP/1.1, reading: {error}")),
                };
                if is_last {
                    break;
                }
                time::sleep(PAUSE).await;
            }
        }
    }

    async fn ask_by_http2(self) {
        let mut content = None;
        while self.goes_on() {
            let mut sender = match self.http2(&self.wishes.page).await {
                Ok(sender) => sender,
                Err(error) => return self.tally.fail(format!("HTTP/2, connecting: {error}")),
            };
            while self.goes_on() && sender.ready().await.is_ok() {
                let request = Request::get(&self.wishes.page)
                    .body(Empty::<Bytes>::new())
                    .expect("a request");
                let answer = match within(sender.try_send_request(request)).await {
                    Ok(answer) => answer,
                    Err(TimedOr::Other(mut error)) => {
                        if error.take_message().is_some() || is_behind_goodbye(error.error()) {
                            // The edge takes up no more streams, and nobody has seen this one.
                            break;
                        }
                        let error = error.into_error();
                        return self.tally.fail(format!("HTTP/2, asking: {error:?}"));
                    }
                    Err(TimedOr::Late) => return self.tally.fail("HTTP/2, asking: no answer"),
                };
                match self.read(answer, &mut content).await {
                    Ok(()) => self.tally.http2.fetch_add(1, Ordering::Relaxed),
                    Err(error) => return self.tally.fail(format!("HTTP/2, reading: {error}")),
                };
                time::sleep(PAUSE).await;
            }
        }
    }

    /// Echoes by one WebSocket to the end.
    async fn talk(self) {
        let mut socket = self.visitor.websocket(&self.wishes.echo).await;
        let mut number = 0_u64;
        while self.goes_on() {
            number += 1;
            let said = Message::text(number.to_string());
            let echoed = async {
                socket.send(said.clone()).await?;
                socket.next().await.transpose()
            };
            match within(echoed).await {
                Ok(Some(echo)) if echo == said => {
                    self.tally.echoes.fetch_add(1, Ordering::Relaxed);
                }
                other => return self.tally.fail(format!("WebSocket: {other:?}")),
            }
            time::sleep(PAUSE).await;
        }
        if let Err(error) = socket.close(None).await {
            self.tally.fail(format!("WebSocket, at its end: {error}"));
        }
    }

    /// Downloads slowly for as long as it goes on, and then the rest.
    async fn download(self) {
        if let Err(error) = self.try_download().await {
            self.tally.fail(format!("download: {error}"));
        }
    }

    async fn try_download(&self) -> Result<(), Problem> {
        let mut sender = self.http1(&self.wishes.file).await?;
        let request = origin_form(&self.wishes.file);
        let mut body = within(sender.send_request(request)).await?.into_body();
        let mut step_bytes = 0;
        while let Some(frame) = within_some(body.frame()).await? {
            let bytes = frame?.into_data().map_or(0, |data| data.len() as u64);
            self.tally.downloaded.fetch_add(bytes, Ordering::Relaxed);
            step_bytes += bytes;
            if step_bytes >= DOWNLOAD_STEP_BYTES && self.goes_on() {
                step_bytes = 0;
                time::sleep(DOWNLOAD_PAUSE).await;
            }
        }
        let all = self.tally.downloaded.load(Ordering::Relaxed);
        if self.goes_on() {
            return Err("the file was too small to last".into());
        }
        if all != self.wishes.file_bytes {
            return Err(format!("{all} bytes of {}", self.wishes.file_bytes).into());
        }
        Ok(())
    }

    /// Reads an answer, which must be like every other.
    async fn read(
        &self,
        answer: Response<Incoming>,
        content: &mut Option<Bytes>,
    ) -> Result<(), Problem> {
        if answer.status() != 200 {
            let code = answer.headers().get("x-spaceport-error").cloned();
            return Err(format!("status {} {code:?}", answer.status()).into());
        }
        let body = within(answer.into_body().collect()).await?.to_bytes();
        if *content.get_or_insert_with(|| body.clone()) != body {
            return Err("another content".into());
        }
        Ok(())
    }

    async fn http1(&self, url: &str) -> Result<http1::SendRequest<Empty<Bytes>>, Problem> {
        let stream = within(self.visitor.connect(&host(url), "http/1.1")).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        self.tally.connections.fetch_add(1, Ordering::Relaxed);
        Ok(sender)
    }

    async fn http2(&self, url: &str) -> Result<http2::SendRequest<Empty<Bytes>>, Problem> {
        let stream = within(self.visitor.connect(&host(url), "h2")).await?;
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        self.tally.connections.fetch_add(1, Ordering::Relaxed);
        Ok(sender)
    }
}

/// Whether a stream was one that the edge had said, without fault of anybody, that it would not take
/// up: whoever opened it repeats it elsewhere (RFC 9113 §6.8). Only those have such an error. h2's
/// client answers the edge's last ping before it sends what is waiting, and so comes too late with it.
fn is_behind_goodbye(error: &hyper::Error) -> bool {
    let reason = error.source().and_then(|it| it.downcast_ref::<h2::Error>());
    reason.is_some_and(|it| {
        it.is_go_away() && it.is_remote() && it.reason() == Some(h2::Reason::NO_ERROR)
    })
}

type Problem = Box<dyn std::error::Error + Send + Sync>;

/// An error of a thing that has a time.
#[derive(Debug)]
enum TimedOr<E> {
    Late,
    Other(E),
}

impl<E: std::fmt::Debug> std::fmt::Display for TimedOr<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Late => f.write_str("not in time"),
            Self::Other(error) => write!(f, "{error:?}"),
        }
    }
}

impl<E: std::fmt::Debug> std::error::Error for TimedOr<E> {}

async fn within<T, E>(future: impl Future<Output = Result<T, E>>) -> Result<T, TimedOr<E>> {
    match time::timeout(PATIENCE, future).await {
        Ok(done) => done.map_err(TimedOr::Other),
        Err(_) => Err(TimedOr::Late),
    }
}

async fn within_some<T>(future: impl Future<Output = T>) -> Result<T, Problem> {
    Ok(time::timeout(PATIENCE, future).await?)
}

fn host(url: &str) -> String {
    let url: reqwest::Url = url.parse().expect("a URL");
    url.host_str().expect("a hostname").to_owned()
}

fn origin_form(url: &str) -> Request<Empty<Bytes>> {
    let parsed: reqwest::Url = url.parse().expect("a URL");
    let authority = parsed.authority();
    Request::get(parsed.path())
        .header("host", authority)
        .body(Empty::new())
        .expect("a request")
}
