//! What is said to a program and heard of it until it ends.
//!
//! Both go on by themselves. A program that writes faster than it reads, and whose output is taken
//! only once its input has been, would wait for ever.

use std::{
    collections::VecDeque,
    io::{self, Write},
    time::Duration,
};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{Sink, SinkExt, Stream, StreamExt, future};
use spaceport_domain::agent::{
    Exit, Size,
    frame::{Kind as Frame, encode_size},
};
use tokio::{sync::mpsc, task::spawn_blocking, time::timeout};
use tokio_tungstenite::tungstenite::{self, Message};

use super::{
    broken,
    signals::{Signal, status_of},
};
use crate::failure::Failure;

/// For the edge to take the goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// A piece of standard input.
#[derive(Debug)]
pub enum Input {
    /// What was read.
    Data(Bytes),
    /// There is no more.
    End,
    /// It can't be read.
    Broken(io::Error),
}

/// What the program is told beside its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A signal came.
    Signal(Signal),
    /// The window has another size.
    Size(Size),
}

impl Notice {
    fn frame(self) -> Bytes {
        match self {
            Self::Signal(signal) => framed(Frame::Signal, signal.name.as_bytes()),
            Self::Size(size) => framed(Frame::Size, &encode_size(size)),
        }
    }

    fn is_impatient(&self) -> bool {
        matches!(self, Self::Signal(signal) if signal.is_impatient())
    }
}

fn framed(kind: Frame, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(1 + payload.len());
    frame.put_u8(kind as u8);
    frame.put(payload);
    frame.freeze()
}

/// Sends what comes of `notices` and `input`, and writes what the program says, until it ends: its
/// exit status.
///
/// # Errors
/// The connection or a stream of this machine broke, or somebody asked again for an end that the
/// program couldn't be told of.
pub async fn converse<S>(
    socket: S,
    notices: mpsc::Receiver<Notice>,
    input: mpsc::Receiver<Input>,
) -> Result<u8, Failure>
where
    S: Stream<Item = tungstenite::Result<Message>> + Sink<Message, Error = tungstenite::Error>,
{
    let (mut sink, mut stream) = socket.split();
    let ended = tokio::select! {
        ended = hear(&mut stream) => ended,
        failure = tell(&mut sink, notices, input) => Err(failure),
    };
    if ended.is_ok() {
        // Whether the edge hears the goodbye changes nothing.
        let _ = timeout(GOODBYE_TIMEOUT, sink.close()).await;
    }
    ended
}

/// Writes what the program says, until it ends.
async fn hear<S>(stream: &mut S) -> Result<u8, Failure>
where
    S: Stream<Item = tungstenite::Result<Message>> + Unpin,
{
    while let Some(message) = stream.next().await {
        match message {
            Ok(Message::Binary(frame)) => {
                // Who reads slowly here holds up neither signals nor input.
                let written = spawn_blocking(move || received(&frame)).await;
                let status = written.unwrap_or_else(|error| Err(broken(&error)))?;
                if let Some(status) = status {
                    return Ok(status);
                }
            }
            Ok(Message::Close(_)) => break,
            Ok(_) => {}
            Err(error) => return Err(broken(&error)),
        }
    }
    Err(broken(&"it ended before the program did"))
}

/// Sends everything, signals and sizes in front of input, until that makes no sense any more.
async fn tell<S>(
    sink: &mut S,
    mut notices: mpsc::Receiver<Notice>,
    mut input: mpsc::Receiver<Input>,
) -> Failure
where
    S: Sink<Message, Error = tungstenite::Error> + Unpin,
{
    let mut unsent = Unsent::default();
    loop {
        let next = match unsent.next() {
            None => tokio::select! {
                biased;
                Some(notice) = notices.recv() => match unsent.add(notice) {
                    Ok(()) => continue,
                    Err(failure) => return failure,
                },
                Some(piece) = input.recv() => match piece {
                    Input::Data(bytes) => framed(Frame::Data, &bytes),
                    Input::End => framed(Frame::End, &[]),
                    Input::Broken(error) => return Failure::io("standard input", &error),
                },
                else => return future::pending().await,
            },
            Some(notice) => notice.frame(),
        };
        let sending = sink.send(Message::Binary(next));
        tokio::pin!(sending);
        loop {
            tokio::select! {
                biased;
                // A program that has ended takes nothing more; how it ended is on the way.
                _ = &mut sending => break,
                Some(notice) = notices.recv() => if let Err(failure) = unsent.add(notice) {
                    return failure;
                },
            }
        }
    }
}

/// Notices that the way to the program has had no room for. As with signals that wait for a process,
/// there is one of each.
#[derive(Debug, Default)]
struct Unsent {
    waiting: VecDeque<Notice>,
    /// The one that is being sent.
    under_way: Option<Notice>,
}

impl Unsent {
    /// What is to be sent next; what was before it has been sent.
    fn next(&mut self) -> Option<Notice> {
        self.under_way = self.waiting.pop_front();
        self.under_way
    }

    /// Has a notice wait.
    ///
    /// # Errors
    /// It asks for the end a second time, and the first time hasn't got through.
    fn add(&mut self, notice: Notice) -> Result<(), Failure> {
        let mut before = self.under_way.iter().chain(&self.waiting);
        match notice {
            Notice::Signal(signal) if signal.is_impatient() && before.any(Notice::is_impatient) => {
                return Err(Failure::program(signal.status()));
            }
            Notice::Size(_) => self.waiting.retain(|it| !matches!(it, Notice::Size(_))),
            Notice::Signal(_) => {}
        }
        if !self.waiting.contains(&notice) {
            self.waiting.push_back(notice);
        }
        Ok(())
    }
}

/// Writes a frame; the exit status if it is the last one.
fn received(frame: &Bytes) -> Result<Option<u8>, Failure> {
    let Some((kind, payload)) = frame.split_first() else {
        return Ok(None);
    };
    match Frame::of(*kind) {
        Some(Frame::Data) => {
            let mut out = io::stdout().lock();
            let written = out.write_all(payload).and_then(|()| out.flush());
            match written {
                // Whoever has read enough ends the program, as on a pipe.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    Ok(Some(Signal::PIPE.status()))
                }
                written => written
                    .map(|()| None)
                    .map_err(|error| Failure::io("standard output", &error)),
            }
        }
        Some(Frame::Stderr) => {
            let mut out = io::stderr().lock();
            let written = out.write_all(payload).and_then(|()| out.flush());
            written
                .map(|()| None)
                .map_err(|error| Failure::io("standard error", &error))
        }
        Some(Frame::Exit) => {
            let exit: Exit = serde_json::from_slice(payload).map_err(|error| broken(&error))?;
            Ok(Some(status_of(&exit)))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};
    use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};

    use super::*;

    /// Long enough for everything that ends at all.
    const PATIENCE: Duration = Duration::from_mins(1);
    const PIECE_BYTES: usize = 32 << 10;

    type Socket = WebSocketStream<DuplexStream>;

    /// A connection that takes so many bytes in each direction before they are read.
    async fn connection(room_bytes: usize) -> (Socket, Socket) {
        let (near, far) = duplex(room_bytes);
        future::join(
            WebSocketStream::from_raw_socket(near, Role::Client, None),
            WebSocketStream::from_raw_socket(far, Role::Server, None),
        )
        .await
    }

    fn piece() -> Bytes {
        Bytes::from(vec![0; PIECE_BYTES])
    }

    #[tokio::test]
    async fn a_program_that_writes_more_than_it_reads_ends() {
        let (near, mut far) = connection(4 << 10).await;
        let program = async move {
            // What this side doesn't know it leaves out: nothing is written by this test.
            let output = framed(Frame::Accepted, &piece());
            while let Some(Ok(Message::Binary(frame))) = far.next().await {
                if frame[0] == Frame::End as u8 {
                    let exit = serde_json::to_vec(&Exit::Status(7)).expect("JSON");
                    let exit = framed(Frame::Exit, &exit);
                    far.send(Message::Binary(exit)).await.expect("sent");
                } else {
                    for _ in 0..2 {
                        let output = Message::Binary(output.clone());
                        far.send(output).await.expect("sent");
                    }
                }
            }
        };
        let (_noticed, notices) = mpsc::channel(1);
        let (pieces, input) = mpsc::channel(1);
        let typing = async move {
            for _ in 0..32 {
                pieces.send(Input::Data(piece())).await.expect("taken");
            }
            pieces.send(Input::End).await.expect("taken");
        };
        let conversation = future::join3(converse(near, notices, input), program, typing);
        let ended = timeout(PATIENCE, conversation).await;
        let (status, (), ()) = ended.expect("an end");
        assert_eq!(status, Ok(7));
    }

    #[tokio::test]
    async fn a_second_signal_ends_what_takes_no_input() {
        let (near, _far) = connection(1 << 10).await;
        let (noticed, notices) = mpsc::channel(1);
        let (pieces, input) = mpsc::channel(1);
        let people = async move {
            pieces.send(Input::Data(piece())).await.expect("taken");
            // There is room again: the piece is on its way, which is too narrow for it.
            let _room = pieces.reserve().await.expect("taken");
            for _ in 0..2 {
                let term = Notice::Signal(Signal::TERM);
                noticed.send(term).await.expect("taken");
            }
            future::pending::<()>().await;
        };
        let ended = timeout(PATIENCE, async {
            tokio::select! {
                ended = converse(near, notices, input) => ended,
                () = people => unreachable!("people wait"),
            }
        });
        assert_eq!(ended.await.expect("an end"), Err(Failure::program(143)));
    }

    #[tokio::test]
    async fn signals_go_in_front_of_input() {
        let (near, mut far) = connection(PIECE_BYTES).await;
        let (noticed, notices) = mpsc::channel(1);
        let (pieces, input) = mpsc::channel(1);
        pieces.try_send(Input::End).expect("room");
        let term = Notice::Signal(Signal::TERM);
        noticed.try_send(term).expect("room");
        let first = tokio::select! {
            first = far.next() => first,
            ended = converse(near, notices, input) => panic!("{ended:?}"),
        };
        let first = first.expect("a message").expect("a message").into_data();
        assert_eq!(first, term.frame());
    }

    #[test]
    fn of_each_signal_and_of_sizes_one_waits() {
        let size = |columns| {
            Notice::Size(Size {
                columns,
                rows: 24,
                width_px: 0,
                height_px: 0,
            })
        };
        let usr1 = Notice::Signal(Signal::PASSED_ON[4]);
        let mut unsent = Unsent::default();
        for notice in [size(80), usr1, usr1, size(90)] {
            unsent.add(notice).expect("it waits");
        }
        assert_eq!(unsent.waiting, [usr1, size(90)]);
    }
}
