//! Who is behind a proxy that carries connections and reads nothing of them: the PROXY protocol,
//! versions 1 and 2, as `proxy-protocol.txt` of `HAProxy` describes it.
//!
//! Such a proxy says where a connection comes from in a header before the first byte of TLS. Not a
//! byte behind it is read here.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use tokio::io::{AsyncRead, AsyncReadExt};

/// What a header of version 2 begins with.
const V2_SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// What a header of version 1 begins with.
const V1_BEGINNING: [u8; 6] = *b"PROXY ";
/// The longest header of version 1, its end of line included.
const V1_BYTES_MAX: usize = 107;
/// The longest rest of a header of version 2: addresses, and more that is of no interest here. The
/// protocol would allow for 64 KiB.
const V2_REST_BYTES_MAX: usize = 2 << 10;

/// Why there is no header to be believed.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// The connection broke off.
    #[error("the PROXY header can't be read: {0}")]
    Read(#[from] io::Error),
    /// What came is none.
    #[error("a trusted proxy sent no PROXY header that can be understood")]
    Malformed,
}

/// Reads a header off `stream`. `None` says that the proxy speaks for itself, as when it looks
/// whether the edge is there, or doesn't know for whom.
///
/// How long it may take is for the caller to bound.
pub async fn read(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<SocketAddr>, HeaderError> {
    let mut beginning = [0; V1_BEGINNING.len()];
    stream.read_exact(&mut beginning).await?;
    let (signature, rest) = V2_SIGNATURE.split_at(beginning.len());
    if beginning == V1_BEGINNING {
        read_v1(stream).await
    } else if beginning == signature {
        read_v2(stream, rest).await
    } else {
        Err(HeaderError::Malformed)
    }
}

/// `TCP4 <from> <to> <port from> <port to>\r\n`, or `UNKNOWN` and whatever.
async fn read_v1(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>, HeaderError> {
    let mut line = Vec::with_capacity(V1_BYTES_MAX);
    while !line.ends_with(b"\r\n") {
        if V1_BEGINNING.len() + line.len() == V1_BYTES_MAX {
            return Err(HeaderError::Malformed);
        }
        line.push(stream.read_u8().await?);
    }
    let text = std::str::from_utf8(&line[..line.len() - 2]);
    let words: Vec<&str> = text
        .map_err(|_| HeaderError::Malformed)?
        .split(' ')
        .collect();
    match words[..] {
        ["UNKNOWN", ..] => Ok(None),
        [family @ ("TCP4" | "TCP6"), from, to, from_port, to_port] => {
            let is_of_family = |it: &IpAddr| it.is_ipv4() == (family == "TCP4");
            let address = |text: &str| text.parse().ok().filter(is_of_family);
            let from = address(from).zip(port(from_port));
            let to = address(to).zip(port(to_port));
            let from = from.filter(|_| to.is_some());
            from.map(|it| Some(it.into())).ok_or(HeaderError::Malformed)
        }
        _ => Err(HeaderError::Malformed),
    }
}

/// Digits alone, without a sign.
fn port(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

async fn read_v2(
    stream: &mut (impl AsyncRead + Unpin),
    signature: &[u8],
) -> Result<Option<SocketAddr>, HeaderError> {
    let mut fixed = [0; 10];
    stream.read_exact(&mut fixed).await?;
    let [
        signed @ ..,
        version_and_command,
        family_and_protocol,
        high,
        low,
    ] = fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if signed != signature || length > V2_REST_BYTES_MAX {
        return Err(HeaderError::Malformed);
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    match (version_and_command, family_and_protocol) {
        // LOCAL: the addresses are to be left alone.
        (0x20, _) => Ok(None),
        // TCP over IPv4 and IPv6: from, to, port from, port to.
        (0x21, 0x11) => source::<4>(&rest).map(Some),
        (0x21, 0x21) => source::<16>(&rest).map(Some),
        // What is neither, UNIX sockets for one, has no address to tell.
        (0x21, _) => Ok(None),
        _ => Err(HeaderError::Malformed),
    }
}

/// The address a connection comes from, of `N` bytes.
fn source<const N: usize>(rest: &[u8]) -> Result<SocketAddr, HeaderError>
where
    IpAddr: From<[u8; N]>,
{
    let address = rest.first_chunk::<N>().copied().map(IpAddr::from);
    let ports = rest.get(2 * N..).and_then(|it| it.first_chunk::<4>());
    let (address, ports) = address.zip(ports).ok_or(HeaderError::Malformed)?;
    let port = u16::from_be_bytes([ports[0], ports[1]]);
    Ok(SocketAddr::new(address, port))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use proptest::prelude::*;

    use super::*;

    /// What is read of `bytes`, and what is left of them.
    fn header(mut bytes: &[u8]) -> (Result<Option<SocketAddr>, HeaderError>, &[u8]) {
        let read = read(&mut bytes).now_or_never();
        (read.expect("memory never waits"), bytes)
    }

    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).expect("short").to_be_bytes();
        [&V2_SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    fn v2_of(from: SocketAddr, to: SocketAddr, more: &[u8]) -> Vec<u8> {
        let bytes = |it: IpAddr| match it {
            IpAddr::V4(it) => it.octets().to_vec(),
            IpAddr::V6(it) => it.octets().to_vec(),
        };
        let ports = [from.port().to_be_bytes(), to.port().to_be_bytes()].concat();
        let family = if from.is_ipv4() { 0x11 } else { 0x21 };
        let rest = [bytes(from.ip()), bytes(to.ip()), ports, more.to_vec()].concat();
        v2(0x21, family, &rest)
    }

    fn v1_of(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
        let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
        let (ip, to_ip) = (from.ip(), to.ip());
        let (port, to_port) = (from.port(), to.port());
        format!("PROXY {family} {ip} {to_ip} {port} {to_port}\r\n").into_bytes()
    }

    #[test]
    fn a_proxy_may_speak_for_itself_or_not_know_for_whom() {
        for bytes in [
            b"PROXY UNKNOWN\r\n".to_vec(),
            b"PROXY UNKNOWN ffff::1 ::1 65535 1\r\n".to_vec(),
            v2(0x20, 0x00, &[]),
            v2(0x20, 0x11, &[6; 12]),
            v2(0x21, 0x00, &[]),
            v2(0x21, 0x31, &[0; 216]),
            v2(0x21, 0x12, &[6; 12]),
        ] {
            let (read, left) = header(&bytes);
            assert!(matches!(read, Ok(None)), "{bytes:?}: {read:?}");
            assert!(left.is_empty());
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let too_long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(V1_BYTES_MAX));
        for bytes in [
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            b"\x16\x03\x01\x02\x00\x01\x00".to_vec(),
            b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n".to_vec(),
            b"PROXY TCP4 ::1 ::2 1 2\r\n".to_vec(),
            b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n".to_vec(),
            b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(),
            b"PROXY \xff\r\n".to_vec(),
            too_long.into_bytes(),
            v2(0x22, 0x11, &[6; 12]),
            v2(0x11, 0x11, &[6; 12]),
            v2(0x21, 0x11, &[6; 11]),
            v2(0x21, 0x21, &[6; 35]),
            v2(0x20, 0x00, &[0; V2_REST_BYTES_MAX + 1]),
        ] {
            let (read, _) = header(&bytes);
            assert!(matches!(read, Err(HeaderError::Malformed)), "{bytes:?}");
        }
    }

    fn ends() -> impl Strategy<Value = [SocketAddr; 2]> {
        prop_oneof![
            any::<[([u8; 4], u16); 2]>().prop_map(|ends| ends.map(SocketAddr::from)),
            any::<[([u8; 16], u16); 2]>().prop_map(|ends| ends.map(SocketAddr::from)),
        ]
    }

    proptest! {
        #[test]
        fn the_source_is_read_and_not_a_byte_behind_the_header(
            [from, to] in ends(),
            more: Vec<u8>,
            behind: Vec<u8>,
        ) {
            for header_bytes in [v1_of(from, to), v2_of(from, to, &more)] {
                let bytes = [&header_bytes[..], &behind].concat();
                let (read, left) = header(&bytes);
                prop_assert_eq!(read.expect("a header"), Some(from));
                prop_assert_eq!(left, &behind[..]);
                for end in 0..header_bytes.len() {
                    let (read, _) = header(&header_bytes[..end]);
                    prop_assert!(matches!(read, Err(HeaderError::Read(_))), "{}", end);
                }
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, is_v1: bool) {
            let beginning = if is_v1 { &V1_BEGINNING[..] } else { &V2_SIGNATURE[..] };
            let _ = header(&[beginning, &bytes].concat());
            let _ = header(&bytes);
        }
    }
}
