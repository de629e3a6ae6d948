//! Where the log goes: a thread of its own writes it, in batches.
//!
//! So nobody who serves visitors waits for whoever reads the log, and a line costs no system call.
//! What a reader that stands still leaves behind is bounded. Lines beyond that are lost, and their
//! number is the next line that is read.

use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// How long a line may wait for others to be written with it.
const LINGER: Duration = Duration::from_millis(50);
/// So much is written without waiting for more.
const BATCH_BYTES: usize = 64 << 10;
/// What may wait for the reader.
const WAITING_BYTES_MAX: usize = 1 << 20;
/// How long the end of the program waits for the reader.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// A log; clones are the same one.
#[derive(Clone, Debug)]
pub struct Log(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Wakes the thread that writes.
    wanted: Condvar,
    /// Wakes those who wait for it.
    written: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    lost_lines: u64,
    is_writing: bool,
    /// Somebody waits for what is there.
    is_urgent: bool,
}

impl Log {
    /// Starts the thread, which writes to `out` for as long as the program runs.
    ///
    /// # Errors
    ///
    /// When the system refuses a thread.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let log = Self(Arc::default());
        let shared = Arc::clone(&log.0);
        thread::Builder::new()
            .name("edge-log".to_owned())
            .spawn(move || shared.write_to(out))?;
        Ok(log)
    }

    /// Waits until everything is written, but not long for a reader that stands still.
    pub fn flush(&self) {
        let mut state = self.0.lock();
        state.is_urgent = true;
        self.0.wanted.notify_one();
        let waited = self
            .0
            .written
            .wait_timeout_while(state, FLUSH_TIMEOUT, |it| !it.is_all_written());
        drop(waited);
    }
}

impl State {
    const fn is_all_written(&self) -> bool {
        self.waiting.is_empty() && self.lost_lines == 0 && !self.is_writing
    }

    fn add(&mut self, line: &[u8]) {
        if self.waiting.len() + line.len() > WAITING_BYTES_MAX {
            self.lost_lines += 1;
        } else {
            self.waiting.extend_from_slice(line);
        }
    }
}

impl Shared {
    /// Takes in one whole line.
    fn add(&self, line: &[u8]) {
        let mut state = self.lock();
        let before = state.waiting.len();
        state.add(line);
        let is_first = before == 0;
        let is_batch = before < BATCH_BYTES && state.waiting.len() >= BATCH_BYTES;
        drop(state);
        if is_first || is_batch {
            self.wanted.notify_one();
        }
    }

    fn write_to(&self, mut out: impl Write) {
        let mut batch = Vec::new();
        loop {
            let lost = self.next_batch(&mut batch);
            // There is nowhere left to say that the log can't be written.
            let _ = out.write_all(&batch);
            if lost > 0 {
                let _ = writeln!(out, "{lost} lines of the log were lost: they were not read");
            }
            let _ = out.flush();
            batch.clear();
            batch.shrink_to(2 * BATCH_BYTES);
            self.lock().is_writing = false;
            self.written.notify_all();
        }
    }

    /// Waits for lines and then for company, and exchanges what has come with the empty `batch`.
    /// The answer is how many lines were lost behind it.
    fn next_batch(&self, batch: &mut Vec<u8>) -> u64 {
        let state = self
            .wanted
            .wait_while(self.lock(), |it| it.waiting.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = self
            .wanted
            .wait_timeout_while(state, LINGER, |it| {
                it.waiting.len() < BATCH_BYTES && !it.is_urgent
            })
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut state.waiting, batch);
        state.is_writing = true;
        state.is_urgent = false;
        std::mem::take(&mut state.lost_lines)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes lines for a log. What is written to it at once is one line.
#[derive(Debug)]
pub struct Lines<'a>(&'a Shared);

impl Write for Lines<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Lines<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Lines(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Reads nothing before it is told to.
    struct Reader {
        may_read: mpsc::Receiver<()>,
        read: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Once nobody tells it any more, it reads everything.
            let _ = self.may_read.recv();
            let _ = self.read.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn open() -> (Log, mpsc::Sender<()>, mpsc::Receiver<Vec<u8>>) {
        let (allow, may_read) = mpsc::channel();
        let (read, got) = mpsc::channel();
        let log = Log::start(Reader { may_read, read }).expect("a thread");
        (log, allow, got)
    }

    fn text(got: &mpsc::Receiver<Vec<u8>>) -> String {
        String::from_utf8(got.try_iter().flatten().collect()).expect("text")
    }

    #[test]
    fn whatever_was_logged_is_written_whole_when_the_program_ends() {
        let (log, allow, got) = open();
        drop(allow);
        thread::scope(|scope| {
            for thread in 0..4 {
                let log = &log;
                scope.spawn(move || {
                    for line in 0..1000 {
                        let line = format!("{thread}:{line}\n");
                        log.make_writer().write_all(line.as_bytes()).expect("taken");
                    }
                });
            }
        });
        log.flush();
        let text = text(&got);
        for thread in 0..4 {
            let begin = format!("{thread}:");
            let numbers: Vec<usize> = text
                .lines()
                .filter_map(|line| line.strip_prefix(&begin)?.parse().ok())
                .collect();
            assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_reader_that_stands_still_holds_nobody_up_and_is_told_what_it_missed() {
        let (log, allow, got) = open();
        let line = [b'x'; 1024];
        let write = || log.make_writer().write_all(&line).expect("taken");
        // Once the thread has taken the first line, it stands still until the reader may read.
        write();
        while !log.0.lock().is_writing {
            thread::yield_now();
        }
        let (fitting, lost) = (WAITING_BYTES_MAX / line.len(), 1000);
        for _ in 0..fitting + lost {
            write();
        }
        assert_eq!(log.0.lock().waiting.len(), WAITING_BYTES_MAX);
        assert_eq!(log.0.lock().lost_lines, lost as u64);
        drop(allow);
        log.flush();
        assert!(text(&got).contains(&format!("{lost} lines of the log were lost")));
    }
}
