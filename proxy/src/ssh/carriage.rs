//! Bytes between a channel and a connection into a space.

use std::{pin::pin, time::Duration};

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

/// How long a space may take for what the client said before it closed the channel.
const REST_WAIT: Duration = Duration::from_secs(30);

/// Carries a connection for as long as it lasts, each direction to its own end, and closes the
/// channel.
pub(super) async fn serve(outlet: Outlet, inner: Inner, line: Line) {
    let Inner { mut inputs, closed } = inner;
    let over = &outlet.connection.over;
    let carried = carry_both(&outlet, &mut inputs, line, &closed);
    let _ = over.run_until_cancelled(carried).await;
    if closed.is_cancelled() {
        // Either the client has closed it, or it was closed here, and the client is told.
        outlet.close().await;
    } else {
        finish(&outlet, &mut inputs, &closed).await;
    }
}

/// Waits until the client has closed a channel on which nobody has anything more to say, or closes
/// it. russh keeps something of a channel that the client hasn't closed first for as long as the
/// connection lasts, and there are many of these.
async fn finish(outlet: &Outlet, inputs: &mut Inputs, closed: &CancellationToken) {
    let closing = closed.run_until_cancelled(discard(inputs));
    let _ = time::timeout(CLOSE_WAIT, closing).await;
    outlet.close().await;
}

/// A direction that can't go on leaves what is on its way in the other one. A client that has said
/// everything closes the channel at once, though the space hasn't taken it yet.
async fn carry_both(outlet: &Outlet, inputs: &mut Inputs, line: Line, closed: &CancellationToken) {
    let Line { stream, _slot } = line;
    let (reader, writer) = stream.into_split();
    let refused = CancellationToken::new();
    let mut to_client = pin!(closed.run_until_cancelled(to_client(outlet, reader)));
    let mut to_space = pin!(async {
        if to_space(inputs, writer).await.is_err() {
            refused.cancel();
            discard(inputs).await;
        }
    });
    let sent = tokio::select! {
        sent = &mut to_client => sent,
        () = &mut to_space => {
            let _ = to_client.await;
            return;
        }
    };
    match sent {
        Some(Ok(())) => {
            let over = async {
                tokio::select! {
                    () = refused.cancelled() => {}
                    () = closed.cancelled() => time::sleep(REST_WAIT).await,
                }
            };
            tokio::select! {
                () = to_space => {}
                () = over => {}
            }
        }
        Some(Err(Gone)) => {}
        None => {
            let _ = time::timeout(REST_WAIT, to_space).await;
        }
    }
}

/// Carries bytes both ways until the space ends it. Whoever calls drops this when the channel is
/// closed.
pub(super) async fn carry(outlet: &Outlet, inputs: &mut Inputs, line: Line) {
    let Line { stream, _slot } = line;
    let (reader, writer) = stream.into_split();
    let to_space = async {
        // A server that closed its input may still have something to say.
        let _ = to_space(inputs, writer).await;
        discard(inputs).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = to_client(outlet, reader) => {}
        () = to_space => {}
    }
}

/// Takes what nobody wants, so that nothing else on the connection waits for it.
async fn discard(inputs: &mut Inputs) {
    while inputs.recv().await.is_some() {}
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
