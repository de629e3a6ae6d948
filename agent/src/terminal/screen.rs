//! What a terminal shows, and the lines that left it above.

use std::{
    collections::VecDeque,
    fmt::Write,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    str,
};

use avt::{Cell, Color, Line, Observation, Observer, Pen};
use spaceport_domain::agent::Size;

use super::scanner::Scanner;

/// As many lines that left the screen are kept,
const LINES_MAX: usize = 10_000;
/// in as many bytes.
const LINES_MAX_BYTES: usize = 2 << 20;
/// What a line takes beside its text.
const LINE_BYTES: usize = size_of::<Above>();

/// The state of a terminal at a position of its output.
pub struct Screen {
    emulator: avt::Terminal,
    scanner: Scanner,
    above: Lines,
    size: Size,
    /// The beginning of a character whose end is yet to come.
    partial: Vec<u8>,
}

/// Lines that left the screen, oldest first.
#[derive(Default)]
struct Lines {
    lines: VecDeque<Above>,
    bytes: usize,
}

/// A line that left the screen.
struct Above {
    /// What draws it.
    drawing: Box<str>,
    columns: usize,
    /// Whether the next line continues it.
    continues: bool,
}

impl Screen {
    /// An empty screen.
    pub fn new(size: Size) -> Self {
        let (columns, rows) = (columns(size), rows(size));
        let emulator = avt::Terminal::new(columns, rows);
        Self {
            emulator: emulator
                .unwrap_or_else(|_| unreachable!("a terminal has at least a column and a row")),
            scanner: Scanner::default(),
            above: Lines::default(),
            size,
            partial: Vec::new(),
        }
    }

    /// Its size.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// Gives it another size.
    pub fn resize(&mut self, size: Size) {
        self.size = size;
        self.outliving(|screen| {
            screen
                .emulator
                .resize_with(columns(size), rows(size), &mut screen.above);
        });
    }

    /// Shows more output.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.scanner.feed(bytes);
        self.outliving(|screen| screen.draw(bytes));
    }

    /// Lets the emulator work. Whatever any program prints gets there, and it is process 1: where the
    /// emulator panics, its picture is lost, and nothing else.
    fn outliving(&mut self, work: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_err() {
            *self = Self {
                scanner: mem::take(&mut self.scanner),
                ..Self::new(self.size)
            };
        }
    }

    fn draw(&mut self, bytes: &[u8]) {
        let joined;
        let bytes = if self.partial.is_empty() {
            bytes
        } else {
            joined = [self.partial.as_slice(), bytes].concat();
            joined.as_slice()
        };
        self.partial.clear();
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.emulator.feed_with(chunk.valid(), &mut self.above);
            if chunk.invalid().is_empty() {
                continue;
            }
            if chunks.peek().is_none() && may_go_on(chunk.invalid()) {
                self.partial.extend_from_slice(chunk.invalid());
            } else {
                self.emulator
                    .feed_with(char::REPLACEMENT_CHARACTER, &mut self.above);
            }
        }
    }

    /// What draws it in a terminal that was just made in the same size.
    pub fn redraw(&self) -> Vec<u8> {
        let mut drawing = Vec::new();
        self.above
            .redraw(columns(self.size), rows(self.size), &mut drawing);
        // Modes first: what the emulator says last is the beginning of a sequence.
        self.scanner.redraw(&mut drawing);
        // Who can't say what is shown shows nothing.
        let shown = catch_unwind(AssertUnwindSafe(|| self.emulator.dump()));
        drawing.extend_from_slice(shown.unwrap_or_default().as_bytes());
        drawing.extend_from_slice(&self.partial);
        drawing
    }
}

/// Whether an end would make a character of it.
fn may_go_on(invalid: &[u8]) -> bool {
    str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none())
}

fn columns(size: Size) -> usize {
    usize::from(size.columns.max(1))
}

fn rows(size: Size) -> usize {
    usize::from(size.rows.max(1))
}

impl Observer for Lines {
    type Output = ();

    fn evicted(&mut self, _: &mut Observation<'_>, line: &Line) {
        self.push(above(line));
    }

    fn end(&mut self, _: &mut Observation<'_>) {}
}

impl Lines {
    fn push(&mut self, line: Above) {
        self.bytes += line.drawing.len() + LINE_BYTES;
        self.lines.push_back(line);
        while self.lines.len() > LINES_MAX || self.bytes > LINES_MAX_BYTES {
            let Some(oldest) = self.lines.pop_front() else {
                return;
            };
            self.bytes -= oldest.drawing.len() + LINE_BYTES;
        }
    }

    /// Draws them, and then moves them up until none is left on the screen.
    fn redraw(&self, columns: usize, rows: usize, into: &mut Vec<u8>) {
        let Some(last) = self.lines.back() else {
            return;
        };
        let mut drawn_rows = 0;
        for line in &self.lines {
            into.extend_from_slice(line.drawing.as_bytes());
            drawn_rows += line.columns.div_ceil(columns).max(1);
            if !line.continues {
                into.extend_from_slice(b"\r\n");
            }
        }
        if last.continues {
            into.extend_from_slice(b"\r\n");
        }
        into.extend_from_slice(format!("\x1b[{rows};1H").as_bytes());
        into.resize(into.len() + drawn_rows.min(rows - 1), b'\n');
        into.extend_from_slice(b"\x1b[H");
    }
}

/// A line as text with its attributes.
fn above(line: &Line) -> Above {
    let shown = |cell: &Cell| cell.char() != ' ' || !cell.pen().is_default();
    let cells = line.cells();
    let length = if line.is_wrapped() {
        cells.len()
    } else {
        cells.iter().rposition(shown).map_or(0, |last| last + 1)
    };
    let mut drawing = String::new();
    let (mut pen, plain) = (Pen::default(), Pen::default());
    // The second half of a wide character has no width and is drawn with the first.
    for cell in cells[..length].iter().filter(|cell| cell.width() > 0) {
        if *cell.pen() != pen {
            pen = *cell.pen();
            attributes(&pen, &mut drawing);
        }
        drawing.push(cell.char());
    }
    if pen != plain {
        drawing.push_str("\x1b[m");
    }
    Above {
        drawing: drawing.into(),
        columns: length,
        continues: line.is_wrapped(),
    }
}

/// The sequence that sets exactly these attributes.
fn attributes(pen: &Pen, into: &mut String) {
    into.push_str("\x1b[0");
    for (is_set, number) in [
        (pen.is_bold(), 1),
        (pen.is_faint(), 2),
        (pen.is_italic(), 3),
        (pen.is_underline(), 4),
        (pen.is_blink(), 5),
        (pen.is_inverse(), 7),
        (pen.is_strikethrough(), 9),
    ] {
        if is_set {
            // Writing to a string can't fail.
            let _ = write!(into, ";{number}");
        }
    }
    for (color, first) in [(pen.foreground(), 38), (pen.background(), 48)] {
        let _ = match color {
            Some(Color::Indexed(index)) => write!(into, ";{first};5;{index}"),
            Some(Color::RGB(rgb)) => write!(into, ";{first};2;{};{};{}", rgb.r, rgb.g, rgb.b),
            None => Ok(()),
        };
    }
    into.push('m');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_emulator_costs_the_picture_alone() {
        let size = Size {
            columns: 20,
            rows: 4,
            ..Size::default()
        };
        let mut screen = Screen::new(size);
        screen.feed(b"\x1b[?2004hbefore");
        screen.outliving(|_| panic!("as the emulator might"));
        screen.feed(b"behind");
        let drawing = String::from_utf8(screen.redraw()).expect("text");
        assert!(drawing.contains("behind"), "{drawing:?}");
        assert!(!drawing.contains("before"), "{drawing:?}");
        assert!(drawing.contains("\x1b[?2004h"), "{drawing:?}");
        assert_eq!(screen.size(), size);
    }
}
