//! Bytes between a channel and a connection into a space.

use std::time::Duration;

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    time,
};
use tokio_util::sync::CancellationToken;

use super::{
    connection::{Gone, Inner, Line, Outlet},
    intake::{Input, Inputs},
};

/// What is read from a space at once, at least.
const READ_BYTES_MIN: usize = 4 << 10;
/// The same while there is more than that: several of a client's packets.
const READ_BYTES_MAX: usize = 128 << 10;
/// A client closes a channel by itself once both sides have ended it.
const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// Which of the two directions end the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// Both of them: each may be closed for itself.
    Both,
    /// The one to the client.
    Space,
}

/// Carries a connection for as long as it lasts, and closes the channel.
pub(super) async fn serve(outlet: Outlet, inner: Inner, line: Line, ends: Ends) {
    let Inner { mut inputs, closed } = inner;
    let carried = carry(&outlet, &mut inputs, line, ends);
    let is_over = closed.run_until_cancelled(carried).await.is_some();
    if is_over {
        finish(&outlet, &mut inputs, &closed).await;
    } else {
        // Either the client has closed it, or it was closed here, and the client is told.
        outlet.close().await;
    }
}

/// Waits until the client has closed a channel on which nobody has anything more to say, or closes
/// it. russh keeps something of a channel that the client hasn't closed first for as long as the
/// connection lasts, and there are many of these.
async fn finish(outlet: &Outlet, inputs: &mut Inputs, closed: &CancellationToken) {
    let closing = async { while inputs.recv().await.is_some() {} };
    let closing = closed.run_until_cancelled(closing);
    let _ = time::timeout(CLOSE_WAIT, closing).await;
    outlet.close().await;
}

/// Carries bytes both ways until it ends, or breaks. Whoever calls drops this when the channel is
/// closed.
pub(super) async fn carry(outlet: &Outlet, inputs: &mut Inputs, line: Line, ends: Ends) {
    let Line { stream, _slot } = line;
    let (reader, writer) = stream.into_split();
    let to_client = to_client(outlet, reader);
    let to_space = to_space(inputs, writer);
    match ends {
        Ends::Both => {
            let _ = tokio::try_join!(to_client, to_space);
        }
        Ends::Space => {
            let forever = async {
                // A server that closed its input may still have something to say.
                let _ = to_space.await;
                std::future::pending::<()>().await;
            };
            tokio::select! {
                _ = to_client => {}
                () = forever => {}
            }
        }
    }
}

async fn to_client(outlet: &Outlet, mut reader: OwnedReadHalf) -> Result<(), Gone> {
    let mut buffer = BytesMut::new();
    let mut wanted = READ_BYTES_MIN;
    loop {
        buffer.reserve(wanted);
        match reader.read_buf(&mut buffer).await {
            Ok(0) => break,
            Ok(read) => {
                wanted = match read {
                    read if read >= wanted => (wanted * 4).min(READ_BYTES_MAX),
                    _ => READ_BYTES_MIN.max(wanted / 2),
                };
            }
            // What is broken has no orderly end.
            Err(_) => return Err(Gone),
        }
        outlet.data(buffer.split().freeze()).await?;
    }
    Ok(outlet.channel.eof().await?)
}

async fn to_space(inputs: &mut Inputs, mut writer: OwnedWriteHalf) -> Result<(), Gone> {
    while let Some((input, _held)) = inputs.recv().await {
        match input {
            Input::Data(data) => writer.write_all(&data).await.map_err(|_| Gone)?,
            Input::End => {
                let _ = writer.shutdown().await;
                return Ok(());
            }
            Input::Size(_) | Input::Signal(_) => {}
        }
    }
    Err(Gone)
}
