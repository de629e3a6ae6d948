//! Requests that try to be understood in two ways, or to take too much.

pub(crate) mod frames;
mod framing;
mod soup;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Version};
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    harness::{HOST, House, routes},
    recorder::Recorder,
    soon,
    visitor::{got, request},
};

/// The host of a space that keeps all it got.
const RAW_HOST: &str = "raw--ada.tunnels.localhost";

/// A house with such a space.
struct Yard {
    house: House,
    recorder: Recorder,
}

impl Yard {
    async fn open() -> Self {
        let house = House::open().await;
        let recorder = Recorder::start().await;
        house
            .say(routes(2, "RUNNING", recorder.address, RAW_HOST))
            .await;
        Self { house, recorder }
    }

    /// Sends `text`, each character of Latin-1 as one byte, and reads responses until the edge closes:
    /// the status and the body of each.
    async fn answered(&self, text: &str) -> Vec<(u16, String)> {
        let bytes: Vec<u8> = text
            .chars()
            .flat_map(|it| match u8::try_from(u32::from(it)) {
                Ok(byte) => vec![byte],
                Err(_) => it.to_string().into_bytes(),
            })
            .collect();
        let visitor = self.house.visitor();
        let mut stream = visitor.connect(RAW_HOST, &["http/1.1"]).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut answer = Vec::new();
        // The edge may close without a TLS goodbye when it is told nonsense.
        let _ = soon(stream.read_to_end(&mut answer)).await;
        let answer: String = answer.iter().map(|it| char::from(*it)).collect();
        responses(&answer)
    }

    async fn statuses(&self, text: &str) -> Vec<u16> {
        let answered = self.answered(text).await;
        answered.iter().map(|(status, _)| *status).collect()
    }
}

/// The status and the body of each response in `text`, as far as they are complete. An invitation
/// to send a body is none.
fn responses(mut text: &str) -> Vec<(u16, String)> {
    let mut responses = Vec::new();
    while let Some((head, rest)) = text.split_once("\r\n\r\n") {
        let status = head["HTTP/1.1 ".len()..][..3].parse().unwrap();
        let length = head
            .to_ascii_lowercase()
            .lines()
            .find_map(|it| it.strip_prefix("content-length: ").map(str::to_owned))
            .map_or(0, |it| it.parse().unwrap());
        let Some((body, behind)) = rest.split_at_checked(length) else {
            break;
        };
        if status != 100 {
            responses.push((status, body.to_owned()));
        }
        text = behind;
    }
    responses
}

#[tokio::test]
async fn ambiguous_requests_are_refused_and_end_their_connection() {
    let house = House::open().await;
    let other = "other--ada.tunnels.localhost";
    for (what, head) in [
        (
            "two hosts",
            format!("GET / HTTP/1.1\r\nhost: {HOST}\r\nhost: {HOST}\r\n\r\n"),
        ),
        ("no host", "GET / HTTP/1.1\r\n\r\n".to_owned()),
        (
            "a host that is none",
            "GET / HTTP/1.1\r\nhost: a b\r\n\r\n".to_owned(),
        ),
        (
            "userinfo",
            format!("GET / HTTP/1.1\r\nhost: me@{HOST}\r\n\r\n"),
        ),
        (
            "another target",
            format!("GET https://{other}/ HTTP/1.1\r\nhost: {HOST}\r\n\r\n"),
        ),
        (
            "a tunnel",
            format!("CONNECT {HOST}:443 HTTP/1.1\r\nhost: {HOST}\r\n\r\n"),
        ),
        (
            "two lengths",
            format!(
                "POST / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"
            ),
        ),
        (
            "a signed length",
            format!("POST / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: +1\r\n\r\na"),
        ),
        (
            "another coding",
            format!(
                "POST / HTTP/1.1\r\nhost: {HOST}\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "a coding twice",
            format!(
                "POST / HTTP/1.1\r\nhost: {HOST}\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "a coding that isn't chunked",
            format!(
                "POST / HTTP/1.1\r\nhost: {HOST}\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "a coding before HTTP/1.1",
            format!(
                "POST / HTTP/1.0\r\nhost: {HOST}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "a space before the colon",
            format!("GET / HTTP/1.1\r\nhost : {HOST}\r\n\r\n"),
        ),
        (
            "a folded field",
            format!("GET / HTTP/1.1\r\nhost: {HOST}\r\nx: a\r\n b\r\n\r\n"),
        ),
    ] {
        // A request behind it is never served.
        let behind = format!("GET /behind HTTP/1.1\r\nhost: {HOST}\r\n\r\n");
        let answer = house.visitor().raw(HOST, &format!("{head}{behind}")).await;
        assert!(
            answer.starts_with("HTTP/1.1 400") || answer.starts_with("HTTP/1.0 400"),
            "{what}: {answer}"
        );
        assert_eq!(answer.matches("HTTP/1.").count(), 1, "{what}: {answer}");
    }
    assert_eq!(
        *house.space.shared.requests.borrow(),
        0,
        "nothing reached the space"
    );
}

#[tokio::test]
async fn a_length_beside_chunks_counts_for_nothing_and_ends_the_connection() {
    let house = House::open().await;
    for (first, second) in [
        ("content-length: 6", "transfer-encoding: chunked"),
        ("transfer-encoding: chunked", "content-length: 6"),
    ] {
        let smuggled = format!("GET /smuggled HTTP/1.1\r\nhost: {HOST}\r\n\r\n");
        let sent = format!(
            "POST / HTTP/1.1\r\nhost: {HOST}\r\n{first}\r\n{second}\r\n\r\n0\r\n\r\n{smuggled}"
        );
        let before = *house.space.shared.requests.borrow();
        let answer = house.visitor().raw(HOST, &sent).await;
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("\"length\":0"),
            "{answer}"
        );
        assert!(
            answer.to_ascii_lowercase().contains("connection: close"),
            "{answer}"
        );
        assert!(!answer.contains("content-length\",\"6"), "{answer}");
        assert_eq!(
            answer.matches("HTTP/1.1").count(),
            2,
            "one response, one echo: {answer}"
        );
        assert_eq!(*house.space.shared.requests.borrow(), before + 1);
    }
}

#[tokio::test]
async fn an_authority_and_a_host_that_disagree_are_refused_on_http_2() {
    let house = House::open().await;
    let fields = [("host", "other--ada.tunnels.localhost")];
    let asked = request(Method::GET, HOST, "/", &fields);
    let refused = house.visitor().ask(Version::HTTP_2, asked).await;
    assert_eq!((refused.status, refused.code()), (400, Some("BAD_REQUEST")));
    let asked = request(Method::GET, HOST, "/", &[("host", HOST)]);
    assert_eq!(
        house.visitor().ask(Version::HTTP_2, asked).await.status,
        200
    );
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let house = House::open().await;
    let head = |fields: String| format!("GET / HTTP/1.1\r\nhost: {HOST}\r\n{fields}\r\n");
    let many = head("x: y\r\n".repeat(200));
    let long = head(format!("x: {}\r\n", "y".repeat(80 << 10)));
    for sent in [many, long] {
        let answer = house.visitor().raw(HOST, &sent).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    assert_eq!(house.get(HOST, "/").await.status, 200);
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut() {
    let house = House::open_with(&[("SPACEPORT_EDGE_HEADER_SECONDS", "0.2")]).await;
    let mut stream = house.visitor().connect(HOST, &["http/1.1"]).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
    let mut rest = Vec::new();
    let _ = soon(stream.read_to_end(&mut rest)).await;
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let house = House::open_with(&[("SPACEPORT_EDGE_IDLE_SECONDS", "0.2")]).await;
    let mut sender = house.visitor().h2::<Full<Bytes>>(HOST).await;
    let asked: Request<Full<Bytes>> = request(Method::GET, HOST, "/", &[]);
    assert_eq!(
        got(soon(sender.send_request(asked)).await.unwrap())
            .await
            .status,
        200
    );
    let closed = async {
        while sender.ready().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon(closed).await;
}

#[tokio::test]
async fn a_body_is_asked_for_only_when_there_is_somebody_to_take_it() {
    let house = House::open().await;
    let head = |host: &str| {
        format!(
            "POST / HTTP/1.1\r\nhost: {host}\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n"
        )
    };
    let mut stream = house.visitor().connect(HOST, &["http/1.1"]).await.unwrap();
    stream.write_all(head(HOST).as_bytes()).await.unwrap();
    let mut buffer = [0; 25];
    soon(stream.read_exact(&mut buffer)).await.unwrap();
    assert_eq!(&buffer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").await.unwrap();
    let mut answer = [0; 15];
    soon(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");

    let unknown = head("nope--ada.tunnels.localhost");
    let answer = house
        .visitor()
        .raw("nope--ada.tunnels.localhost", &unknown)
        .await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}
