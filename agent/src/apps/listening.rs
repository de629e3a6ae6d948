//! Whether anything listens at a port of the space.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
};

/// The kernel's lists of the space's sockets for TCP (`proc_pid_net(5)`).
const LISTS: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
/// As much of a list is read: sockets that listen are told of first.
const LIST_MAX_BYTES: u64 = 1 << 20;
/// The state of a socket that listens (`TCP_LISTEN`).
const LISTENS: &str = "0A";

/// Whether anything listens at `port`, at whichever address. Nobody there notices the question.
pub fn listens(port: u16) -> bool {
    LISTS.into_iter().any(|list| {
        let lines = File::open(list).map(|list| BufReader::new(list.take(LIST_MAX_BYTES)).lines());
        lines.is_ok_and(|lines| lines.map_while(Result::ok).any(|it| is_of(&it, port)))
    })
}

/// Whether a line of a list is of a socket that listens at `port`: `0: 0100007F:3419 00000000:0000
/// 0A …`.
fn is_of(line: &str, port: u16) -> bool {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (local, state) = (fields.next(), fields.nth(1));
    let at = local.and_then(|it| u16::from_str_radix(it.rsplit(':').next()?, 16).ok());
    at == Some(port) && state == Some(LISTENS)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_port_is_listened_at_for_as_long_as_somebody_does() {
        for address in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
            let address: std::net::IpAddr = address;
            let Ok(listener) = TcpListener::bind((address, 0)) else {
                assert!(address.is_ipv6(), "a host without IPv6");
                continue;
            };
            let port = listener.local_addr().expect("an address").port();
            assert!(listens(port), "{address}");
            let client = TcpStream::connect((address, port)).expect("connected");
            let its_own = client.local_addr().expect("an address").port();
            assert!(!listens(its_own), "it is connected");
            drop(listener);
            assert!(!listens(port), "{address}");
        }
    }

    #[test]
    fn only_what_the_kernel_writes_is_understood() {
        let line = "   0: 0100007F:3419 00000000:0000 0A 00000000:00000000 00:00000000 00000000";
        assert!(is_of(line, 13337) && !is_of(line, 13338));
        assert!(!is_of(&line.replace(" 0A ", " 01 "), 13337));
        for bad in ["", "sl local_address rem_address st", "0: x y 0A", "0: :"] {
            assert!(!is_of(bad, 0), "{bad}");
        }
    }
}
