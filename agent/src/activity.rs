//! What goes on in a space, as far as its agent sees it.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

/// Counts what runs, and remembers when something last happened.
#[derive(Debug)]
pub struct Activity {
    started: Instant,
    last: Cell<Instant>,
    executions: Cell<u32>,
    connections: Cell<u32>,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub enum Counted {
    /// A program that the edge asked for.
    Execution,
    /// A connection to a service of the space.
    Connection,
}

/// Counts for as long as it is kept.
#[derive(Debug)]
pub struct Count {
    activity: Rc<Activity>,
    counted: Counted,
}

impl Activity {
    /// Begins now.
    pub fn begin() -> Rc<Self> {
        let now = Instant::now();
        Rc::new(Self {
            started: now,
            last: Cell::new(now),
            executions: Cell::new(0),
            connections: Cell::new(0),
        })
    }

    /// Somebody typed, or bytes went through.
    pub fn note(&self) {
        self.last.set(Instant::now());
    }

    /// How long the agent has been running.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// For how long nothing has happened.
    pub fn idle(&self) -> Duration {
        self.last.get().elapsed()
    }

    /// Counts one more.
    pub fn count(self: &Rc<Self>, counted: Counted) -> Count {
        let cell = self.cell(counted);
        cell.set(cell.get().saturating_add(1));
        self.note();
        Count {
            activity: Rc::clone(self),
            counted,
        }
    }

    /// How many there are.
    pub fn counted(&self, counted: Counted) -> u32 {
        self.cell(counted).get()
    }

    const fn cell(&self, counted: Counted) -> &Cell<u32> {
        match counted {
            Counted::Execution => &self.executions,
            Counted::Connection => &self.connections,
        }
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        let cell = self.activity.cell(self.counted);
        cell.set(cell.get().saturating_sub(1));
        self.activity.note();
    }
}
