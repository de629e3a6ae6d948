//! What apps say, in the log of the space.

use std::{fs::OpenOptions, io, os::unix::fs::OpenOptionsExt};

use rustix::fs::OFlags;

use crate::descriptor::Descriptor;

/// Standard output under its name. Opened by that, it is the agent's alone: to wait for it without
/// blocking changes nothing for the command, which has it, too.
const OUTPUT: &str = "/proc/self/fd/1";
/// A longer line is cut into several. Pipes keep pieces of this size together.
const LINE_MAX_BYTES: usize = 4096;
/// As much is read at once.
const BUFFER_BYTES: usize = 16 << 10;
/// As much of the last line is told.
const WORDS_MAX_CHARACTERS: usize = 200;

/// What is heard of a line before it is logged; it may say how the line is logged instead.
pub type Hear<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Carries lines of one app.
pub struct Log<'a> {
    name: String,
    hear: Hear<'a>,
    /// Where there is nothing that can be waited for, nothing is logged.
    output: Option<Descriptor>,
    line: Vec<u8>,
    last: String,
}

impl<'a> Log<'a> {
    /// The log, for what an app says.
    pub fn open(name: &str, hear: Hear<'a>) -> Self {
        let output = OpenOptions::new()
            .write(true)
            .custom_flags((OFlags::NONBLOCK | OFlags::APPEND).bits().cast_signed())
            .open(OUTPUT)
            .and_then(|output| Descriptor::writer(output.into()));
        Self {
            name: name.to_owned(),
            hear,
            output: output.ok(),
            line: Vec::new(),
            last: String::new(),
        }
    }

    /// The last line that wasn't empty.
    pub fn last_words(&self) -> &str {
        &self.last
    }

    /// Carries what comes until its end.
    pub async fn carry(&mut self, from: &Descriptor) {
        let mut buffer = vec![0; BUFFER_BYTES];
        while let Ok(read) = from.read(&mut buffer).await {
            if read == 0 {
                return;
            }
            self.take(&buffer[..read]).await;
        }
    }

    /// Carries what is there already.
    pub async fn carry_rest(&mut self, from: &Descriptor) {
        let mut buffer = vec![0; BUFFER_BYTES];
        while let Ok(read) = rustix::io::read(from, &mut buffer) {
            if read == 0 {
                break;
            }
            self.take(&buffer[..read]).await;
        }
        self.end_line().await;
    }

    async fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' || self.line.len() + self.name.len() + 3 > LINE_MAX_BYTES {
                self.end_line().await;
            }
            if byte != b'\n' {
                self.line.push(byte);
            }
        }
    }

    async fn end_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        let words = String::from_utf8_lossy(&line);
        if words.trim().is_empty() {
            return;
        }
        let instead = (self.hear)(words.trim());
        let told = instead.as_deref().unwrap_or(words.trim());
        self.last = told.chars().take(WORDS_MAX_CHARACTERS).collect();
        if let Some(instead) = instead {
            line = instead.into_bytes();
        }
        let line = [self.name.as_bytes(), b": ", &line, b"\n"].concat();
        if let Some(output) = &self.output {
            // Nobody can be told that nobody reads the log.
            let _ = write_all(output, &line).await;
        }
    }
}

async fn write_all(to: &Descriptor, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = to.write(bytes).await?;
        bytes = &bytes[written..];
    }
    Ok(())
}
