//! Where no connection is made, whatever a route says.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener},
    process::Command,
};

use http::Version;

use crate::{
    harness::{House, routes},
    visitor::{Got, request},
};

const STRICT: (&str, &str) = ("SPACEPORT_EDGE_ALLOW_LOOPBACK_UPSTREAMS", "false");
const HOST: &str = "bad--eve.tunnels.localhost";

/// Every address of this machine but those that are link-local.
fn own_addresses() -> Vec<IpAddr> {
    let output = Command::new("ip").args(["-o", "addr"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    // "1: lo    inet 127.0.0.1/8 scope host lo …"
    let cidrs = text.lines().filter_map(|it| it.split_whitespace().nth(3));
    let addresses = cidrs.map(|it| it.split('/').next().unwrap().parse().unwrap());
    let is_link_local = |it: &IpAddr| match it {
        IpAddr::V4(it) => it.is_link_local(),
        IpAddr::V6(it) => it.is_unicast_link_local(),
    };
    addresses.filter(|it| !is_link_local(it)).collect()
}

/// The address as it is, and in each of the clothes that IPv6 has for one of IPv4.
fn spellings(address: IpAddr) -> Vec<IpAddr> {
    let IpAddr::V4(v4) = address else {
        return vec![address];
    };
    let bits = u128::from(v4.to_bits());
    let translated = Ipv6Addr::from_bits(0x0064_ff9b << 96 | bits);
    let compatible = Ipv6Addr::from_bits(bits);
    let all = [v4.to_ipv6_mapped(), compatible, translated];
    all.map(IpAddr::V6).into_iter().chain([address]).collect()
}

async fn ask_at(house: &House, target: SocketAddr) -> Got {
    house.say(routes(66, "RUNNING", target, HOST)).await;
    let asked = request(http::Method::GET, HOST, "/", &[]);
    house.visitor().ask(Version::HTTP_11, asked).await
}

async fn is_refused(house: &House, target: SocketAddr) {
    for target in spellings(target.ip())
        .into_iter()
        .map(|it| SocketAddr::new(it, target.port()))
    {
        let got = ask_at(house, target).await;
        let answer = (got.status, got.code());
        assert_eq!(answer, (502, Some("UPSTREAM_FORBIDDEN")), "{target}");
    }
}

fn is_untouched(listener: &TcpListener) -> bool {
    listener.set_nonblocking(true).unwrap();
    matches!(listener.accept(), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[tokio::test]
async fn no_address_of_this_machine_is_even_connected_to() {
    let house = House::open_with(&[STRICT]).await;
    let addresses = own_addresses();
    let is_outside = |it: &IpAddr| !it.is_loopback();
    assert!(addresses.iter().any(is_outside), "{addresses:?}");
    for address in addresses {
        let listener = TcpListener::bind((address, 0)).unwrap();
        is_refused(&house, listener.local_addr().unwrap()).await;
        assert!(is_untouched(&listener), "{address}");
        // The test can tell: anybody else gets through.
        std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(!is_untouched(&listener), "{address}");
    }
}

#[tokio::test]
async fn neither_the_control_plane_nor_the_edge_is_a_space() {
    // Also where everything else of this machine may be one.
    for house in [House::open().await, House::open_with(&[STRICT]).await] {
        for target in [
            house.api.address,
            house.edge().address(),
            house.edge().metrics_address(),
        ] {
            is_refused(&house, target).await;
        }
    }
}

#[tokio::test]
async fn the_control_plane_is_no_space_when_it_is_known_by_name() {
    let mut house = House::open().await;
    let url = format!("http://localhost:{}", house.api.address.port());
    house.shut_edge_down().await;
    house.set("SPACEPORT_API_URL", &url);
    house.start_edge();
    is_refused(&house, house.api.address).await;
}

#[tokio::test]
async fn no_metadata_service_and_no_group_is_a_space() {
    let house = House::open_with(&[("SPACEPORT_EDGE_CONNECT_SECONDS", "20")]).await;
    for target in [
        "169.254.169.254:80",
        "169.254.170.2:80",
        "100.100.100.200:80",
        "168.63.129.16:80",
        "[fd00:ec2::254]:80",
        "[fe80::1]:80",
        "0.0.0.0:80",
        "255.255.255.255:80",
        "224.0.0.1:80",
        "[::]:80",
        "[ff02::1]:80",
    ] {
        is_refused(&house, target.parse().unwrap()).await;
    }
}

/// Each of its ports may have any number of connections; the space may not.
#[tokio::test]
async fn a_space_that_never_answers_takes_its_share_and_others_are_reached() {
    const SHARE: usize = 3;
    let house = House::open_with(&[
        ("SPACEPORT_EDGE_UPSTREAM_MAX_CONNECTIONS", "6"),
        ("SPACEPORT_EDGE_UPSTREAM_MAX_CONNECTIONS_PER_SPACE", "3"),
        ("SPACEPORT_EDGE_WORKERS", "2"),
    ])
    .await;
    let mut silent = Vec::new();
    let mut tunnels = Vec::new();
    for number in 0..=SHARE {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        tunnels.push(serde_json::json!({
            "id": format!("tunnel_{:032x}", 100 + number),
            "host": format!("silent-{number}--eve.tunnels.localhost"),
            "port": listener.local_addr().unwrap().port(),
        }));
        silent.push(listener);
    }
    let mut space = routes(66, "RUNNING", silent[0].local_addr().unwrap(), HOST);
    space["tunnels"] = tunnels.into();
    house.say(space).await;
    let ask = |number: usize, fields: &[(&str, &str)], version| {
        let host = format!("silent-{number}--eve.tunnels.localhost");
        let asked = request(http::Method::POST, &host, "/", fields);
        let visitor = house.visitor();
        async move { visitor.ask(version, asked).await }
    };
    let mut waiting = tokio::task::JoinSet::new();
    let mut taken = Vec::new();
    // A request, a call of gRPC, and what wants to be a WebSocket.
    let call = [("content-type", "application/grpc"), ("te", "trailers")];
    let websocket = [("connection", "upgrade"), ("upgrade", "websocket")];
    let kinds = [
        (&[][..], Version::HTTP_11),
        (&call, Version::HTTP_2),
        (&websocket, Version::HTTP_11),
    ];
    for (number, (fields, version)) in kinds.into_iter().enumerate() {
        waiting.spawn(ask(number, fields, version));
        taken.push(crate::soon(silent[number].accept()).await.unwrap());
    }
    for (fields, version) in kinds {
        let busy = ask(SHARE, fields, version).await;
        assert_eq!(busy.code(), Some("UPSTREAM_BUSY"), "{busy:?}");
    }
    assert_eq!(house.get(crate::harness::HOST, "/").await.status, 200);
    // What ends makes room.
    taken.clear();
    while let Some(ended) = waiting.join_next().await {
        assert_ne!(ended.unwrap().code(), Some("UPSTREAM_BUSY"));
    }
    let reached = async {
        loop {
            tokio::select! {
                accepted = silent[SHARE].accept() => break accepted,
                _ = Box::pin(ask(SHARE, &[], Version::HTTP_11)) => {}
            }
        }
    };
    crate::soon(reached).await.unwrap();
}
