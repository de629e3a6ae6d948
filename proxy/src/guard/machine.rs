//! Which addresses are this machine's own, asked of the kernel.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// Addresses that no machine has: of the reserved class E (RFC 1112 §4), and of the prefix to
/// discard to (RFC 6666).
const NOBODYS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(240, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0x0100, 0, 0, 0, 0, 0, 0, 1)),
];

/// Whether this machine has `address`, at this moment. No packet is sent.
///
/// A socket can be bound to one's own addresses alone: to secondary ones too, from which the kernel
/// would not call itself. Where the system lets anybody bind to anything (`ip_nonlocal_bind`) it
/// can't be told, and the answer is no.
pub(super) fn has(address: IpAddr) -> bool {
    let [v4, v6] = NOBODYS;
    let nobodys = if address.is_ipv4() { v4 } else { v6 };
    can_bind(address) && !can_bind(nobodys)
}

fn can_bind(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loopback_address_is_this_machines_and_nobodys_is_not() {
        // All but the first are what the kernel calls secondary: it dials them from the first.
        for own in ["127.0.0.1", "127.0.0.2", "127.255.255.254"] {
            assert!(has(own.parse().expect(own)), "{own}");
        }
        for other in ["240.0.0.1", "240.0.0.2", "100::1", "100::2"] {
            assert!(!has(other.parse().expect(other)), "{other}");
        }
    }
}
