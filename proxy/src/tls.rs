//! How visitors' connections are encrypted.

use std::sync::Arc;

use rustls::{
    ServerConfig,
    crypto::ring,
    server::ResolvesServerCert,
    version::{TLS12, TLS13},
};

/// The name of HTTP/2 in the handshake.
pub const ALPN_H2: &[u8] = b"h2";
const ALPN_HTTP11: &[u8] = b"http/1.1";

/// TLS 1.2 and 1.3 with rustls's choice of suites. Returning clients resume by tickets, which need
/// no memory here; early data stays off, because it can be replayed.
pub fn server_config(
    certificates: Arc<dyn ResolvesServerCert>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![ALPN_H2.to_vec(), ALPN_HTTP11.to_vec()];
    config.ticketer = ring::Ticketer::new()?;
    Ok(config)
}
