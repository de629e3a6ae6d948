//! Lines, put together from the pieces in which the engine delivers them.
//!
//! A piece is at most 16 KiB of one stream, with the time before it. It ends a line exactly when
//! it ends in a line feed.

use std::{future::ready, mem};

use bollard::container::LogOutput;
use bytes::Bytes;
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use spaceport_domain::time::Timestamp;

use super::super::{
    super::{LOG_LINE_MAX_BYTES, LogLine, LogStream},
    observe::instant,
};

/// Lines put together from the engine's pieces, until `output` ends or fails.
pub(super) fn assembled(
    output: impl Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send + 'static,
) -> BoxStream<'static, LogLine> {
    let pieces = output
        .take_while(|piece| ready(piece.is_ok()))
        .filter_map(|piece| ready(piece.ok()))
        .map(Some)
        .chain(stream::iter([None]));
    pieces
        .scan(Assembly::default(), |assembly, piece| {
            ready(Some(stream::iter(match piece {
                Some(piece) => assembly.take(piece),
                None => assembly.finish(),
            })))
        })
        .flatten()
        .boxed()
}

/// What has been read of the two streams and isn't a line yet.
#[derive(Default)]
struct Assembly {
    stdout: Partial,
    stderr: Partial,
}

impl Assembly {
    fn take(&mut self, output: LogOutput) -> Vec<LogLine> {
        let (stream, message) = match output {
            LogOutput::StdErr { message } => (LogStream::Stderr, message),
            LogOutput::StdOut { message }
            | LogOutput::StdIn { message }
            | LogOutput::Console { message } => (LogStream::Stdout, message),
        };
        let (at, content) = split_timestamp(&message);
        let partial = match stream {
            LogStream::Stdout => &mut self.stdout,
            LogStream::Stderr => &mut self.stderr,
        };
        partial.at = at.unwrap_or(partial.at);
        let texts = partial.push(content);
        lines(partial.at, stream, texts)
    }

    fn finish(&mut self) -> Vec<LogLine> {
        let mut last = lines(self.stdout.at, LogStream::Stdout, self.stdout.finish());
        last.extend(lines(
            self.stderr.at,
            LogStream::Stderr,
            self.stderr.finish(),
        ));
        last
    }
}

fn lines(at: Timestamp, stream: LogStream, texts: Vec<String>) -> Vec<LogLine> {
    texts
        .into_iter()
        .map(|text| LogLine { at, stream, text })
        .collect()
}

/// The engine puts the time and a space before each piece.
fn split_timestamp(message: &Bytes) -> (Option<Timestamp>, &[u8]) {
    let Some(space) = message.iter().position(|byte| *byte == b' ') else {
        return (None, message);
    };
    match str::from_utf8(&message[..space]) {
        Ok(text) if text.parse::<jiff::Timestamp>().is_ok() => {
            (Some(instant(Some(text))), &message[space + 1..])
        }
        _ => (None, message),
    }
}

/// The beginning of a line.
struct Partial {
    at: Timestamp,
    /// What is decoded of it.
    text: String,
    /// Bytes at its end that may be the first ones of a character.
    undecoded: Vec<u8>,
    /// Whether a piece of this line was delivered, so that an empty rest is not a line.
    continued: bool,
}

impl Default for Partial {
    fn default() -> Self {
        Self {
            at: Timestamp::from_millis(0),
            text: String::new(),
            undecoded: Vec::new(),
            continued: false,
        }
    }
}

impl Partial {
    /// Takes the next bytes of the stream and gives what they complete.
    fn push(&mut self, content: &[u8]) -> Vec<String> {
        let mut done = Vec::new();
        for part in content.split_inclusive(|byte| *byte == b'\n') {
            let (part, ends) = match part.split_last() {
                Some((b'\n', line)) => (line.strip_suffix(b"\r").unwrap_or(line), true),
                _ => (part, false),
            };
            self.decode(part);
            self.cut(&mut done);
            if ends {
                self.end(&mut done);
            }
        }
        done
    }

    /// Gives what is left when the stream ends.
    fn finish(&mut self) -> Vec<String> {
        let mut done = Vec::new();
        if !self.text.is_empty() || !self.undecoded.is_empty() {
            self.end(&mut done);
        }
        done
    }

    fn end(&mut self, done: &mut Vec<String>) {
        let rest = mem::take(&mut self.undecoded);
        self.text.push_str(&String::from_utf8_lossy(&rest));
        self.cut(done);
        if !self.text.is_empty() || !self.continued {
            done.push(mem::take(&mut self.text));
        }
        self.continued = false;
    }

    fn decode(&mut self, bytes: &[u8]) {
        self.undecoded.extend_from_slice(bytes);
        let incomplete = incomplete_end(&self.undecoded);
        let complete = self.undecoded.len() - incomplete;
        let rest = self.undecoded.split_off(complete);
        self.text
            .push_str(&String::from_utf8_lossy(&self.undecoded));
        self.undecoded = rest;
    }

    fn cut(&mut self, done: &mut Vec<String>) {
        while self.text.len() > LOG_LINE_MAX_BYTES {
            let rest = self
                .text
                .split_off(self.text.floor_char_boundary(LOG_LINE_MAX_BYTES));
            done.push(mem::replace(&mut self.text, rest));
            self.continued = true;
        }
    }
}

/// How many bytes at the end of `bytes` may be completed to a character by what follows.
fn incomplete_end(bytes: &[u8]) -> usize {
    match bytes.utf8_chunks().last() {
        Some(chunk) => {
            let invalid = chunk.invalid();
            let is_at_end = bytes.ends_with(invalid) && !invalid.is_empty();
            // `error_len` is absent exactly when the input ended in the middle of a character.
            let ended_early =
                str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if is_at_end && ended_early {
                invalid.len()
            } else {
                0
            }
        }
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const TIME: &str = "2026-01-02T03:04:05.678901234Z";

    fn piece(content: &[u8]) -> LogOutput {
        let mut message = format!("{TIME} ").into_bytes();
        message.extend_from_slice(content);
        LogOutput::StdOut {
            message: message.into(),
        }
    }

    fn read(pieces: &[&[u8]]) -> Vec<String> {
        let mut assembly = Assembly::default();
        let mut lines = Vec::new();
        for content in pieces {
            lines.extend(assembly.take(piece(content)));
        }
        lines.extend(assembly.finish());
        lines.into_iter().map(|line| line.text).collect()
    }

    proptest! {
        #[test]
        fn how_the_engine_cuts_makes_no_difference(
            content in vec(prop_oneof![Just(b'\n'), Just(b'a'), Just(0xc3), Just(0xa9), any::<u8>()], 0..200),
            cut in 1..20_usize,
        ) {
            let pieces: Vec<&[u8]> = content.chunks(cut).collect();
            let whole = String::from_utf8_lossy(&content);
            let mut expected: Vec<&str> = whole.split('\n').collect();
            if expected.last() == Some(&"") {
                expected.pop();
            }
            // A carriage return before the end of a line is only recognised within a piece.
            let lines = read(&pieces);
            let strip = |line: &str| line.trim_end_matches('\r').to_owned();
            prop_assert_eq!(
                lines.iter().map(|line| strip(line)).collect::<Vec<_>>(),
                expected.into_iter().map(strip).collect::<Vec<_>>()
            );
        }

        #[test]
        fn no_line_is_longer_than_promised(
            content in vec(any::<u8>(), 0..64),
            times in 1..2_000_usize,
        ) {
            let long = content.repeat(times);
            let lines = read(&[&long]);
            prop_assert!(lines.iter().all(|line| line.len() <= LOG_LINE_MAX_BYTES));
            if !long.contains(&b'\n') {
                prop_assert_eq!(lines.concat(), String::from_utf8_lossy(&long));
            }
        }
    }

    #[test]
    fn both_streams_keep_their_lines_apart() {
        let mut assembly = Assembly::default();
        assert!(assembly.take(piece(b"out")).is_empty());
        let lines = assembly.take(LogOutput::StdErr {
            message: format!("{TIME} err\n").into(),
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].stream, LogStream::Stderr);
        assert_eq!(lines[0].text, "err");
        assert_eq!(lines[0].at.as_millis() % 1_000, 678);
        assert_eq!(assembly.take(piece(b" put\n"))[0].text, "out put");
    }

    #[test]
    fn an_empty_line_is_a_line() {
        assert_eq!(read(&[b"\n", b"a\n", b"\n"]), ["", "a", ""]);
    }

    #[test]
    fn a_line_of_exactly_the_longest_length_is_one_line() {
        let longest = vec![b'a'; LOG_LINE_MAX_BYTES];
        assert_eq!(read(&[&longest, b"\n"]).len(), 1);
        assert_eq!(read(&[&longest, b"b\n"]).len(), 2);
    }
}
