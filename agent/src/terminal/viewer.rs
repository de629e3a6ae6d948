//! One who watches a terminal, and types.

use std::{io, rc::Rc};

use spaceport_domain::agent::{
    Answer, Attach, Exit, Refusal, RefusalCode, Reply, Size,
    frame::{Kind, PAYLOAD_MAX_BYTES, decode_size, encode_size},
};
use tokio::net::{
    TcpStream,
    tcp::{OwnedReadHalf, OwnedWriteHalf},
};

use super::{
    Terminal, VIEWERS_MAX,
    recording::{Next, Place},
};
use crate::{
    ahead::Ahead,
    server::{Agent, reply},
    wire::{Frames, finish, refusal, write_frame, write_message},
};

/// A window in which a terminal is shown, for as long as it is kept.
struct Window {
    terminal: Rc<Terminal>,
    number: u64,
}

impl Window {
    fn open(terminal: Rc<Terminal>, size: Size) -> Result<Self, Refusal> {
        if terminal.windows.borrow().len() >= VIEWERS_MAX {
            let reason = format!("{VIEWERS_MAX} watch this terminal already");
            return Err(refusal(RefusalCode::Busy, reason));
        }
        let number = terminal.last_window.get() + 1;
        terminal.last_window.set(number);
        let window = Self { terminal, number };
        window.resize(size);
        Ok(window)
    }

    fn resize(&self, size: Size) {
        self.terminal.windows.borrow_mut().insert(self.number, size);
        self.terminal.fit();
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.terminal.windows.borrow_mut().remove(&self.number);
        self.terminal.fit();
    }
}

/// Attaches to a terminal, or makes one.
pub async fn serve(agent: &Rc<Agent>, mut edge: TcpStream, attach: Attach) -> io::Result<()> {
    let (window, place) = match open(agent, &attach).await {
        Ok(opened) => opened,
        Err(refusal) => return reply(edge, Reply::Refused(refusal)).await,
    };
    let mut answer = window.terminal.describe();
    answer.position = match place {
        Some(place) => place.position,
        None => window.terminal.recording.borrow().redraw().0.position,
    };
    write_message(&mut edge, &Reply::Done(Answer::Terminal(answer))).await?;
    let (reader, mut writer) = edge.into_split();
    let mut frames = Frames::new(reader);
    let exit = tokio::select! {
        exit = show(&window.terminal, place, &mut writer) => exit?,
        gone = take(agent, &window, &mut frames) => return gone,
    };
    drop(window);
    write_frame(&mut writer, Kind::Exit, &serde_json::to_vec(&exit)?).await?;
    finish(&mut frames.into_reader(), &mut writer).await;
    Ok(())
}

/// The window, and the place from which on output is to be shown; `None` for a drawing.
async fn open(agent: &Rc<Agent>, attach: &Attach) -> Result<(Window, Option<Place>), Refusal> {
    let terminals = &agent.terminals;
    let (terminal, place) = match attach.id {
        Some(id) => {
            let terminal = terminals.find(id)?;
            let place = terminal.recording.borrow().place(attach.seen);
            (terminal, place)
        }
        None => (terminals.open(agent, attach.size).await?, None),
    };
    Window::open(terminal, attach.size).map(|window| (window, place))
}

/// Shows what is put out. Returns when nothing more will be.
async fn show(
    terminal: &Terminal,
    mut place: Option<Place>,
    edge: &mut OwnedWriteHalf,
) -> io::Result<Exit> {
    loop {
        let mut now = match place {
            Some(place) => place,
            None => draw(terminal, edge).await?,
        };
        let next = terminal.recording.borrow().read(&mut now);
        place = Some(now);
        match next {
            Next::Bytes(bytes) => write_frame(edge, Kind::Data, &bytes).await?,
            Next::Size(size) => write_frame(edge, Kind::Size, &encode_size(size)).await?,
            Next::Gone => place = None,
            Next::Nothing => {
                let exit = terminal.exit.borrow().clone();
                if let Some(exit) = exit {
                    return Ok(exit);
                }
                terminal.more().await;
            }
        }
    }
}

/// Draws the terminal anew.
async fn draw(terminal: &Terminal, edge: &mut OwnedWriteHalf) -> io::Result<Place> {
    let (place, size, drawing) = terminal.recording.borrow().redraw();
    write_frame(edge, Kind::Reset, &place.position.to_be_bytes()).await?;
    write_frame(edge, Kind::Size, &encode_size(size)).await?;
    for piece in drawing.chunks(PAYLOAD_MAX_BYTES) {
        write_frame(edge, Kind::Screen, piece).await?;
    }
    Ok(place)
}

/// Takes what is typed until the edge has gone.
async fn take(
    agent: &Agent,
    window: &Window,
    frames: &mut Frames<OwnedReadHalf>,
) -> io::Result<()> {
    let mut ahead = Ahead::default();
    loop {
        let has_room = ahead.has_room();
        let frame = tokio::select! {
            frame = frames.next_if(has_room) => frame?,
            () = window.terminal.write(&mut ahead) => continue,
        };
        let Some((kind, payload)) = frame else {
            return Ok(());
        };
        match kind {
            Kind::Data => {
                agent.activity.note();
                ahead.push(payload);
            }
            Kind::Size => {
                if let Some(size) = decode_size(&payload) {
                    window.resize(size);
                }
            }
            _ => {}
        }
    }
}
