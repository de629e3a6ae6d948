//! The agent's children, and everybody's who lost their parent: process 1 is who they end with.
//!
//! Nothing is missed, because all of it happens in one thread: a child is written down in the turn
//! in which it is started, and who has ended is looked for in another.

use std::{cell::RefCell, collections::HashMap, io, process::Command, rc::Rc};

use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, wait},
};
use tokio::{
    signal::unix::{self, SignalKind},
    sync::{Notify, watch},
};

type Ending = Option<WaitStatus>;

/// The children.
#[derive(Debug, Default)]
pub struct Children {
    running: RefCell<HashMap<Pid, watch::Sender<Ending>>>,
    reaped: Notify,
}

/// A child, which leads a session and so a group of processes of its own.
#[derive(Clone, Debug)]
pub struct Child {
    /// Its number, and that of its group.
    pub pid: Pid,
    ending: watch::Receiver<Ending>,
    children: Rc<Children>,
}

impl Children {
    /// Begins to look for those that have ended, before the first is started.
    pub fn watch() -> io::Result<Rc<Self>> {
        let children = Rc::new(Self::default());
        let mut signals = unix::signal(SignalKind::child())?;
        let reaper = Rc::clone(&children);
        tokio::task::spawn_local(async move {
            while signals.recv().await.is_some() {
                reaper.reap();
            }
        });
        Ok(children)
    }

    /// Starts a child.
    pub fn spawn(self: &Rc<Self>, command: &mut Command) -> io::Result<Child> {
        let child = command.spawn()?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(io::ErrorKind::InvalidData)?;
        let (sender, ending) = watch::channel(None);
        self.running.borrow_mut().insert(pid, sender);
        Ok(Child {
            pid,
            ending,
            children: Rc::clone(self),
        })
    }

    /// Tells of those that have ended. Returns whether others still run.
    fn reap(&self) -> bool {
        let others_run = loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    if let Some(sender) = self.running.borrow_mut().remove(&pid) {
                        sender.send_replace(Some(status));
                    }
                }
                Ok(None) => break true,
                Err(Errno::INTR) => {}
                // There is no child.
                Err(_) => break false,
            }
        };
        self.reaped.notify_waiters();
        others_run
    }

    /// Waits until there is none.
    pub async fn all_ended(&self) {
        // Nothing is missed in between, which is one turn.
        while self.reap() {
            self.reaped.notified().await;
        }
    }
}

impl Child {
    /// Waits until it has ended.
    pub async fn ended(&self) -> WaitStatus {
        let mut ending = self.ending.clone();
        loop {
            if let Some(status) = *ending.borrow_and_update() {
                return status;
            }
            if ending.changed().await.is_err() {
                // Nobody is left to tell; the agent ends, too.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Sends a signal to its group, unless it has ended: its number may be somebody else's by then.
    pub fn signal(&self, signal: Signal) {
        if self.children.running.borrow().contains_key(&self.pid) {
            // A group that is gone needs no signal.
            let _ = kill_process_group(self.pid, signal);
        }
    }
}
