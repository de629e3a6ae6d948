//! Frames between a visitor, whose messages are a frame's kind and its payload, and an agent.

use bytes::{BufMut, Bytes, BytesMut};
use spaceport_domain::agent::frame::Kind;
use tokio::net::TcpStream;

use crate::{
    upstream::agent::{Frames, write_frames},
    websocket::{Goodbye, Socket},
};

/// Carries frames until one of both ends it.
pub(super) async fn carry(socket: &mut Socket, agent: &mut TcpStream) -> Goodbye {
    let (reader, mut writer) = agent.split();
    let (mut incoming, mut outgoing) = socket.split();
    let up = async {
        let mut is_taken = true;
        while let Some(message) = incoming.next().await? {
            let (kind, payload) = read(&message).ok_or(Goodbye::MEANINGLESS)?;
            // What the agent has yet to say is of interest also when it takes nothing more.
            is_taken = is_taken && write_frames(&mut writer, kind, payload).await.is_ok();
        }
        Ok(Goodbye::LEFT)
    };
    let down = async {
        let mut frames = Frames::new(reader);
        let mut has_exited = false;
        loop {
            match outgoing.wait(frames.next()).await? {
                Ok(Some((kind, payload))) => {
                    has_exited |= kind == Kind::Exit;
                    outgoing.send(message(kind, &payload)).await?;
                }
                _ if has_exited => return Ok(Goodbye::DONE),
                _ => return Err(Goodbye::BROKEN),
            }
        }
    };
    let ended: Result<Goodbye, Goodbye> = tokio::select! {
        ended = up => ended,
        ended = down => ended,
    };
    ended.unwrap_or_else(|goodbye| goodbye)
}

/// What a visitor's message carries to an agent, if a visitor may send that.
fn read(message: &[u8]) -> Option<(Kind, &[u8])> {
    let (&kind, payload) = message.split_first()?;
    let kind = Kind::of(kind)?;
    matches!(kind, Kind::Data | Kind::End | Kind::Size | Kind::Signal).then_some((kind, payload))
}

/// The message that carries a frame to a visitor.
fn message(kind: Kind, payload: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(1 + payload.len());
    message.put_u8(kind as u8);
    message.put_slice(payload);
    message.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_says_what_is_for_an_agent_to_hear() {
        assert_eq!(read(&[0, 1, 2]), Some((Kind::Data, &[1, 2][..])));
        assert_eq!(read(&[2]), Some((Kind::End, &[][..])));
        for wrong in [&[][..], &[1, 1], &[5], &[6], &[7], &[8], &[9], &[255]] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
        assert_eq!(message(Kind::Stderr, b"ab"), &b"\x01ab"[..]);
    }
}
