//! Requests by HTTP/1.1 that try to be understood in two ways.
//!
//! Behind each comes a second one. What counts is what the space sees: the requests that the edge
//! decided on, framed as the edge decided, or nothing.

use super::{RAW_HOST as HOST, Yard};

/// What becomes of a request and of the one behind it.
#[derive(Clone, Copy)]
enum Fate {
    /// It is refused, the connection is closed, and nothing reaches the space.
    Refused,
    /// The space sees the first with this body; the connection is closed behind it.
    Last(&'static str),
    /// The space sees the first with this body, and then the second.
    Both(&'static str),
}
use Fate::{Both, Last, Refused};

/// A request with `fields`, which come behind `Host`, and `body`.
async fn meets(yard: &Yard, what: &str, fields: &str, body: &str, fate: Fate) {
    let sent = format!("POST /a HTTP/1.1\r\nhost: {HOST}\r\n{fields}\r\n{body}");
    sees(yard, what, &sent, "POST /a", fate).await;
}

async fn sees(yard: &Yard, what: &str, sent: &str, line: &str, fate: Fate) {
    let behind = format!("GET /b HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n");
    let statuses = yard.statuses(&format!("{sent}{behind}")).await;
    let seen = yard.recorder.told();
    match fate {
        Refused => {
            assert_eq!(seen, [""; 0], "{what}");
            assert!(statuses.len() <= 1, "{what}: {statuses:?}");
            assert!(
                statuses.iter().all(|it| (400..=505).contains(it)),
                "{what}: {statuses:?}"
            );
        }
        Last(body) => {
            assert_eq!(seen, [format!("{line} {body}")], "{what}");
            assert_eq!(statuses, [200], "{what}");
        }
        Both(body) => {
            assert_eq!(
                seen,
                [format!("{line} {body}"), "GET /b ".to_owned()],
                "{what}"
            );
            assert_eq!(statuses, [200, 200], "{what}");
        }
    }
}

#[tokio::test]
async fn only_one_spelling_of_chunked_is_understood() {
    let yard = Yard::open().await;
    for value in ["chunked", "CHUNKED", "  chunked\t"] {
        let fields = format!("transfer-encoding:{value}\r\n");
        meets(&yard, value, &fields, "1\r\nx\r\n0\r\n\r\n", Last("x")).await;
    }
    for value in [
        "",
        "\x0bchunked",
        "chunked\x0b",
        "\"chunked\"",
        "'chunked'",
        "identity",
        "identity, chunked",
        "chunked, identity",
        "chunked, chunked",
        "gzip, chunked",
        "chunked;x",
        "chunked;q=1",
        "xchunked",
        "x chunked",
        "chunked,",
        ",chunked",
        "cow",
        "chunked\0",
        "\0chunked",
        "chu\0nked",
        "\u{a0}chunked",
        "chunked\x7f",
        "chunk\u{e9}d",
        "\r\n chunked",
        " chunked\r\n , identity",
        "chunked\r\ntransfer-encoding: chunked",
        "identity\r\ntransfer-encoding: chunked",
        "chunked\r\ntransfer-encoding: identity",
    ] {
        let fields = format!("transfer-encoding:{value}\r\n");
        meets(&yard, value, &fields, "0\r\n\r\n", Refused).await;
    }
    for fields in [
        "transfer-encoding : chunked\r\n",
        "transfer-encoding\t: chunked\r\n",
        " transfer-encoding: chunked\r\n",
        "x: y\rtransfer-encoding: chunked\r\n",
        "x: y\0transfer-encoding: chunked\r\n",
    ] {
        meets(&yard, fields, fields, "0\r\n\r\n", Refused).await;
    }
}

#[tokio::test]
async fn a_length_has_one_meaning_or_none() {
    let yard = Yard::open().await;
    for value in ["1", " 1", "\t1 ", "01", "1\r\ncontent-length: 1"] {
        let fields = format!("content-length:{value}\r\n");
        meets(&yard, value, &fields, "x", Both("x")).await;
    }
    for value in [
        "",
        "+1",
        "-1",
        "0x1",
        "1,1",
        "1, 1",
        "1,2",
        "1;",
        "1.0",
        "1e0",
        "a",
        "1\0",
        "\x0b1",
        "1\x0b",
        "\u{b9}",
        "18446744073709551615",
        "18446744073709551616",
        "\r\n 1",
        "1\r\ncontent-length: 2",
        "0\r\ncontent-length: 1",
    ] {
        let fields = format!("content-length:{value}\r\n");
        meets(&yard, value, &fields, "x", Refused).await;
    }
    meets(&yard, "a space", "content-length : 1\r\n", "x", Refused).await;
    for fields in [
        "content-length: 9\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 9\r\n",
        "connection: transfer-encoding\r\ntransfer-encoding: chunked\r\n",
    ] {
        meets(&yard, fields, fields, "1\r\nx\r\n0\r\n\r\n", Last("x")).await;
    }
    // Named as what speaks to the next hop only, a length still counts.
    let fields = "connection: content-length\r\ncontent-length: 1\r\n";
    meets(&yard, fields, fields, "x", Both("x")).await;
    let fields = "content-length: x\r\ntransfer-encoding: chunked\r\n";
    meets(&yard, fields, fields, "0\r\n\r\n", Refused).await;
}

#[tokio::test]
async fn what_only_looks_like_framing_does_not_reach_the_space() {
    let yard = Yard::open().await;
    for fields in ["content_length: 5\r\n", "transfer_encoding: chunked\r\n"] {
        let sent = format!("POST /a HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n{fields}\r\n");
        assert_eq!(yard.statuses(&sent).await, [200]);
        let seen = yard.recorder.take();
        assert!(seen[0].all("content_length").is_empty());
        assert!(seen[0].all("transfer_encoding").is_empty());
    }
}

#[tokio::test]
async fn chunks_are_read_to_the_letter() {
    let yard = Yard::open().await;
    let fields = "transfer-encoding: chunked\r\n";
    for chunk in [
        "1\r\nx\r\n",
        "01\r\nx\r\n",
        "1 \r\nx\r\n",
        "1;a=b\r\nx\r\n",
        "1;a=\"b\"\r\nx\r\n",
    ] {
        let body = format!("{chunk}0\r\n\r\n");
        meets(&yard, chunk, fields, &body, Last("x")).await;
    }
    let huge = format!("1;{}\r\nx\r\n", "a".repeat(20_000));
    for chunk in [
        "0x1\r\nx\r\n",
        "+1\r\nx\r\n",
        "-1\r\nx\r\n",
        " 1\r\nx\r\n",
        "1_0\r\nx\r\n",
        "G\r\nx\r\n",
        "1 2\r\nx\r\n",
        "1\0\r\nx\r\n",
        "1\x0b\r\nx\r\n",
        "\r\nx\r\n",
        "1\nx\r\n",
        "1\r\nx\n",
        "1\rx\r\n",
        "1\r\nxX\r\n",
        "1\r\nxy\r\n",
        "1;a\nb\r\nx\r\n",
        "1;a\rb\r\nx\r\n",
        "1;a=\"\r\nx\r\n\"\r\nx\r\n",
        "FFFFFFFFFFFFFFFFF\r\nx\r\n",
        &huge,
    ] {
        let body = format!("{chunk}0\r\n\r\n");
        meets(&yard, chunk, fields, &body, Refused).await;
    }
    for end in ["0\n\r\n", "0\n\n", "0\r\r\n\r\n"] {
        meets(&yard, end, fields, end, Refused).await;
    }
}

#[tokio::test]
async fn trailers_undo_nothing_that_the_head_decided() {
    let yard = Yard::open().await;
    let names = [
        "content-length",
        "transfer-encoding",
        "host",
        "authorization",
        "cookie",
        "x-forwarded-for",
        "x-spaceport-user",
        "content_length",
        "x-sum",
    ];
    let trailers = names.map(|it| format!("{it}: 1\r\n")).concat();
    let sent = format!(
        "POST /a HTTP/1.1\r\nhost: {HOST}\r\ntrailer: {}\r\ntransfer-encoding: chunked\r\n\r\n\
         1\r\nx\r\n0\r\n{trailers}\r\n",
        names.join(", ")
    );
    assert_eq!(yard.statuses(&sent).await, [200]);
    let seen = yard.recorder.take();
    assert_eq!(seen[0].trailers, [("x-sum".to_owned(), "1".to_owned())]);
    for trailer in ["bad name: x", "x : y", "x: a\r\n b", "x: \0", "noline", ":"] {
        let body = format!("1\r\nx\r\n0\r\n{trailer}\r\n\r\n");
        let fields = "transfer-encoding: chunked\r\n";
        meets(&yard, trailer, fields, &body, Refused).await;
    }
    let long = format!("0\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    meets(
        &yard,
        "long",
        "transfer-encoding: chunked\r\n",
        &long,
        Refused,
    )
    .await;
}

#[tokio::test]
async fn fields_hold_no_line_breaks_and_names_no_spaces() {
    let yard = Yard::open().await;
    for field in [
        "x: a\rb",
        "x: a\0b",
        "x: a\x7fb",
        "x: a\r",
        "x\r: a",
        "x\n: a",
        "x\0: a",
        "x y: a",
        "x : a",
        ": a",
        "xa",
        "x: a\r\n b",
        "x: a\r\n\tb",
        "x\u{e9}: a",
        "x[: a",
        "\"x\": a",
        "x(y): a",
        " x: a",
        "x: a\nb",
    ] {
        meets(&yard, field, &format!("{field}\r\n"), "", Refused).await;
    }
    // A single LF ends a line for whoever wants it to (RFC 9112 §2.2); the space gets two.
    meets(&yard, "LF", "x: a\ncontent-length: 1\r\n", "x", Both("x")).await;
}

#[tokio::test]
async fn targets_have_the_form_of_their_method() {
    let yard = Yard::open().await;
    for (target, seen) in [
        (format!("http://{HOST}/a"), "/a"),
        (format!("https://{HOST}:8443"), "/"),
        ("//evil/x".to_owned(), "//evil/x"),
        ("/a#b".to_owned(), "/a"),
        ("/%0d%0a%00/..%2f/../".to_owned(), "/%0d%0a%00/..%2f/../"),
        ("/a?b=http://x".to_owned(), "/a?b=http://x"),
    ] {
        let sent = format!("GET {target} HTTP/1.1\r\nhost: {HOST}\r\n\r\n");
        sees(&yard, &target, &sent, &format!("GET {seen}"), Both("")).await;
    }
    for target in [
        format!("ftp://{HOST}/a"),
        "http://evil/a".to_owned(),
        format!("https://me@{HOST}/a"),
        "http:///a".to_owned(),
        format!("{HOST}:443"),
        HOST.to_owned(),
        "*".to_owned(),
        "a".to_owned(),
        String::new(),
        "?a".to_owned(),
        "/a b".to_owned(),
        "/a\tb".to_owned(),
        "/a\x0bb".to_owned(),
        "/a\0b".to_owned(),
        "/a\x7f".to_owned(),
    ] {
        let sent = format!("GET {target} HTTP/1.1\r\nhost: {HOST}\r\n\r\n");
        sees(&yard, &target, &sent, "", Refused).await;
    }
    let all = format!("OPTIONS * HTTP/1.1\r\nhost: {HOST}\r\n\r\n");
    sees(&yard, "OPTIONS *", &all, "OPTIONS *", Both("")).await;
}

#[tokio::test]
async fn only_http_1_is_spoken_where_it_was_agreed_on() {
    let yard = Yard::open().await;
    for version in [
        "",
        "HTTP/0.9",
        "HTTP/1.2",
        "HTTP/2",
        "HTTP/2.0",
        "HTTP/3.0",
        "http/1.1",
        "HTTP/1.1 ",
        "HTTP/01.1",
        "HTTP/1.10",
        "HTTP/1,1",
        "JUNK",
    ] {
        let sent = format!("GET /a {version}\r\nhost: {HOST}\r\n\r\n");
        sees(&yard, version, &sent, "", Refused).await;
    }
    for start in ["\r", " ", "G\0", "GE:T /a HTTP/1.1\r\n", "\u{e9}"] {
        let sent = format!("{start}GET /a HTTP/1.1\r\nhost: {HOST}\r\n\r\n");
        sees(&yard, start, &sent, "", Refused).await;
    }
    let simple = "GET /a\r\n\r\n";
    sees(&yard, "HTTP/0.9", simple, "", Refused).await;
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0";
    sees(&yard, "the preface of HTTP/2", preface, "", Refused).await;
    let blank = format!("\r\n\r\nGET /a HTTP/1.1\r\nhost: {HOST}\r\n\r\n");
    sees(&yard, "empty lines before", &blank, "GET /a", Both("")).await;
    let old = format!("GET /a HTTP/1.0\r\nhost: {HOST}\r\nconnection: keep-alive\r\n\r\n");
    sees(&yard, "HTTP/1.0 kept alive", &old, "GET /a", Both("")).await;
    let old = format!("GET /a HTTP/1.0\r\nhost: {HOST}\r\n\r\n");
    sees(&yard, "HTTP/1.0", &old, "GET /a", Last("")).await;
}
