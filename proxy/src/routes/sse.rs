//! Server-sent events, read as they arrive.
//!
//! The parser of the WHATWG HTML standard (§9.2.6), for streams of which only `event` and `data`
//! matter. It keeps its place between chunks, however they are cut.

/// The longest event that is accepted. A snapshot of a hundred thousand spaces fits.
pub const EVENT_BYTES_MAX: usize = 64 << 20;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its kind; empty when the stream names none.
    pub kind: Vec<u8>,
    /// Its data, lines joined by a line feed.
    pub data: Vec<u8>,
}

/// The event is longer than [`EVENT_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of more than {EVENT_BYTES_MAX} bytes")]
pub struct TooLong;

/// Turns chunks into events.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    /// The last byte was a carriage return: a line feed now belongs to it.
    after_return: bool,
    /// A byte order mark is possible at the very beginning only.
    past_first_line: bool,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Parser {
    /// Reads `chunk` and appends the events it completes to `events`.
    ///
    /// # Errors
    /// An event is too long; the stream can't be read on.
    pub fn push(&mut self, chunk: &[u8], events: &mut Vec<Event>) -> Result<(), TooLong> {
        let mut rest = chunk;
        if self.after_return && !rest.is_empty() {
            self.after_return = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.extend(&rest[..end])?;
            self.end_line(events);
            let returned = rest[end] == b'\r';
            rest = &rest[end + 1..];
            match rest.first() {
                Some(b'\n') if returned => rest = &rest[1..],
                None => self.after_return = returned,
                Some(_) => {}
            }
        }
        self.extend(rest)
    }

    fn extend(&mut self, part: &[u8]) -> Result<(), TooLong> {
        let length = self.event.data.len() + self.line.len() + part.len();
        if length > EVENT_BYTES_MAX {
            return Err(TooLong);
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<Event>) {
        let line = std::mem::take(&mut self.line);
        let mut text = line.as_slice();
        if !self.past_first_line {
            self.past_first_line = true;
            text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        }
        if text.is_empty() {
            self.end_event(events);
        } else {
            self.field(text);
        }
        // The allocation serves the next line, unless it was an exceptional one.
        self.line = line;
        self.line.clear();
        self.line.shrink_to(16 << 10);
    }

    /// A line that begins with a colon is a comment: its field has no name.
    fn field(&mut self, line: &[u8]) {
        let (name, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"event" => value.clone_into(&mut self.event.kind),
            b"data" => {
                if self.has_data {
                    self.event.data.push(b'\n');
                }
                self.has_data = true;
                self.event.data.extend_from_slice(value);
            }
            _ => {}
        }
    }

    /// The standard drops events without data; `event: complete` may come without any, and counts.
    fn end_event(&mut self, events: &mut Vec<Event>) {
        let event = std::mem::take(&mut self.event);
        let had_data = std::mem::take(&mut self.has_data);
        if had_data || !event.kind.is_empty() {
            events.push(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &[u8] =
        b"\xef\xbb\xbf: welcome\n\nevent: next\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\n\
        data:two\rdata\rid: 7\r\r:ping\n\nevent:complete\n\nretry: 5\ndata: tail";

    fn event(kind: &str, data: &str) -> Event {
        Event {
            kind: kind.into(),
            data: data.into(),
        }
    }

    fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
        let (mut parser, mut events) = (Parser::default(), Vec::new());
        for chunk in chunks {
            parser.push(chunk, &mut events).expect("short");
        }
        events
    }

    #[test]
    fn a_stream_is_its_events() {
        let expected = [
            event("next", "{\"a\":\n1}"),
            event("", "two\n"),
            event("complete", ""),
        ];
        assert_eq!(read([STREAM]), expected);
    }

    #[test]
    fn it_does_not_matter_where_the_stream_is_cut() {
        let whole = read([STREAM]);
        for cut in 0..=STREAM.len() {
            let (before, after) = STREAM.split_at(cut);
            assert_eq!(read([before, after]), whole, "cut at {cut}");
            let prefix = read([before]);
            assert_eq!(prefix, whole[..prefix.len()], "prefix of {cut}");
        }
        assert_eq!(read(STREAM.chunks(1)), whole);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let (mut parser, mut events) = (Parser::default(), Vec::new());
        let line = [&b"data: "[..], &vec![b'x'; 1 << 20], b"\n"].concat();
        let refused = (0..80).any(|_| parser.push(&line, &mut events).is_err());
        assert!(refused && events.is_empty());
    }

    proptest! {
        #[test]
        fn events_read_back_whatever_the_chunks(
            data in proptest::collection::vec("[^\r\n]{0,20}", 1..4),
            size in 1_usize..9,
        ) {
            let lines: Vec<_> = data.iter().map(|it| format!("data: {it}\n")).collect();
            let text = format!("event: next\n{}\n", lines.concat());
            let events = read(text.as_bytes().chunks(size));
            prop_assert_eq!(events, vec![event("next", &data.join("\n"))]);
        }

        #[test]
        fn no_bytes_make_the_parser_panic(bytes: Vec<u8>, size in 1_usize..9) {
            let _ = read(bytes.chunks(size));
        }
    }
}
