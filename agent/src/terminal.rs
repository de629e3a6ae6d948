//! Terminals that outlive the connections of those who watch them.
//!
//! ```text
//! program ◀─▶ terminal ─▶ recording ◀─ viewer ─▶ edge        one viewer for each connection
//!                  ▲                      │
//!                  └──── what is typed ───┘
//! ```

mod recording;
mod scanner;
mod screen;
mod viewer;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::pending,
    hash::{BuildHasher, Hasher, RandomState},
    io,
    rc::Rc,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use spaceport_domain::agent::{
    self, Answer, Exec, Exit, Program, Pty as PtyWish, Refusal, RefusalCode, Reply, Size,
    TerminalId, frame::PAYLOAD_MAX_BYTES,
};
use tokio::{sync::Notify, time};

use self::recording::Recording;
use crate::{
    ahead::Ahead, children::Child, exec::start_in_terminal, pty::Pty, server::Agent, signal,
    wire::refusal,
};

pub use viewer::serve;

/// As many terminals there may be.
const TERMINALS_MAX: usize = 32;
/// As many may watch one.
const VIEWERS_MAX: usize = 16;
/// What the page with the terminal is.
const TERM: &str = "xterm-256color";
/// The size of a terminal that nobody says one for.
const SIZE: Size = Size {
    columns: 80,
    rows: 24,
    width_px: 0,
    height_px: 0,
};
/// No window is larger; what is shown is kept in memory.
const COLUMNS_MAX: u16 = 1000;
const ROWS_MAX: u16 = 400;
/// How long a program may take to end after its terminal was hung up.
const HANG_UP: Duration = Duration::from_secs(5);
/// After the program of a terminal has ended, what others still write there is shown until they have
/// been silent for this long.
const SILENCE: Duration = Duration::from_secs(1);

/// The terminals of a space.
#[derive(Debug)]
pub struct Terminals {
    by_id: RefCell<BTreeMap<TerminalId, Rc<Terminal>>>,
    last_id: Cell<TerminalId>,
}

/// A terminal with its program.
pub struct Terminal {
    id: TerminalId,
    started: Instant,
    child: Child,
    pty: RefCell<Option<Rc<Pty>>>,
    recording: RefCell<Recording>,
    /// The windows of those who watch.
    windows: RefCell<BTreeMap<u64, Size>>,
    last_window: Cell<u64>,
    exit: RefCell<Option<Exit>>,
    changed: Notify,
    hung_up: Notify,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Terminal({})", self.id)
    }
}

impl Default for Terminals {
    fn default() -> Self {
        // Each start counts from elsewhere: a page that was left open doesn't take a terminal of this
        // start for its own. A billion numbers and more are left.
        let random = RandomState::new().build_hasher().finish();
        let first = u32::try_from(random >> 33).unwrap_or_default();
        Self {
            by_id: RefCell::default(),
            last_id: Cell::new(first),
        }
    }
}

impl Terminals {
    /// All of them, oldest first.
    pub fn list(&self) -> Vec<agent::Terminal> {
        let terminals = self.by_id.borrow();
        terminals.values().map(|it| it.describe()).collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.by_id.borrow().len()
    }

    /// In how many something other than the shell runs.
    pub fn count_busy(&self) -> usize {
        let terminals = self.by_id.borrow();
        terminals.values().filter(|it| it.is_busy()).count()
    }

    fn find(&self, id: TerminalId) -> Result<Rc<Terminal>, Refusal> {
        let terminal = self.by_id.borrow().get(&id).cloned();
        terminal.ok_or_else(|| refusal(RefusalCode::NotFound, format!("there is no terminal {id}")))
    }

    /// Hangs one up.
    pub fn close(&self, id: TerminalId) -> Reply {
        match self.find(id) {
            Ok(terminal) => {
                // Its program may take a while to end; nobody attaches to it meanwhile.
                self.by_id.borrow_mut().remove(&id);
                terminal.hung_up.notify_one();
                Reply::Done(Answer::Begun)
            }
            Err(refusal) => Reply::Refused(refusal),
        }
    }

    /// Makes one, in which the user's shell runs.
    async fn open(self: &Rc<Self>, agent: &Agent, size: Size) -> Result<Rc<Terminal>, Refusal> {
        if self.count() >= TERMINALS_MAX {
            let reason = format!("the space has {TERMINALS_MAX} terminals: close one");
            return Err(refusal(RefusalCode::Busy, reason));
        }
        let size = bounded(size);
        let exec = Exec {
            program: Program::Shell,
            env: vec![("COLORTERM".to_owned(), "truecolor".into())],
            working_dir: None,
            pty: Some(PtyWish {
                term: TERM.to_owned(),
                size,
                modes: Vec::new(),
            }),
        };
        let (child, pty) = start_in_terminal(agent, &exec).await?;
        let id = self.last_id.get() + 1;
        self.last_id.set(id);
        let terminal = Rc::new(Terminal {
            id,
            started: Instant::now(),
            child,
            pty: RefCell::new(Some(Rc::clone(&pty))),
            recording: RefCell::new(Recording::new(size)),
            windows: RefCell::default(),
            last_window: Cell::new(0),
            exit: RefCell::new(None),
            changed: Notify::new(),
            hung_up: Notify::new(),
        });
        self.by_id.borrow_mut().insert(id, Rc::clone(&terminal));
        let (terminals, living) = (Rc::clone(self), Rc::clone(&terminal));
        tokio::task::spawn_local(async move {
            let exit = living.live(pty).await;
            terminals.by_id.borrow_mut().remove(&id);
            living.exit.replace(Some(exit));
            living.changed.notify_waiters();
        });
        Ok(terminal)
    }
}

impl Terminal {
    /// Records what is put out until the program has ended. Returns how.
    async fn live(&self, pty: Rc<Pty>) -> Exit {
        tokio::select! {
            // However reading fails, there is nothing more to read.
            _ = self.record(&pty) => {}
            () = self.hung_up.notified() => {}
        }
        // The kernel hangs up when nobody has the terminal any more.
        drop(pty);
        self.pty.replace(None);
        self.child.signal(Signal::HUP);
        self.child.signal(Signal::CONT);
        let ended = time::timeout(HANG_UP, self.child.ended()).await;
        signal::exit(match ended {
            Ok(status) => status,
            Err(_) => {
                self.child.signal(Signal::KILL);
                self.child.ended().await
            }
        })
    }

    async fn record(&self, pty: &Pty) -> io::Result<()> {
        let mut buffer = vec![0; PAYLOAD_MAX_BYTES];
        loop {
            let silent = async {
                self.child.ended().await;
                time::sleep(SILENCE).await;
            };
            let read = tokio::select! {
                biased;
                read = pty.descriptor().read(&mut buffer) => read?,
                () = silent => 0,
            };
            if read == 0 {
                return Ok(());
            }
            self.recording.borrow_mut().push(&buffer[..read]);
            self.changed.notify_waiters();
        }
    }

    fn describe(&self) -> agent::Terminal {
        let recording = self.recording.borrow();
        agent::Terminal {
            id: self.id,
            title: recording.title().to_owned(),
            size: recording.size(),
            viewers: u32::try_from(self.windows.borrow().len()).unwrap_or(u32::MAX),
            age_seconds: self.started.elapsed().as_secs(),
            busy: self.is_busy(),
            position: 0,
            end: recording.end(),
        }
    }

    /// Whether something other than the shell is in the foreground.
    fn is_busy(&self) -> bool {
        let pty = self.pty.borrow();
        let foreground = pty.as_deref().and_then(Pty::foreground);
        foreground.is_some_and(|group| group != self.child.pid)
    }

    /// Gives the terminal the size of the smallest window.
    fn fit(&self) {
        let windows = self.windows.borrow();
        let Some(size) = smallest(windows.values().copied()) else {
            return;
        };
        self.recording.borrow_mut().resize(size);
        if let Some(pty) = &*self.pty.borrow() {
            // A terminal that is closed has no size any more.
            let _ = pty.resize(size);
        }
        self.changed.notify_waiters();
    }

    /// Waits until there is more to read than in this turn.
    async fn more(&self) {
        self.changed.notified().await;
    }

    /// Waits to write to the program. Where it has none any more, nothing is ever written.
    async fn write(&self, ahead: &mut Ahead) {
        let pty = self.pty.borrow().clone();
        match pty {
            Some(pty) => ahead.write(Some(pty.descriptor())).await,
            None => pending().await,
        }
    }
}

/// The size that fits into all windows; those without a size don't count.
fn smallest(windows: impl Iterator<Item = Size>) -> Option<Size> {
    windows
        .filter(|size| size.columns > 0 && size.rows > 0)
        .map(bounded)
        .reduce(|one, other| {
            if (one.columns, one.rows) == (other.columns, other.rows) {
                return one;
            }
            Size {
                columns: one.columns.min(other.columns),
                rows: one.rows.min(other.rows),
                width_px: 0,
                height_px: 0,
            }
        })
}

fn bounded(size: Size) -> Size {
    if size.columns == 0 || size.rows == 0 {
        return SIZE;
    }
    Size {
        columns: size.columns.min(COLUMNS_MAX),
        rows: size.rows.min(ROWS_MAX),
        ..size
    }
}
