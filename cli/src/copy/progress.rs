//! How far a copy is.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::output::{Output, bytes};

const TEMPLATE: &str = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} {msg}";
const REDRAWS_PER_SECOND: u8 = 10;

/// Counts what has been copied, and shows it to who watches.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    files: AtomicU64,
    bytes: AtomicU64,
}

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Bytes that were sent, without those an earlier attempt had sent.
    pub bytes: u64,
    /// What is neither, and wasn't copied.
    pub skipped: u64,
}

impl Progress {
    /// Begins to count.
    pub fn begin(output: Output) -> Self {
        let bar = if output.is_watched() {
            let target = indicatif::ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND);
            let bar = ProgressBar::with_draw_target(Some(0), target);
            // The template is right; the default one would do as well.
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style);
            }
            bar
        } else {
            ProgressBar::hidden()
        };
        Self {
            bar,
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// There is so much more to copy.
    pub fn expect(&self, bytes: u64) {
        self.bar.inc_length(bytes);
    }

    /// So much was copied.
    pub fn advance(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.bar.inc(bytes);
    }

    /// So much was there already.
    pub fn skip(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// So much of what was counted was in vain, and comes again.
    pub fn take_back(&self, bytes: u64) {
        self.bar
            .set_position(self.bar.position().saturating_sub(bytes));
    }

    /// A file is whole.
    pub fn file_done(&self) {
        let files = self.files.fetch_add(1, Ordering::Relaxed) + 1;
        self.bar.set_message(format!("{files} files"));
    }

    /// Says something without disturbing the bar.
    pub fn note(&self, sentence: &str) {
        let sentence = crate::output::printable_line(sentence);
        self.bar.suspend(|| eprintln!("{sentence}"));
    }

    /// What was copied, beside what `counted` has.
    pub fn end(&self, counted: Copied) -> Copied {
        self.bar.finish_and_clear();
        Copied {
            files: self.files.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            ..counted
        }
    }
}

impl Copied {
    /// The same for a person.
    pub fn sentence(self) -> String {
        let count = |count: u64, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{count} {many}")),
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "a number for people has two digits behind the point"
        )]
        let size = bytes(self.bytes as f64);
        let parts = [
            count(self.files, "file", "files"),
            count(self.directories, "directory", "directories"),
            count(self.symlinks, "link", "links"),
            Some(size),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        format!("Copied {}", parts.join(", "))
    }
}
