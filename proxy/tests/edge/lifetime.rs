//! TLS, and how an edge ends.

use std::sync::Arc;

use futures_util::StreamExt;
use http::Method;
use rustls::{HandshakeKind, ProtocolVersion, version::TLS12};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::{
    eventually,
    harness::{HOST, House},
    soon,
    visitor::{Visitor, as_h1, got, request},
};

#[tokio::test]
async fn both_versions_of_tls_are_spoken_and_resumed() {
    let house = House::open().await;
    let modern = house.visitor();
    let mut older =
        rustls::ClientConfig::builder_with_provider(Arc::clone(modern.tls.crypto_provider()))
            .with_protocol_versions(&[&TLS12])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Trusting))
            .with_no_client_auth();
    older.alpn_protocols.clear();
    let older = Visitor {
        tls: Arc::new(older),
        ..modern.clone()
    };
    for (visitor, version) in [
        (modern, ProtocolVersion::TLSv1_3),
        (older, ProtocolVersion::TLSv1_2),
    ] {
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let stream = visitor.connect(HOST, &["http/1.1"]).await.unwrap();
            let session = stream.get_ref().1;
            assert_eq!(session.protocol_version(), Some(version));
            assert_eq!(session.handshake_kind(), Some(expected), "{version:?}");
            // The tickets of TLS 1.3 arrive with the first answer.
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream))
                    .await
                    .unwrap();
            tokio::spawn(connection);
            let asked = as_h1(request(Method::GET, HOST, "/", &[]));
            assert_eq!(
                got(sender.send_request(asked).await.unwrap()).await.status,
                200
            );
        }
    }
}

/// TLS 1.2 is about the protocol here, not about the certificate.
#[derive(Debug)]
struct Trusting;

impl rustls::client::danger::ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        vec![rustls::SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

#[tokio::test]
async fn requests_under_way_are_finished_and_newcomers_are_not_taken() {
    let mut house = House::open().await;
    let visitor = house.visitor();
    let asked = || request(Method::GET, HOST, "/wait", &[]);
    let mut h1 = visitor.h1(HOST).await;
    let first = tokio::spawn(h1.send_request(as_h1(asked())));
    let mut h2 = visitor.h2(HOST).await;
    let second = tokio::spawn(h2.send_request(asked()));
    // Connections without a request don't hold it up.
    let _idle = visitor.connect(HOST, &["http/1.1"]).await.unwrap();
    let _unspoken = TcpStream::connect(visitor.edge).await.unwrap();
    house.space.requests(2).await;

    let edge = house.edge.take().unwrap();
    let stopping = tokio::task::spawn_blocking(|| edge.shutdown());
    eventually(async || TcpStream::connect(visitor.edge).await.is_err()).await;
    house.space.shared.gate.open();
    house.space.shared.gate.open();
    let first = got(first.await.unwrap().unwrap()).await;
    assert_eq!(&first.body[..], b"waited");
    assert_eq!(first.headers["connection"], "close");
    assert_eq!(
        &got(second.await.unwrap().unwrap()).await.body[..],
        b"waited"
    );
    soon(stopping).await.unwrap();
}

#[tokio::test]
async fn what_does_not_end_is_cut_at_the_end_of_the_drain() {
    let mut house = House::open_with(&[("SPACEPORT_EDGE_DRAIN_SECONDS", "0.3")]).await;
    let stream = house.visitor().connect(HOST, &["http/1.1"]).await.unwrap();
    let asked = format!("wss://{HOST}/websocket")
        .into_client_request()
        .unwrap();
    let (mut socket, _) = soon(Box::pin(tokio_tungstenite::client_async(asked, stream)))
        .await
        .unwrap();
    house.shut_edge_down().await;
    assert!(!matches!(soon(socket.next()).await, Some(Ok(_))));
}

#[tokio::test]
async fn visitors_who_leave_are_forgotten() {
    let house = House::open().await;
    let mut stream = house.visitor().connect(HOST, &["http/1.1"]).await.unwrap();
    let head = format!("GET /wait HTTP/1.1\r\nhost: {HOST}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    house.space.requests(1).await;
    house.space.open_connections(1).await;
    drop(stream);
    house.space.open_connections(0).await;
}
