//! The files of a space, at the hostname of their app.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Method, Request, Version};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use spaceport_domain::agent::Service;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::{
    inside::{Inside, host},
    soon,
    visitor::{Got, as_h1, got, request},
};

const BOTH: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

async fn ask(inside: &Inside, method: Method, path: &str, fields: &[(&str, &str)]) -> Got {
    let host = host("files");
    let asked = inside.ask_with(Version::HTTP_11, method, &host, path, fields);
    asked.await
}

/// A body, piece by piece.
fn pieces() -> (UnboundedSender<Bytes>, UnsyncBoxBody<Bytes, Infallible>) {
    let (sender, receiver) = unbounded_channel::<Bytes>();
    let pieces = stream::unfold(receiver, |mut it| async {
        let piece = it.recv().await?;
        Some((Ok(Frame::data(piece)), it))
    });
    (sender, StreamBody::new(pieces).boxed_unsync())
}

#[tokio::test]
async fn the_agent_is_asked_for_files_alone_by_connections_that_are_kept() {
    let inside = Inside::open().await;
    for path in ["/fs/", "/fs/etc/%ff%2e", "/home/", "/home/a?recursive"] {
        let got = ask(&inside, Method::GET, path, &[]).await;
        assert_eq!((got.status, got.code()), (200, None), "{path}");
        assert_eq!(got.json()["target"], path, "as it was spelled");
        assert_eq!(got.echoed("cookie"), [""; 0]);
    }
    assert_eq!(inside.agent.asked(), [Service::Files]);
    for path in [
        "/fs",
        "/home",
        "/homes/",
        "/events",
        "//fs/",
        "/FS/",
        "/.spaceport/x",
    ] {
        let got = ask(&inside, Method::GET, path, &[]).await;
        assert_eq!(
            (got.status, got.code()),
            (404, Some("UNKNOWN_HOST")),
            "{path}"
        );
    }
    // A port's visitor gets none of them, although the agent listens at a port.
    assert_eq!(inside.agent.asked(), [Service::Files]);
}

#[tokio::test]
async fn the_page_is_the_edges_own_at_every_place_that_it_shows() {
    let inside = Inside::open().await;
    for path in ["/", "/browse/home/", "/browse/fs/etc/%ff%2e?a"] {
        let got = ask(&inside, Method::GET, path, &[]).await;
        // A program without the page says how to have it.
        if got.status == 501 {
            assert_eq!(got.code(), Some("PAGE_NOT_BUILT"));
            continue;
        }
        assert_eq!((got.status, got.code()), (200, None), "{path}");
        let policy = got.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("script-src 'self'"), "{policy}");
        let written = ask(&inside, Method::PUT, path, &[]).await;
        assert_eq!(written.code(), Some("UNKNOWN_HOST"), "{path}");
    }
    assert_eq!(inside.agent.asked(), [], "none of it is in the space");
}

#[tokio::test]
async fn no_file_is_a_page_of_the_apps_origin() {
    let inside = Inside::open().await;
    for path in ["/home/forged", "/home/page"] {
        let got = ask(&inside, Method::GET, path, &[]).await;
        let policy = got.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("sandbox allow-downloads; default-src 'none';"),
            "{policy}"
        );
        assert!(!policy.contains("allow-scripts"), "{policy}");
        assert_eq!(got.headers["x-content-type-options"], "nosniff");
        assert!(!got.headers.contains_key("set-cookie"));
    }
}

#[tokio::test]
async fn what_is_behind_a_body_is_passed_on_both_ways() {
    let inside = Inside::open().await;
    let host = host("files");
    for version in BOTH {
        let mut trailers = HeaderMap::new();
        trailers.insert("spaceport-digest", "blake3=00".parse().unwrap());
        let frames = [
            Ok::<_, Infallible>(Frame::data(Bytes::from("body"))),
            Ok(Frame::trailers(trailers)),
        ];
        // By HTTP/2 neither has to be announced, and the length may be told as well.
        let fields: &[_] = if version == Version::HTTP_2 {
            &[("content-length", "4")]
        } else {
            &[("te", "trailers"), ("trailer", "spaceport-digest")]
        };
        let cookie = inside.cookie(&host);
        let fields = [&[("cookie", cookie.as_str())], fields].concat();
        let asked: Request<_> = request(Method::PUT, &host, "/fs/digest", &fields)
            .map(|_: Full<Bytes>| StreamBody::new(stream::iter(frames)));
        let visitor = inside.street.house.visitor();
        let response = if version == Version::HTTP_2 {
            soon(visitor.h2(&host).await.send_request(asked)).await
        } else {
            soon(visitor.h1(&host).await.send_request(as_h1(asked))).await
        };
        let got = got(response.unwrap()).await;
        assert_eq!(got.status, 200, "{version:?}");
        let trailers = got.trailers.expect("trailers");
        assert_eq!(trailers["spaceport-digest"], "blake3=00", "{version:?}");
    }
}

#[tokio::test]
async fn a_program_with_the_cookie_changes_files_and_the_page_of_a_stranger_does_not() {
    let inside = Inside::open().await;
    let own = format!("https://{}", host("files"));
    for method in [Method::PUT, Method::POST, Method::PATCH, Method::DELETE] {
        for fields in [
            &[][..],
            &[("origin", own.as_str()), ("sec-fetch-site", "same-origin")],
        ] {
            let got = ask(&inside, method.clone(), "/home/a", fields).await;
            assert_eq!((got.status, got.code()), (200, None), "{method} {fields:?}");
        }
        for fields in [
            &[("origin", "https://files--lab--mallory.apps.localhost")][..],
            &[("origin", "https://8000--lab--ada.apps.localhost")],
            &[("origin", "https://example.org")],
            &[("origin", "null")],
            &[
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "no-cors"),
            ],
        ] {
            let got = ask(&inside, method.clone(), "/home/a", fields).await;
            let refused = (403, Some("CROSS_ORIGIN"));
            assert_eq!((got.status, got.code()), refused, "{method} {fields:?}");
        }
    }
}

#[tokio::test]
async fn an_upload_and_a_download_end_with_the_right() {
    let inside = Inside::open().await;
    let host = host("files");
    for taking in inside.takings() {
        let cookie = inside.cookie(&host);
        let asked = |method, path| request(method, &host, path, &[("cookie", &cookie)]);
        let visitor = inside.street.house.visitor();
        let mut download = visitor.h2(&host).await;
        let download = soon(download.send_request(asked(Method::GET, "/fs/events"))).await;
        let mut download = download.unwrap().into_body();
        soon(download.frame()).await.unwrap().unwrap();
        let (pieces, body) = pieces();
        pieces.send(Bytes::from("piece")).unwrap();
        let upload = asked(Method::PUT, "/fs/a").map(|_| body);
        let mut sender = visitor.h2(&host).await;
        let upload = tokio::spawn(sender.send_request(upload));
        inside.agent.open_connections(2).await;

        inside.street.house.say(taking).await;
        assert!(soon(download.frame()).await.is_none_or(|it| it.is_err()));
        let answer = soon(upload).await.unwrap();
        assert!(answer.is_ok_and(|it| it.status() == 404));
        inside.agent.open_connections(0).await;
        inside.give().await;
    }
}

#[tokio::test]
async fn a_file_may_be_what_some_program_has_yet_to_write() {
    let inside = Inside::open_with(&[("SPACEPORT_EDGE_BODY_SECONDS", "0.1")]).await;
    let port = inside.street.house.space.address.port();
    let begin = |host: String| {
        let (pieces, body) = pieces();
        let cookie = inside.cookie(&host);
        let put = request(Method::PUT, &host, "/fs/a", &[("cookie", &cookie)]).map(|_| body);
        let visitor = inside.street.house.visitor();
        let answer = async move { visitor.h2(&host).await.send_request(put).await.unwrap() };
        (pieces, tokio::spawn(answer))
    };
    let (pieces, file) = begin(host("files"));
    pieces.send(Bytes::from("begin")).unwrap();
    inside.agent.open_connections(1).await;
    // What begins later, and is no file, is too slow.
    let (_other, slow) = begin(host(port));
    assert_eq!(soon(slow).await.unwrap().status(), 408);
    pieces.send(Bytes::from(" end")).unwrap();
    drop(pieces);
    let got = got(soon(file).await.unwrap()).await;
    assert_eq!((got.status, &got.json()["length"]), (200, &9.into()));
}

#[tokio::test]
async fn a_space_without_an_agent_says_so() {
    let inside = Inside::open().await;
    let mut space = inside.space("RUNNING");
    space["agent"] = serde_json::Value::Null;
    inside.street.house.say(space).await;
    let got = ask(&inside, Method::GET, "/fs/", &[]).await;
    assert_eq!((got.status, got.code()), (502, Some("NO_AGENT")));
}
