//! Who is believed, and that nobody else is.

use proptest::{collection::vec, option, prelude::*};

use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().expect(text)
}

fn trusted() -> TrustedProxies {
    "10.0.0.0/8, 2001:db8:1::/48,192.0.2.1"
        .parse()
        .expect("networks")
}

/// The client behind 10.0.0.1, by the lines of each field.
fn client(forwarded: &[&str], x_forwarded_for: &[&str]) -> String {
    let lines = |lines: &[&str]| {
        lines
            .iter()
            .map(|it| it.as_bytes().to_vec())
            .collect::<Vec<_>>()
    };
    let (forwarded, x_forwarded_for) = (lines(forwarded), lines(x_forwarded_for));
    let peer = address("10.0.0.1");
    let client = trusted().client(
        peer,
        forwarded.iter().map(Vec::as_slice),
        x_forwarded_for.iter().map(Vec::as_slice),
    );
    client.to_string()
}

#[test]
fn a_chain_is_followed_as_far_as_it_is_trusted() {
    for (lines, expected) in [
        (&[][..], "10.0.0.1"),
        (&[""], "10.0.0.1"),
        (&["198.51.100.7"], "198.51.100.7"),
        (&["6.6.6.6, 198.51.100.7"], "198.51.100.7"),
        (&["6.6.6.6", "198.51.100.7"], "198.51.100.7"),
        (
            &["6.6.6.6, 198.51.100.7, 10.0.0.3 , 192.0.2.1"],
            "198.51.100.7",
        ),
        (&["6.6.6.6,198.51.100.7", "10.0.0.3,,"], "198.51.100.7"),
        (&["198.51.100.7, 192.0.2.2"], "192.0.2.2"),
        (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (&["198.51.100.7, unknown, 10.0.0.2"], "10.0.0.2"),
        (&["198.51.100.7, unknown"], "10.0.0.1"),
        (&["198.51.100.7:4711"], "198.51.100.7"),
        (&["2001:db8::7, 2001:db8:1::1"], "2001:db8::7"),
        (&["[2001:db8::7]:4711, [2001:db8:1::1]"], "2001:db8::7"),
        (
            &["6.6.6.6, ::ffff:198.51.100.7, ::ffff:10.0.0.2"],
            "198.51.100.7",
        ),
        (&["198.51.100.07"], "10.0.0.1"),
        (&["fe80::1%eth0"], "10.0.0.1"),
        (&["\"198.51.100.7\""], "10.0.0.1"),
    ] {
        assert_eq!(client(&[], lines), expected, "{lines:?}");
    }
}

#[test]
fn the_standard_field_is_read_as_its_standard_says() {
    for (lines, expected) in [
        (&["for=198.51.100.7"][..], "198.51.100.7"),
        (&["For = 198.51.100.7"], "10.0.0.1"),
        (&["FOR=198.51.100.7;proto=http;by=10.0.0.1"], "198.51.100.7"),
        (&["proto=http; For=\"198.51.100.7:4711\" ;"], "198.51.100.7"),
        (&["for=\"[2001:db8::7]\""], "2001:db8::7"),
        (&["for=\"[2001:db8::7]:4711\", for=10.0.0.2"], "2001:db8::7"),
        (
            &["for=6.6.6.6", "for=198.51.100.7, for=10.0.0.2"],
            "198.51.100.7",
        ),
        (
            &["for=6.6.6.6, for=198.51.100.7;host=\"a,b;for=7.7.7.7\""],
            "198.51.100.7",
        ),
        (
            &["for=198.51.100.7;host=\"a\\\",for=7.7.7.7\""],
            "198.51.100.7",
        ),
        (&["for=198.51.100.7, for=_hidden, for=10.0.0.2"], "10.0.0.2"),
        (&["for=198.51.100.7, for=unknown"], "10.0.0.1"),
        (&["for=198.51.100.7, by=10.0.0.1"], "10.0.0.1"),
        (&["for=198.51.100.7;for=6.6.6.6"], "10.0.0.1"),
        (&["for=198.51.100.7;junk"], "10.0.0.1"),
        (&["for=\"198.51.100.7"], "10.0.0.1"),
        (&["198.51.100.7"], "10.0.0.1"),
    ] {
        assert_eq!(client(lines, &[]), expected, "{lines:?}");
    }
}

#[test]
fn two_fields_that_disagree_are_both_not_believed() {
    let agreed = client(&["for=198.51.100.7"], &["6.6.6.6, 198.51.100.7"]);
    assert_eq!(agreed, "198.51.100.7");
    assert_eq!(client(&["for=6.6.6.6"], &["198.51.100.7"]), "10.0.0.1");
    assert_eq!(client(&["for=198.51.100.7"], &["nonsense"]), "10.0.0.1");
    assert_eq!(client(&["for=198.51.100.7"], &[" , "]), "198.51.100.7");
}

#[test]
fn networks_are_read_whole_or_not_at_all() {
    let all = trusted();
    for inside in [
        "10.0.0.0",
        "10.255.255.255",
        "::ffff:10.1.2.3",
        "2001:db8:1:ffff::",
        "192.0.2.1",
    ] {
        assert!(all.include(address(inside)), "{inside}");
    }
    for outside in [
        "11.0.0.0",
        "9.255.255.255",
        "2001:db8:2::",
        "192.0.2.0",
        "::10.0.0.1",
        "::1",
    ] {
        assert!(!all.include(address(outside)), "{outside}");
    }
    assert_eq!("".parse(), Ok(TrustedProxies::default()));
    for wrong in [
        "10.0.0.0/33",
        "::/129",
        "10.0.0.0/",
        "10.0.0.0/+8",
        "10.0/8",
        "here",
        "/8",
        "10.0.0.1:80",
        "::ffff:10.0.0.0/104",
        "10.0.0.0/8/8",
    ] {
        let error = wrong.parse::<TrustedProxies>().expect_err(wrong);
        assert_eq!(error, NetworkError::Notation(wrong.to_owned()));
    }
    for everybody in ["0.0.0.0/0", "::/0"] {
        let error = everybody.parse::<TrustedProxies>().expect_err(everybody);
        assert_eq!(error, NetworkError::Everybody(everybody.to_owned()));
    }
    let error = "192.0.2.1, 10.1.0.0/8"
        .parse::<TrustedProxies>()
        .expect_err("beyond");
    let message = error.to_string();
    assert!(
        message.contains("10.1.0.0/8") && message.contains("10.0.0.0/8"),
        "{message}"
    );
}

/// What a client may write: anything, and what looks like the real thing above all.
fn invention() -> impl Strategy<Value = String> {
    let pieces = [
        "for=", "6.6.6.6", "10.0.0.9", "\"", "\\", ",", ";", "=", "[", "]", " ", "::1", "x",
        "host=\"",
    ];
    let made_up = vec(proptest::sample::select(pieces.to_vec()), 0..12).prop_map(|it| it.concat());
    prop_oneof![made_up, "[ -~]{0,40}"]
}

/// A client that is not a trusted proxy.
fn outsider() -> impl Strategy<Value = IpAddr> {
    let any = prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(bits.into())),
        any::<u128>().prop_map(|bits| IpAddr::V6(bits.into()).to_canonical()),
    ];
    any.prop_filter("it is trusted", |it| !trusted().include(*it))
}

fn insider() -> impl Strategy<Value = IpAddr> {
    any::<[u8; 3]>().prop_map(|[a, b, c]| IpAddr::from([10, a, b, c]))
}

/// The lines of a field to which each proxy added its member, on a line of its own or behind what
/// was there.
fn lines(invented: Option<String>, members: Vec<(String, bool)>) -> Vec<String> {
    let mut lines: Vec<String> = invented.into_iter().collect();
    for (member, own_line) in members {
        match lines.last_mut() {
            Some(line) if !own_line => *line = format!("{line}, {member}"),
            _ => lines.push(member),
        }
    }
    lines
}

fn element(address: IpAddr, host: &str) -> String {
    match address {
        IpAddr::V4(it) => format!("for={it};host=\"{host}\""),
        IpAddr::V6(it) => format!("proto=https;for=\"[{it}]:80\";host=\"{host}\""),
    }
}

fn asked(
    proxies: &TrustedProxies,
    peer: IpAddr,
    forwarded: &[String],
    custom: &[String],
) -> IpAddr {
    proxies.client(
        peer,
        forwarded.iter().map(String::as_bytes),
        custom.iter().map(String::as_bytes),
    )
}

proptest! {
    #[test]
    fn what_a_client_invents_in_front_never_wins(
        invented in option::of(invention()),
        client in outsider(),
        proxies in vec((insider(), any::<bool>()), 0..4),
        own_line: bool,
        peer in insider(),
        host in r#"([a-z,; ]|\\"){0,8}"#,
    ) {
        let hops = || std::iter::once((client, own_line)).chain(proxies.iter().copied());
        let custom = hops().map(|(it, own_line)| (it.to_string(), own_line)).collect();
        let custom = lines(invented.clone(), custom);
        prop_assert_eq!(asked(&trusted(), peer, &[], &custom), client);
        let standard = hops().map(|(it, own_line)| (element(it, &host), own_line)).collect();
        let standard = lines(invented, standard);
        prop_assert_eq!(asked(&trusted(), peer, &standard, &[]), client);
        prop_assert_eq!(asked(&trusted(), peer, &standard, &custom), client);
    }

    #[test]
    fn a_field_that_the_proxy_lets_through_makes_nobody_somebody_else(
        invented in vec(invention(), 0..3),
        client in outsider(),
        peer in insider(),
    ) {
        let real = [client.to_string()];
        let seen = asked(&trusted(), peer, &invented, &real);
        prop_assert!([client, peer].contains(&seen), "{}", seen);
        let real = [element(client, "h")];
        let seen = asked(&trusted(), peer, &real, &invented);
        prop_assert!([client, peer].contains(&seen), "{}", seen);
    }

    #[test]
    fn who_is_not_trusted_is_who_they_are(
        forwarded in vec(invention(), 0..3),
        custom in vec(invention(), 0..3),
        peer in outsider(),
    ) {
        prop_assert_eq!(asked(&trusted(), peer, &forwarded, &custom), peer);
        let nobody = TrustedProxies::default();
        prop_assert_eq!(asked(&nobody, peer, &forwarded, &custom), peer);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in vec(any::<u8>(), 0..60), peer in insider()) {
        let field = || std::iter::once(bytes.as_slice());
        let _ = trusted().client(peer, field(), field());
    }

    #[test]
    fn a_network_is_read_as_it_is_written(bits: u128, prefix in 1..=128_u8) {
        let network = Network { address: IpAddr::V6(bits.into()), prefix }.trimmed();
        prop_assume!(network.address.to_canonical() == network.address);
        prop_assert_eq!(network.to_string().parse(), Ok(network));
        prop_assert!(network.includes(IpAddr::V6(bits.into())));
        let outside = bits ^ (1 << (128 - prefix));
        prop_assert!(!network.includes(IpAddr::V6(outside.into())));
    }
}
