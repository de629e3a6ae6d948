//! What settings mean, and that every mistake is named.

use super::*;

fn parse(environment: &[(&str, &str)], file: &str) -> Result<Settings, SettingsError> {
    let file = toml::from_str(file).expect("a table");
    Settings::parse(&Source::new(environment.iter().copied(), file))
}

#[test]
fn nothing_needs_to_be_set() {
    let settings = parse(&[], "").expect("defaults are right");
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8443");
    assert_eq!(settings.metrics_listen.to_string(), "127.0.0.1:9090");
    assert_eq!(settings.tunnel_domain, "tunnels.localhost");
    assert_eq!(settings.api_url.port, 8080);
    assert_eq!(settings.token_file(), Path::new("./data/edge.token"));
    assert!(!settings.allow_loopback_upstreams);
    assert_eq!(settings.trusted_proxies, TrustedProxies::default());
    assert_eq!(settings.drain, Duration::from_secs(10));
}

#[test]
fn the_environment_wins_over_the_file() {
    let file = "edge_listen = \"0.0.0.0:1\"\nedge_workers = 3\nedge_drain_seconds = 0.5";
    let settings = parse(&[("SPACEPORT_EDGE_LISTEN", "0.0.0.0:2")], file).expect("right");
    assert_eq!(settings.listen.port(), 2);
    assert_eq!(settings.workers.get(), 3);
    assert_eq!(settings.drain, Duration::from_millis(500));
    let empty = parse(&[("SPACEPORT_EDGE_LISTEN", "")], file).expect("right");
    assert_eq!(empty.listen.port(), 1);
}

#[test]
fn every_mistake_is_reported_at_once() {
    let environment = [
        ("SPACEPORT_EDGE_LISTEN", "8443"),
        ("SPACEPORT_TUNNEL_DOMAIN", "not a domain"),
        ("SPACEPORT_API_URL", "https://api.example"),
        ("SPACEPORT_EDGE_TOKEN", "two words"),
        ("SPACEPORT_TLS_CERT", "cert.pem"),
        ("SPACEPORT_EDGE_TRUSTED_PROXIES", "10.0.0.0/8, proxy"),
        ("SPACEPORT_ACME_DIRECTORY", "http://acme.example/directory"),
        ("SPACEPORT_ACME_CONTACT", "ops@example.com,nobody"),
        ("SPACEPORT_ACME_WAIT_SECONDS", "0"),
        ("SPACEPORT_ACME_ORDERS_PER_HOUR", "0"),
        ("SPACEPORT_EDGE_WORKERS", "0"),
        ("SPACEPORT_EDGE_HEADER_SECONDS", "0"),
        ("SPACEPORT_EDGE_DRAIN_SECONDS", "-1"),
        ("SPACEPORT_EDGE_ALLOW_LOOPBACK_UPSTREAMS", "perhaps"),
        ("SPACEPORT_LOG_FORMAT", "xml"),
    ];
    let error = parse(&environment, "edge_max_connections = [1]").expect_err("all wrong");
    let text = error.to_string();
    for (name, _) in environment {
        assert!(text.contains(name), "{name} is missing in {text}");
    }
    assert!(text.contains("edge_max_connections"));
    assert_eq!(error.problems.len(), environment.len() + 1);
    assert!(!text.contains("two words"), "a token is not repeated");
}

#[test]
fn one_address_has_a_quarter_of_the_connections_unless_told_otherwise() {
    let limits = |environment: &[(&str, &str)]| parse(environment, "").expect("right").limits;
    let all = ("SPACEPORT_EDGE_MAX_CONNECTIONS", "10");
    let share = ("SPACEPORT_EDGE_MAX_CONNECTIONS_PER_ADDRESS", "7");
    assert_eq!(limits(&[]).max_connections_per_address, 5000);
    assert_eq!(limits(&[all]).max_connections_per_address, 3);
    assert_eq!(limits(&[all, share]).max_connections_per_address, 7);
}

#[test]
fn sizes_are_given_in_kib_and_have_bounds_themselves() {
    let window = "SPACEPORT_EDGE_HTTP2_CONNECTION_WINDOW_KIB";
    let right = parse(&[(window, "2048")], "").expect("right");
    assert_eq!(right.limits.http2.connection_window_bytes, 2 << 20);
    for wrong in ["63", "1048577", "1.5", "-1", "many"] {
        assert!(parse(&[(window, wrong)], "").is_err(), "{wrong}");
    }
    // hyper would not take what is smaller.
    assert!(parse(&[("SPACEPORT_EDGE_BUFFER_KIB", "7")], "").is_err());
}

#[test]
fn the_proxy_protocol_needs_somebody_to_believe() {
    let speaks = ("SPACEPORT_EDGE_PROXY_PROTOCOL", "true");
    let error = parse(&[speaks], "").expect_err("nobody is trusted");
    assert!(error.to_string().contains("SPACEPORT_EDGE_TRUSTED_PROXIES"));
    let trusted = ("SPACEPORT_EDGE_TRUSTED_PROXIES", "10.0.0.0/8");
    assert!(parse(&[speaks, trusted], "").is_ok_and(|it| it.proxy_protocol));
}

#[test]
fn a_tunnel_can_not_look_like_an_app() {
    for (tunnels, apps, fine) in [
        ("t.example", "a.example", true),
        ("t.example", "T.example", false),
        ("example", "a.example", false),
        ("t.example", "example", false),
        ("other-example", "example", true),
    ] {
        let environment = [
            ("SPACEPORT_TUNNEL_DOMAIN", tunnels),
            ("SPACEPORT_APP_DOMAIN", apps),
        ];
        assert_eq!(parse(&environment, "").is_ok(), fine, "{tunnels} {apps}");
    }
}

#[test]
fn settings_of_the_other_plane_are_left_alone_and_misspelt_ones_are_named() {
    let settings = parse(
        &[
            ("SPACEPORT_DATABASE_URL", "x"),
            ("SPACEPORT_EDGE_LISTN", "y"),
            ("SPACEPORT_ACME_EMAIL", "z"),
        ],
        "edge_public_port = 443\nfirewall = \"managed\"",
    )
    .expect("right");
    assert_eq!(settings.unknown, ["EDGE_LISTN", "ACME_EMAIL"]);
}

#[test]
fn acme_is_off_until_its_directory_is_named() {
    let file = "acme_contact = \"ops@example.com, mailto:b@example.com\"";
    assert_eq!(parse(&[], file).expect("right").acme, None);
    let url = "https://acme.example/directory";
    let settings = parse(&[("SPACEPORT_ACME_DIRECTORY", url)], file).expect("right");
    let acme = settings.acme.expect("on");
    assert_eq!(acme.directory, url);
    assert_eq!(
        acme.contact,
        ["mailto:ops@example.com", "mailto:b@example.com"]
    );
    assert_eq!(acme.orders_per_hour.get(), 60);
}

#[test]
fn a_token_is_never_shown() {
    let settings = parse(&[("SPACEPORT_EDGE_TOKEN", "s3cret")], "").expect("right");
    assert!(!format!("{settings:?}").contains("s3cret"));
    assert_eq!(settings.token.expect("given").reveal(), "s3cret");
}

#[test]
fn the_api_is_where_it_listens_unless_told_otherwise() {
    let url = |environment: &[(&str, &str)]| {
        let ApiUrl { host, port } = parse(environment, "").expect("right").api_url;
        format!("{host} {port}")
    };
    let listen = |address| ("SPACEPORT_API_LISTEN", address);
    assert_eq!(url(&[]), "127.0.0.1 8080");
    assert_eq!(url(&[listen("10.0.0.1:81")]), "10.0.0.1 81");
    assert_eq!(url(&[listen("0.0.0.0:81")]), "127.0.0.1 81");
    assert_eq!(url(&[listen("[::]:81")]), "::1 81");
    let given = ("SPACEPORT_API_URL", "http://api.internal");
    assert_eq!(url(&[listen("0.0.0.0:81"), given]), "api.internal 80");
}
