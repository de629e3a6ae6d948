//! The signals that the agent gets.

use std::io;

use rustix::process::Signal;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// Signals as they come.
#[derive(Debug)]
pub struct Signals(mpsc::Receiver<Signal>);

/// As many that haven't been passed on are kept; the kernel, too, keeps each kind once.
const QUEUE: usize = 8;

impl Signals {
    /// Begins to take those of `kinds` instead of ending by them.
    pub fn take(kinds: &[Signal]) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        for &kind in kinds {
            let mut arriving = signal(SignalKind::from_raw(kind.as_raw()))?;
            let sender = sender.clone();
            tokio::task::spawn_local(async move {
                while arriving.recv().await.is_some() {
                    if sender.send(kind).await.is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Self(receiver))
    }

    /// Hands on each.
    pub async fn each(mut self, mut hand_on: impl FnMut(Signal)) {
        while let Some(signal) = self.0.recv().await {
            hand_on(signal);
        }
    }

    /// Waits for one that asks for an end.
    pub async fn first_that_ends(mut self) {
        while let Some(signal) = self.0.recv().await {
            if matches!(signal, Signal::TERM | Signal::INT | Signal::QUIT) {
                return;
            }
        }
    }
}
