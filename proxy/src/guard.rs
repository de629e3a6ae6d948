//! Where the edge refuses to connect, whatever a route says.
//!
//! Routes come from the control plane, which takes addresses from the engine. Should one of them
//! ever point at the machine itself, at a cloud's metadata service or back at the edge, a public
//! hostname would open what must stay closed; so the last check is here, before the dial.

mod control_plane;
mod machine;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub use self::control_plane::ControlPlane;

/// Metadata services outside the link-local range.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254)),
];

/// Decides about destinations.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Addresses this edge itself listens on.
    own: Vec<SocketAddr>,
    /// Where the API is.
    api: ControlPlane,
    /// Whether this machine may be a destination, for tests and benchmarks.
    allow_loopback: bool,
}

/// Why a destination is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `127.0.0.0/8` or `::1`.
    #[error("it is a loopback address")]
    Loopback,
    /// An address of this machine that is not loopback.
    #[error("it is an address of this machine")]
    ThisMachine,
    /// `169.254.0.0/16` or `fe80::/10`.
    #[error("it is a link-local address")]
    LinkLocal,
    /// A cloud's metadata service outside the link-local range.
    #[error("it is the address of a metadata service")]
    Metadata,
    /// `0.0.0.0/8` or `::`.
    #[error("it is no address of one machine")]
    Unspecified,
    /// Multicast or broadcast.
    #[error("it is a group address")]
    Group,
    /// What this edge listens on.
    #[error("it is the edge itself")]
    Edge,
    /// Where the control plane is.
    #[error("it is the control plane")]
    Api,
    /// Port 0.
    #[error("its port is 0")]
    NoPort,
}

impl Guard {
    /// A guard for an edge that listens on `own` and is fed by `api`.
    pub const fn new(own: Vec<SocketAddr>, api: ControlPlane, allow_loopback: bool) -> Self {
        Self {
            own,
            api,
            allow_loopback,
        }
    }

    /// Whether `target` may be dialled.
    pub fn check(&self, target: SocketAddr) -> Result<(), Refusal> {
        let address = plain(target.ip());
        let refusal = if target.port() == 0 {
            Refusal::NoPort
        } else if self.is_own(address, target.port()) {
            Refusal::Edge
        } else if self.is_api(address, target.port()) {
            Refusal::Api
        } else if METADATA.contains(&address) {
            Refusal::Metadata
        } else {
            match kind(address) {
                Some(Refusal::Loopback) if self.allow_loopback => return Ok(()),
                Some(refusal) => refusal,
                None => return Ok(()),
            }
        };
        Err(refusal)
    }

    /// Whether `address` is no address of this machine, which may have got others since it was last
    /// asked. It makes a system call or two, and sends nothing.
    pub fn check_machine(&self, address: IpAddr) -> Result<(), Refusal> {
        if !self.allow_loopback && machine::has(plain(address)) {
            Err(Refusal::ThisMachine)
        } else {
            Ok(())
        }
    }

    /// Whether a connection that was made may be used: a machine that dials one of its own
    /// addresses most often does so from that same address. For where
    /// [`check_machine`](Self::check_machine) can't tell.
    pub fn check_made(&self, local: IpAddr, peer: IpAddr) -> Result<(), Refusal> {
        if plain(local) == plain(peer) && !self.allow_loopback {
            Err(Refusal::ThisMachine)
        } else {
            Ok(())
        }
    }

    /// What else is on the machine of the API, its database for one, is no space either. Of
    /// loopback, where tests have everything, it is the port that counts.
    fn is_api(&self, address: IpAddr, port: u16) -> bool {
        self.api
            .any(|api| plain(api.ip()) == address && (api.port() == port || !address.is_loopback()))
    }

    /// An edge that listens on every address is reached through any loopback one too.
    fn is_own(&self, address: IpAddr, port: u16) -> bool {
        self.own.iter().any(|own| {
            let everywhere = own.ip().is_unspecified() && address.is_loopback();
            own.port() == port && (plain(own.ip()) == address || everywhere)
        })
    }
}

fn kind(address: IpAddr) -> Option<Refusal> {
    let (link_local, nowhere, group) = match address {
        IpAddr::V4(it) => (
            it.is_link_local(),
            it.octets()[0] == 0,
            it.is_multicast() || it.is_broadcast(),
        ),
        IpAddr::V6(it) => (
            it.is_unicast_link_local(),
            it.is_unspecified(),
            it.is_multicast(),
        ),
    };
    if address.is_loopback() {
        Some(Refusal::Loopback)
    } else if link_local {
        Some(Refusal::LinkLocal)
    } else if nowhere {
        Some(Refusal::Unspecified)
    } else if group {
        Some(Refusal::Group)
    } else {
        None
    }
}

/// An IPv4 address that is written as an IPv6 one is what it stands for: mapped
/// (`::ffff:a.b.c.d`), compatible (`::a.b.c.d`) or translated (`64:ff9b::a.b.c.d`).
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    let bits = v6.to_bits();
    let (prefix, rest) = (bits >> 32, bits & u128::from(u32::MAX));
    let embedded = match prefix {
        0xffff | 0x0064_ff9b_0000_0000_0000_0000 => true,
        // Below it are `::` and `::1`, which mean themselves.
        0 => rest > 0xffff,
        _ => false,
    };
    match u32::try_from(rest) {
        Ok(bits) if embedded => IpAddr::V4(Ipv4Addr::from_bits(bits)),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn strict() -> Guard {
        let own = ["0.0.0.0:8443", "192.0.2.1:9443"].map(|it| it.parse().expect(it));
        let api = ["198.51.100.9:8080", "127.0.0.1:8081"].map(|it| it.parse().expect(it));
        Guard::new(own.to_vec(), ControlPlane::at(api), false)
    }

    #[test]
    fn containers_are_dialled_and_nothing_else_of_the_machine() {
        use Refusal::*;
        for (target, verdict) in [
            ("172.17.0.2:80", Ok(())),
            ("172.17.0.2:8443", Ok(())),
            ("10.0.3.4:8080", Ok(())),
            ("[fd00:1::2]:80", Ok(())),
            ("192.0.2.1:80", Ok(())),
            ("192.0.2.1:9443", Err(Edge)),
            ("127.0.0.1:8443", Err(Edge)),
            ("198.51.100.9:8080", Err(Api)),
            ("198.51.100.9:5432", Err(Api)),
            ("[::ffff:198.51.100.9]:80", Err(Api)),
            ("127.0.0.1:8081", Err(Api)),
            ("127.0.0.1:80", Err(Loopback)),
            ("127.8.9.1:80", Err(Loopback)),
            ("[::1]:80", Err(Loopback)),
            ("[::ffff:127.0.0.1]:80", Err(Loopback)),
            ("[::127.0.0.1]:80", Err(Loopback)),
            ("[64:ff9b::a9fe:a9fe]:80", Err(LinkLocal)),
            ("169.254.169.254:80", Err(LinkLocal)),
            ("[fe80::1]:80", Err(LinkLocal)),
            ("[fd00:ec2::254]:80", Err(Metadata)),
            ("100.100.100.200:80", Err(Metadata)),
            ("0.0.0.0:80", Err(Unspecified)),
            ("0.1.2.3:80", Err(Unspecified)),
            ("[::]:80", Err(Unspecified)),
            ("[::ffff:0.0.0.0]:80", Err(Unspecified)),
            ("224.0.0.1:80", Err(Group)),
            ("255.255.255.255:80", Err(Group)),
            ("[ff02::1]:80", Err(Group)),
            ("172.17.0.2:0", Err(NoPort)),
        ] {
            assert_eq!(
                strict().check(target.parse().expect(target)),
                verdict,
                "{target}"
            );
        }
    }

    #[test]
    fn tests_may_lift_the_loopback_part_alone() {
        let own = "127.0.0.1:8443".parse().expect("an address");
        let api = ControlPlane::at(["127.0.0.1:8080".parse().expect("an address")]);
        let lenient = Guard::new(vec![own], api, true);
        let check = |it: &str| lenient.check(it.parse().expect(it));
        assert_eq!(check("127.0.0.1:80"), Ok(()));
        assert_eq!(check("127.0.0.1:8443"), Err(Refusal::Edge));
        assert_eq!(check("127.0.0.1:8080"), Err(Refusal::Api));
        assert_eq!(check("169.254.169.254:80"), Err(Refusal::LinkLocal));
        assert_eq!(check("0.0.0.0:80"), Err(Refusal::Unspecified));
    }

    #[test]
    fn a_connection_from_an_address_to_itself_stays_on_this_machine() {
        let [here, there] = ["172.17.0.1", "172.17.0.2"].map(|it| it.parse().expect(it));
        assert_eq!(strict().check_made(here, here), Err(Refusal::ThisMachine));
        assert_eq!(strict().check_made(here, there), Ok(()));
    }

    proptest! {
        #[test]
        fn an_address_in_ipv6_clothes_gets_the_same_verdict(bits: u32, port: u16) {
            let v4 = Ipv4Addr::from(bits);
            let mapped = SocketAddr::new(v4.to_ipv6_mapped().into(), port);
            let bare = SocketAddr::new(v4.into(), port);
            prop_assert_eq!(strict().check(mapped), strict().check(bare));
        }
    }
}
