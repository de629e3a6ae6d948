//! What passes, what doesn't, and what nobody can fake.

use http::Request;
use proptest::prelude::*;

use super::*;

const HOST_NAME: &str = "web--ada.tunnels.localhost";

fn parts(version: Version, uri: &str, fields: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().version(version).uri(uri);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

fn map(fields: &[(&str, &str)]) -> HeaderMap {
    parts(Version::HTTP_11, "/", fields).headers
}

fn after(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = map(fields);
    let requested = Requested {
        host: HOST_NAME.to_owned(),
        spelled: HeaderValue::from_static("web--ada.tunnels.localhost:8443"),
    };
    let client = IpAddr::from([192, 0, 2, 7]);
    to_space(
        &mut headers,
        &requested,
        client,
        &HeaderValue::from_static("id-1"),
    );
    headers
}

#[test]
fn the_host_comes_from_the_authority_and_nowhere_else() {
    let hosts = |version, uri: &str, fields: &[(&str, &str)]| {
        requested(&parts(version, uri, fields)).map(|it| it.host)
    };
    let (h1, h2) = (Version::HTTP_11, Version::HTTP_2);
    let absolute = "https://Web--Ada.tunnels.localhost:8443/x";
    let other = [("host", "other.tunnels.localhost")];
    let own = Ok(HOST_NAME.to_owned());
    assert_eq!(
        hosts(h1, "/", &[("host", "WEB--ada.tunnels.localhost:8443")]),
        own
    );
    assert_eq!(hosts(h2, absolute, &[]), own);
    assert_eq!(hosts(h2, absolute, &[("host", HOST_NAME)]), own);
    assert_eq!(hosts(h1, absolute, &[("host", HOST_NAME)]), own);
    assert_eq!(hosts(h2, "/", &[("host", HOST_NAME)]), own);
    let spoofed = [
        ("host", HOST_NAME),
        ("x-forwarded-host", "other.tunnels.localhost"),
    ];
    assert_eq!(hosts(h1, "/", &spoofed), own);

    assert_eq!(hosts(h2, absolute, &other), Err(Malformed::HostsDisagree));
    assert_eq!(hosts(h1, absolute, &other), Err(Malformed::HostsDisagree));
    assert_eq!(hosts(h1, "/", &[]), Err(Malformed::NoHost));
    assert_eq!(hosts(h1, absolute, &[]), Err(Malformed::NoHost));
    let twice = [("host", HOST_NAME), ("host", HOST_NAME)];
    assert_eq!(hosts(h1, "/", &twice), Err(Malformed::SeveralHosts));
    for bad in [
        "",
        "a b",
        "user@web--ada.tunnels.localhost",
        "a,b",
        "a:b",
        "[::1]",
    ] {
        assert_eq!(
            hosts(h1, "/", &[("host", bad)]),
            Err(Malformed::BadHost),
            "{bad}"
        );
    }
    assert_eq!(hosts(h2, "ftp://a.example/", &[]), Err(Malformed::BadHost));
    let authority = parts(h1, HOST_NAME, &[("host", HOST_NAME)]);
    assert_eq!(requested(&authority), Err(Malformed::BadTarget));
    let mut asterisk = parts(h1, "*", &[("host", HOST_NAME)]);
    assert_eq!(requested(&asterisk), Err(Malformed::BadTarget));
    asterisk.method = Method::OPTIONS;
    assert!(requested(&asterisk).is_ok());
    let mut connect = parts(h1, HOST_NAME, &[("host", HOST_NAME)]);
    connect.method = Method::CONNECT;
    assert_eq!(requested(&connect), Err(Malformed::Connect));
}

#[test]
fn hop_by_hop_fields_end_here() {
    let headers = after(&[
        ("connection", "keep-alive, X-Private ,,upgrade"),
        ("connection", "host, content-length"),
        ("x-private", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic x"),
        ("upgrade", "h2c"),
        ("te", "gzip;q=0.5, Trailers"),
        ("trailer", "grpc-status"),
        ("expect", "100-continue"),
        ("proxy", "http://evil"),
        ("content-length", "3"),
        ("authorization", "Bearer app"),
        ("cookie", "a=b"),
    ]);
    for gone in [
        "connection",
        "x-private",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "upgrade",
        "expect",
        "proxy",
    ] {
        assert!(!headers.contains_key(gone), "{gone}");
    }
    assert_eq!(headers["te"], "trailers");
    assert_eq!(headers["trailer"], "grpc-status");
    assert_eq!(headers["content-length"], "3");
    assert_eq!(headers["authorization"], "Bearer app");
    assert_eq!(headers["cookie"], "a=b");
    assert_eq!(headers["host"], "web--ada.tunnels.localhost:8443");
}

#[test]
fn cookies_that_http_2_spread_are_one_field_again() {
    let spread = after(&[("cookie", "a=b; c=d"), ("x", "y"), ("cookie", "e=f")]);
    let cookies: Vec<_> = spread.get_all("cookie").iter().collect();
    assert_eq!(cookies, ["a=b; c=d; e=f"]);
    assert_eq!(after(&[("cookie", "a=b")])["cookie"], "a=b");
    assert!(!after(&[]).contains_key("cookie"));
}

#[test]
fn nothing_that_looks_like_framing_travels_on() {
    let headers = after(&[
        ("content_length", "1"),
        ("transfer_encoding", "chunked"),
        ("content-type", "a/b"),
    ]);
    assert!(!headers.contains_key("content_length"));
    assert!(!headers.contains_key("transfer_encoding"));
    assert!(headers.contains_key("content-type"));
}

#[test]
fn by_http_2_the_host_is_a_part_of_the_target() {
    for (target, wanted) in [
        (
            "/a%2Fb?q=%41",
            "http://web--ada.tunnels.localhost:8443/a%2Fb?q=%41",
        ),
        (
            "https://other/x",
            "http://web--ada.tunnels.localhost:8443/x",
        ),
        ("https://other", "http://web--ada.tunnels.localhost:8443/"),
    ] {
        let mut parts = parts(Version::HTTP_2, target, &[("host", HOST_NAME)]);
        let requested = Requested {
            host: HOST_NAME.to_owned(),
            spelled: HeaderValue::from_static("web--ada.tunnels.localhost:8443"),
        };
        http_2_form(&mut parts, &requested).expect("a target");
        assert_eq!(parts.uri.to_string(), wanted);
        assert!(!parts.headers.contains_key("host"));
    }
}

#[test]
fn a_length_beside_a_coding_does_not_travel_on() {
    let mut headers = map(&[("transfer-encoding", "chunked"), ("content-length", "3")]);
    to_visitor(&mut headers, &HeaderValue::from_static("id"));
    assert!(!headers.contains_key("content-length"));
    assert!(!headers.contains_key("transfer-encoding"));
}

#[test]
fn only_the_edge_says_for_whom_it_asks() {
    let headers = after(&[
        ("forwarded", "for=1.2.3.4"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-for", "5.6.7.8"),
        ("x-forwarded-server", "evil"),
        ("x_forwarded_for", "1.2.3.4"),
        ("x-forwarded_host", "evil"),
        ("x-real-ip", "1.2.3.4"),
        ("x_real_ip", "1.2.3.4"),
        ("x-request-id", "mine"),
        ("x-spaceport-user", "admin"),
        ("x_spaceport-user", "admin"),
        ("x-forwarded", "an app's own"),
    ]);
    assert_eq!(
        headers["forwarded"],
        "for=192.0.2.7;host=\"web--ada.tunnels.localhost:8443\";proto=https"
    );
    assert_eq!(headers.get_all("x-forwarded-for").iter().count(), 1);
    assert_eq!(headers["x-forwarded-for"], "192.0.2.7");
    assert_eq!(
        headers["x-forwarded-host"],
        "web--ada.tunnels.localhost:8443"
    );
    assert_eq!(headers["x-forwarded-proto"], "https");
    assert_eq!(headers["x-request-id"], "id-1");
    let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    left.sort_unstable();
    assert_eq!(
        left,
        [
            "forwarded",
            "host",
            "x-forwarded",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-request-id",
        ]
    );
}

#[test]
fn an_ipv6_visitor_is_quoted_and_a_mapped_one_is_ipv4() {
    for (client, forwarded, plain) in [
        ("2001:db8::7", "for=\"[2001:db8::7]\"", "2001:db8::7"),
        ("::ffff:192.0.2.7", "for=192.0.2.7", "192.0.2.7"),
    ] {
        let mut headers = HeaderMap::new();
        let requested = Requested {
            host: "h".to_owned(),
            spelled: HeaderValue::from_static("h"),
        };
        say_for_whom(
            &mut headers,
            &requested,
            client.parse().expect("an address"),
        );
        let text = headers["forwarded"].to_str().expect("text");
        assert_eq!(text.split(';').next(), Some(forwarded));
        assert_eq!(headers["x-forwarded-for"], plain);
    }
}

#[test]
fn a_space_can_not_speak_as_the_edge() {
    let mut headers = map(&[
        ("x-spaceport-error", "UNKNOWN_HOST"),
        ("x-spaceport-other", "1"),
        ("x-request-id", "forged"),
        ("connection", "close"),
        ("set-cookie", "a=b"),
    ]);
    to_visitor(&mut headers, &HeaderValue::from_static("id-1"));
    assert_eq!(headers.len(), 2);
    assert_eq!(headers["x-request-id"], "id-1");
    assert_eq!(headers["set-cookie"], "a=b");
}

#[test]
fn a_space_has_browsers_forget_what_is_of_its_own_host_alone() {
    for (said, left) in [
        (&["\"cookies\""][..], &[][..]),
        (
            &["\"cache\", \"cookies\"", "\"storage\""],
            &["\"cache\"", "\"storage\""],
        ),
        (
            &["\"*\""],
            &["\"cache\"", "\"storage\"", "\"executionContexts\""],
        ),
    ] {
        let fields: Vec<_> = said.iter().map(|it| ("clear-site-data", *it)).collect();
        let mut headers = map(&fields);
        to_visitor(&mut headers, &HeaderValue::from_static("id"));
        let all: Vec<_> = headers.get_all("clear-site-data").iter().collect();
        assert_eq!(all, left, "{said:?}");
    }
}

#[test]
fn only_plain_chunks_are_understood() {
    let read = |values: &[&str]| {
        let fields: Vec<_> = values.iter().map(|it| ("transfer-encoding", *it)).collect();
        framing(&map(&fields))
    };
    assert_eq!(read(&[]), Ok(Framing::Other));
    assert_eq!(read(&["Chunked"]), Ok(Framing::Chunked));
    for bad in [
        &["gzip, chunked"][..],
        &["chunked, chunked"],
        &["chunked", "chunked"],
        &["identity"],
        &["xchunked"],
        &[""],
        &["chunked;a=b"],
    ] {
        assert_eq!(read(bad), Err(Malformed::TransferCoding), "{bad:?}");
    }
}

#[test]
fn only_a_websocket_is_switched_to() {
    let asks = |version, upgrade, connection| {
        let fields = [
            ("upgrade", upgrade),
            ("connection", connection),
            ("sec-websocket-key", "x"),
        ];
        asks_for_websocket(&parts(version, "/", &fields))
    };
    assert!(asks(Version::HTTP_11, "WebSocket", "keep-alive, Upgrade"));
    assert!(!asks(Version::HTTP_11, "h2c", "upgrade"));
    assert!(!asks(Version::HTTP_11, "websocket, h2c", "upgrade"));
    assert!(!asks(Version::HTTP_11, "websocket", "keep-alive"));
    assert!(!asks(Version::HTTP_10, "websocket", "upgrade"));
}

#[test]
fn the_target_keeps_its_bytes() {
    for target in ["/a%2Fb/%2e%2e/?q=%20+&x", "/", "//double//", "/?"] {
        let absolute = format!("https://{HOST_NAME}{target}")
            .parse()
            .expect(target);
        assert_eq!(origin_form(&absolute).to_string(), target);
    }
    assert_eq!(origin_form(&Uri::from_static("*")).to_string(), "*");
    assert_eq!(origin_form(&Uri::from_static("https://h")).to_string(), "/");
}

proptest! {
    #[test]
    fn no_request_can_name_the_edges_fields_away(options in "[-a-z,_ ]{0,60}") {
        let mut headers = map(&[]);
        headers.append(CONNECTION, HeaderValue::try_from(options).expect("text"));
        headers.append(
            CONNECTION,
            HeaderValue::from_static("x-request-id, forwarded, x-forwarded-for, host"),
        );
        let requested = Requested { host: "h".into(), spelled: HeaderValue::from_static("h") };
        let client = IpAddr::from([192, 0, 2, 7]);
        to_space(&mut headers, &requested, client, &HeaderValue::from_static("id"));
        for kept in ["host", "x-request-id", "forwarded", "x-forwarded-for", "x-forwarded-proto"] {
            prop_assert!(headers.contains_key(kept), "{}", kept);
        }
        prop_assert!(!headers.contains_key(CONNECTION));
    }
}

#[test]
fn no_spelling_of_the_acme_path_is_a_spaces() {
    for path in [
        "/.well-known/acme-challenge/token",
        "/.well-known/acme-challenge/",
        "/.well-known/acme-challenge",
        "/.well-known/acme%2Dchallenge/token",
        "/%2ewell-known%2Facme-challenge%2ftoken",
    ] {
        assert!(is_acme_challenge(path), "{path}");
    }
    for path in [
        "/",
        "/.well-known/acme-challenges/x",
        "/.well-known/security.txt",
        "/a/.well-known/acme-challenge/token",
        "/.well-known/acme-challenge%",
        "/.well-known/acme%2",
    ] {
        assert!(!is_acme_challenge(path), "{path}");
    }
}
