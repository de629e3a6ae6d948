//! Whom visitors are taken for when they come through a proxy, or say so.

use http::Version;

use crate::{
    harness::{HOST, House},
    visitor::{Got, request},
};

const BOTH: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];
const TRUSTED: &str = "SPACEPORT_EDGE_TRUSTED_PROXIES";

async fn ask(house: &House, version: Version, fields: &[(&str, &str)]) -> Got {
    let asked = request(http::Method::GET, HOST, "/", fields);
    house.visitor().ask(version, asked).await
}

/// What the space is told of the visitor: by each field once, and the same.
fn told(got: &Got) -> String {
    assert_eq!(got.status, 200);
    let [client] = &got.echoed("x-forwarded-for")[..] else {
        panic!("{:?}", got.json());
    };
    let node = if client.contains(':') {
        format!("\"[{client}]\"")
    } else {
        client.clone()
    };
    let forwarded = format!("for={node};host=\"{HOST}\";proto=https");
    assert_eq!(got.echoed("forwarded"), [forwarded]);
    assert!(got.echoed("x-real-ip").is_empty());
    client.clone()
}

#[tokio::test]
async fn a_trusted_proxy_says_who_the_visitor_is_and_the_visitor_does_not() {
    let house = House::open_with(&[(TRUSTED, "127.0.0.1, 10.0.0.0/8")]).await;
    for version in BOTH {
        for (fields, expected) in [
            (&[][..], "127.0.0.1"),
            (&[("x-forwarded-for", "192.0.2.7")], "192.0.2.7"),
            (
                &[("x-forwarded-for", "6.6.6.6, 192.0.2.7, 10.0.0.9")],
                "192.0.2.7",
            ),
            (
                &[
                    ("x-forwarded-for", "6.6.6.6"),
                    ("x-forwarded-for", "192.0.2.7"),
                ],
                "192.0.2.7",
            ),
            (&[("x-forwarded-for", "6.6.6.6, unknown")], "127.0.0.1"),
            (&[("x-forwarded-for", "2001:db8::7")], "2001:db8::7"),
            (
                &[(
                    "forwarded",
                    "for=6.6.6.6, for=\"[2001:db8::7]:1\";proto=http",
                )],
                "2001:db8::7",
            ),
            (
                &[
                    ("forwarded", "for=\"6.6.6.6"),
                    ("forwarded", "for=192.0.2.7"),
                ],
                "192.0.2.7",
            ),
            (
                &[
                    ("forwarded", "for=6.6.6.6"),
                    ("x-forwarded-for", "192.0.2.7"),
                ],
                "127.0.0.1",
            ),
            (
                &[("x-real-ip", "6.6.6.6"), ("x_forwarded_for", "6.6.6.6")],
                "127.0.0.1",
            ),
        ] {
            let got = ask(&house, version, fields).await;
            assert_eq!(told(&got), expected, "{version:?} {fields:?}");
        }
    }
}

#[tokio::test]
async fn nobody_else_says_who_the_visitor_is() {
    let nobody = House::open().await;
    let others = House::open_with(&[(TRUSTED, "127.0.0.2, 10.0.0.0/8, ::1")]).await;
    for house in [nobody, others] {
        for version in BOTH {
            for field in [
                "x-forwarded-for",
                "forwarded",
                "x-real-ip",
                "x_forwarded_for",
            ] {
                for claim in ["6.6.6.6", "for=6.6.6.6", "10.0.0.1, 127.0.0.2"] {
                    let got = ask(&house, version, &[(field, claim)]).await;
                    assert_eq!(told(&got), "127.0.0.1", "{version:?} {field}: {claim}");
                }
            }
        }
    }
}

#[tokio::test]
async fn not_even_a_trusted_proxy_says_which_host_is_meant() {
    let house = House::open_with(&[(TRUSTED, "127.0.0.1")]).await;
    for version in BOTH {
        let fields = [
            ("x-forwarded-host", "nope--ada.tunnels.localhost"),
            ("x-forwarded-proto", "http"),
            (
                "forwarded",
                "for=192.0.2.7;host=nope--ada.tunnels.localhost;proto=http",
            ),
        ];
        let got = ask(&house, version, &fields).await;
        assert_eq!(told(&got), "192.0.2.7");
        assert_eq!(got.echoed("x-forwarded-host"), [HOST]);
        assert_eq!(got.echoed("x-forwarded-proto"), ["https"]);
    }
}
