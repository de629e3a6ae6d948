//! Terminals that outlive connections.

use spaceport_domain::agent::{
    Answer, Attach, Exit, RefusalCode, Service, Size, Terminal,
    frame::{Kind, decode_size},
};

use crate::agent::{Agent, Frames};

const SIZE: Size = Size {
    columns: 80,
    rows: 24,
    width_px: 0,
    height_px: 0,
};

/// A viewer, and what it shows.
struct Viewer {
    frames: Frames,
    terminal: Terminal,
    screen: avt::Terminal,
    position: u64,
    resets: usize,
}

impl Viewer {
    fn attach(agent: &Agent, attach: Attach) -> Self {
        let (stream, answer) = agent.ask(Service::Terminal(attach)).expect("attached");
        let Answer::Terminal(terminal) = answer else {
            panic!("{answer:?}");
        };
        Self {
            frames: Frames::new(stream),
            position: terminal.position,
            terminal,
            screen: new_screen(),
            resets: 0,
        }
    }

    fn open(agent: &Agent) -> Self {
        Self::attach(
            agent,
            Attach {
                size: SIZE,
                ..Attach::default()
            },
        )
    }

    fn again(&self, agent: &Agent) -> Self {
        let id = Some(self.terminal.id);
        Self::attach(
            agent,
            Attach {
                id,
                size: SIZE,
                seen: None,
            },
        )
    }

    fn type_in(&mut self, keys: &str) {
        self.frames.send(Kind::Data, keys.as_bytes());
    }

    /// Takes one frame.
    fn step(&mut self) -> Option<Exit> {
        let (kind, payload) = self.frames.next().expect("a frame");
        match kind {
            Kind::Reset => {
                self.screen = new_screen();
                self.position = u64::from_be_bytes(payload[..].try_into().expect("a position"));
                self.resets += 1;
            }
            Kind::Size => {
                let size = decode_size(&payload).expect("a size");
                self.screen.resize(size.columns.into(), size.rows.into());
            }
            Kind::Data => {
                self.position += payload.len() as u64;
                self.screen.feed(String::from_utf8_lossy(&payload).as_ref());
            }
            Kind::Screen => self.screen.feed(String::from_utf8_lossy(&payload).as_ref()),
            Kind::Exit => return serde_json::from_slice(&payload).expect("an end"),
            _ => {}
        }
        None
    }

    /// Watches until a line of the screen is `text`.
    fn until(&mut self, text: &str) {
        let shown = |screen: &avt::Terminal| {
            let mut lines = screen.screen().visible_lines();
            lines.any(|line| line.text().trim_end() == text)
        };
        while !shown(&self.screen) {
            assert_eq!(self.step(), None, "it ends before {text}");
        }
    }

    fn lines(&self) -> Vec<String> {
        self.screen.primary_screen().text()
    }
}

fn new_screen() -> avt::Terminal {
    let (columns, rows) = (SIZE.columns.into(), SIZE.rows.into());
    avt::Terminal::with_scrollback(columns, rows, None).expect("a screen")
}

fn list(agent: &Agent) -> Vec<Terminal> {
    match agent.ask(Service::Terminals) {
        Ok((_, Answer::Terminals { terminals })) => terminals,
        other => panic!("{other:?}"),
    }
}

/// What a viewer who comes later shows is what one shows who was there from the beginning.
#[test]
fn who_comes_back_sees_what_they_would_have_seen() {
    let agent = Agent::start();
    let mut first = Viewer::open(&agent);
    first.type_in(
        "PS1=; stty -echo; printf 'a\\tb\\033[1;31mred\\033[m\\n'; seq 100; echo o\"\"k; exec cat\n",
    );
    first.until("ok");
    let mut second = first.again(&agent);
    second.until("ok");
    assert_eq!(second.lines(), first.lines());
    assert_eq!(second.screen.dump(), first.screen.dump());
    assert_eq!(second.position, first.position);
}

/// The same when most of it is gone from memory byte for byte.
#[test]
fn a_long_session_is_drawn_anew_with_the_lines_above() {
    let agent = Agent::start();
    let mut first = Viewer::open(&agent);
    first.type_in(
        "PS1=; stty -echo; seq 300000; printf 'ä€\\033[7mx\\033[?2004h\\n'; echo o\"\"k; exec cat\n",
    );
    first.until("ok");
    let mut second = first.again(&agent);
    second.until("ok");
    assert!(second.terminal.position > 0, "something is gone");
    assert_eq!(second.screen.dump(), first.screen.dump());
    let (first, second) = (first.lines(), second.lines());
    let above = second
        .iter()
        .position(|line| !line.is_empty())
        .expect("lines");
    let kept = &second[above..];
    assert!(kept.len() > 10_000);
    assert_eq!(kept, &first[first.len() - kept.len()..]);
}

#[test]
fn who_knows_the_beginning_gets_the_rest_alone() {
    let agent = Agent::start();
    let mut first = Viewer::open(&agent);
    first.type_in("PS1=; stty -echo; echo o\"\"ne\n");
    first.until("one");
    let (id, seen) = (first.terminal.id, first.position);
    drop(first);
    let mut second = Viewer::attach(
        &agent,
        Attach {
            id: Some(id),
            size: SIZE,
            seen: Some(seen),
        },
    );
    assert_eq!(second.terminal.position, seen);
    second.type_in("echo t\"\"wo\n");
    second.until("two");
    assert_eq!(second.resets, 0);
    assert!(!second.lines().contains(&"one".to_owned()));
    // What it can't know is no beginning.
    let future = Attach {
        id: Some(id),
        size: SIZE,
        seen: Some(u64::MAX),
    };
    let mut third = Viewer::attach(&agent, future);
    third.until("two");
    assert_eq!(third.resets, 1);
}

#[test]
fn a_terminal_is_as_large_as_the_smallest_window() {
    let agent = Agent::start();
    let mut wide = Viewer::open(&agent);
    wide.type_in("PS1=; stty -echo; stty size\n");
    wide.until("24 80");
    let narrow = Size {
        columns: 40,
        rows: 30,
        ..SIZE
    };
    let id = Some(wide.terminal.id);
    let narrow = Viewer::attach(
        &agent,
        Attach {
            id,
            size: narrow,
            seen: None,
        },
    );
    while wide.screen.size() != (40, 24) {
        wide.step();
    }
    wide.type_in("stty size\n");
    wide.until("24 40");
    drop(narrow);
    while wide.screen.size() != (80, 24) {
        wide.step();
    }
}

#[test]
fn terminals_are_listed_with_what_runs_in_them() {
    let agent = Agent::start();
    let mut viewer = Viewer::open(&agent);
    viewer
        .type_in("PS1=; stty -echo; printf '\\033]0;my title\\007'; echo o\"\"k; exec 3>&1; cat\n");
    viewer.until("ok");
    let busy = loop {
        let [terminal] = list(&agent).try_into().expect("one terminal");
        if terminal.busy {
            break terminal;
        }
    };
    assert_eq!(
        (busy.title.as_str(), busy.viewers, busy.size),
        ("my title", 1, SIZE)
    );
    drop(viewer);
    assert_eq!(list(&agent).len(), 1, "it lasts");
}

#[test]
fn a_terminal_ends_with_its_shell_and_tells_who_watches() {
    let agent = Agent::start();
    let mut viewer = Viewer::open(&agent);
    viewer.type_in("exit 9\n");
    let exit = loop {
        if let Some(exit) = viewer.step() {
            break exit;
        }
    };
    assert_eq!(exit, Exit::Status(9));
    assert_eq!(list(&agent), []);
    let gone = Attach {
        id: Some(viewer.terminal.id),
        ..Attach::default()
    };
    let refusal = agent.ask(Service::Terminal(gone)).expect_err("gone");
    assert_eq!(refusal.code, RefusalCode::NotFound);
}

#[test]
fn closing_a_terminal_hangs_it_up() {
    let agent = Agent::start();
    let mut viewer = Viewer::open(&agent);
    viewer.type_in("PS1=; stty -echo; echo o\"\"k; sleep 1000\n");
    viewer.until("ok");
    let id = viewer.terminal.id;
    agent.ask(Service::CloseTerminal { id }).expect("closed");
    let exit = loop {
        if let Some(exit) = viewer.step() {
            break exit;
        }
    };
    assert!(
        matches!(exit, Exit::Signal { .. } | Exit::Status(_)),
        "{exit:?}"
    );
    assert_eq!(list(&agent), []);
    let again = agent.ask(Service::CloseTerminal { id }).expect_err("gone");
    assert_eq!(again.code, RefusalCode::NotFound);
}

#[test]
fn a_terminal_of_an_earlier_start_is_none_of_a_later_one() {
    let id = Viewer::open(&Agent::start()).terminal.id;
    let agent = Agent::start();
    Viewer::open(&agent);
    let earlier = Attach {
        id: Some(id),
        ..Attach::default()
    };
    let refusal = agent.ask(Service::Terminal(earlier)).expect_err("gone");
    assert_eq!(refusal.code, RefusalCode::NotFound);
}
