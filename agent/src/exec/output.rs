//! What a program writes.

use std::{io, time::Duration};

use spaceport_domain::agent::frame::{self, HEADER_BYTES, Kind, PAYLOAD_MAX_BYTES};
use tokio::{io::AsyncWriteExt, net::tcp::OwnedWriteHalf, sync::Mutex, time};

use crate::{children::Child, descriptor::Descriptor};

/// A program may leave others behind that have its output open. After it has ended they are
/// listened to until they have been silent for this long.
const SILENCE: Duration = Duration::from_secs(1);

/// Carries what comes out of `from` until its end, as frames of a kind.
pub async fn carry(
    child: &Child,
    from: &Descriptor,
    kind: Kind,
    edge: &Mutex<OwnedWriteHalf>,
) -> io::Result<()> {
    // The header is written in front of what is read: a frame is one piece and is never copied.
    let mut frame = vec![0; HEADER_BYTES + PAYLOAD_MAX_BYTES];
    loop {
        let silent = async {
            child.ended().await;
            time::sleep(SILENCE).await;
        };
        let read = tokio::select! {
            biased;
            read = from.read(&mut frame[HEADER_BYTES..]) => read?,
            () = silent => 0,
        };
        if read == 0 {
            return Ok(());
        }
        frame[..HEADER_BYTES].copy_from_slice(&frame::header(kind, read));
        let mut edge = edge.lock().await;
        edge.write_all(&frame[..HEADER_BYTES + read]).await?;
    }
}
