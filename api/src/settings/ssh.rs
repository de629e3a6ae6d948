//! Where SSH clients reach the edge.

use std::net::SocketAddr;

use super::Reader;

/// What turns SSH off at the edge.
const OFF: &str = "off";

/// Where SSH clients reach the edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicSsh {
    /// `SPACEPORT_SSH_PUBLIC_HOST`: by default this machine's own name for itself where
    /// `SPACEPORT_SSH_LISTEN` is a loopback address, else the domain of the apps.
    pub host: String,
    /// `SPACEPORT_SSH_PUBLIC_PORT`: by default that of `SPACEPORT_SSH_LISTEN`.
    pub port: u16,
}

impl PublicSsh {
    /// Reads the settings; `None` when the edge doesn't serve SSH.
    pub(super) fn read(reader: &mut Reader, app_domain: &str) -> Option<Self> {
        if reader.text("ssh_listen").as_deref() == Some(OFF) {
            return None;
        }
        let listen: SocketAddr = reader.parse(
            "ssh_listen",
            ([127, 0, 0, 1], 2222).into(),
            "an address and a port, or off",
        );
        let host = if listen.ip().is_loopback() {
            "localhost"
        } else {
            app_domain
        };
        Some(Self {
            host: reader.domain("ssh_public_host", host),
            port: reader.parse("ssh_public_port", listen.port(), "a port"),
        })
    }
}
