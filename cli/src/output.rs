//! What commands print: tables for people, JSON for programs.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
};

use clap::ValueEnum;
use serde::Serialize;

use crate::failure::Failure;

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns and sentences.
    #[default]
    Table,
    /// One JSON document, or one a line where results keep coming.
    Json,
}

/// Where results go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// How they are printed.
    pub format: Format,
    /// Whether sentences about what was done are left out.
    pub is_quiet: bool,
}

impl Output {
    /// Whether results are JSON.
    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Prints `value` as JSON, or else what `table` makes.
    pub fn show<T: Serialize>(
        self,
        value: &T,
        table: impl FnOnce(&T) -> Table,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Json => json(value),
            Format::Table => write_out(&table(value).to_string()),
        }
    }

    /// Prints `value` as JSON, or else `line`, which is the result itself.
    pub fn result<T: Serialize>(self, value: &T, line: &str) -> Result<(), Failure> {
        match self.format {
            Format::Json => json(value),
            Format::Table => write_out(&format!("{}\n", printable(line))),
        }
    }

    /// Prints `value` as JSON, or else says `sentence`.
    pub fn done<T: Serialize>(self, value: &T, sentence: &str) -> Result<(), Failure> {
        match self.format {
            Format::Json => json(value),
            Format::Table if self.is_quiet => Ok(()),
            Format::Table => write_out(&format!("{}\n", printable(sentence))),
        }
    }

    /// Says something beside the results, on standard error.
    pub fn note(self, sentence: &str) {
        if !self.is_quiet && !self.is_json() {
            eprintln!("{}", printable(sentence));
        }
    }

    /// Whether somebody watches standard error.
    pub fn is_watched(self) -> bool {
        !self.is_quiet && !self.is_json() && io::stderr().is_terminal()
    }
}

/// Prints `value` as one line of JSON.
pub fn json<T: Serialize>(value: &T) -> Result<(), Failure> {
    let line = json_line(value).map_err(|error| Failure::refused("OUTPUT", error.to_string()))?;
    write_out(&(line + "\n"))
}

/// `value` as JSON that steers no terminal: what does is in its strings, where it may be escaped
/// (RFC 8259 §7). All of it is in the Basic Multilingual Plane.
pub fn json_line<T: Serialize>(value: &T) -> serde_json::Result<String> {
    let text = serde_json::to_string(value)?;
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if steers(character) {
            // Writing to a string can't fail.
            let _ = write!(line, "\\u{:04x}", u32::from(character));
        } else {
            line.push(character);
        }
    }
    Ok(line)
}

/// Writes to standard output. Whoever has read enough ends the program in silence, as programs on
/// pipes do.
pub fn write_out(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::program(0)),
        written => written.map_err(|error| Failure::io("standard output", &error)),
    }
}

/// Text without what steers a terminal, or has it show characters in another order.
pub fn printable(text: &str) -> String {
    escaped(text, |it| steers(it) && it != '\n' && it != '\t')
}

/// The same on one line, so that what comes from elsewhere can't pass for a line of ours.
pub fn printable_line(text: &str) -> String {
    escaped(text, steers)
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let characters = text.chars().map(|it| {
        if is_escaped(it) {
            it.escape_default().to_string()
        } else {
            it.to_string()
        }
    });
    characters.collect()
}

/// Control characters, C1 among them, and those that turn text around (UAX #9, §2.1 to §2.5).
fn steers(character: char) -> bool {
    let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns
}

/// Rows below a heading.
#[derive(Clone, Debug)]
pub struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and no rows.
    pub fn new(heading: &[&'static str]) -> Self {
        Self {
            heading: heading.to_vec(),
            rows: Vec::new(),
        }
    }

    /// A table of properties, without a heading.
    pub fn of_properties(rows: Vec<(&'static str, String)>) -> Self {
        let rows = rows.into_iter().filter(|(_, value)| !value.is_empty());
        Self {
            heading: Vec::new(),
            rows: rows
                .map(|(name, value)| vec![name.to_owned(), value])
                .collect(),
        }
    }

    /// Adds a row.
    #[must_use]
    pub fn row(mut self, cells: impl IntoIterator<Item = String>) -> Self {
        self.rows.push(cells.into_iter().collect());
        self
    }

    /// Adds rows.
    #[must_use]
    pub fn rows(self, rows: impl IntoIterator<Item = Vec<String>>) -> Self {
        rows.into_iter().fold(self, Self::row)
    }
}

/// Two spaces between columns; each as wide as its widest cell, the last as wide as it likes.
impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let heading: Vec<String> = self.heading.iter().map(|&it| it.to_owned()).collect();
        let headings = (!heading.is_empty()).then_some(heading);
        let rows: Vec<Vec<String>> = headings
            .into_iter()
            .chain(self.rows.iter().cloned())
            .map(|row| row.iter().map(|cell| one_line(cell)).collect())
            .collect();
        let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                if !line.is_empty() {
                    line.push_str("  ");
                }
                // Writing to a string can't fail.
                let _ = write!(line, "{cell:<width$}");
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn one_line(cell: &str) -> String {
    if cell.is_empty() {
        return "-".to_owned();
    }
    let lines = cell.split(['\n', '\t']).collect::<Vec<_>>();
    printable(&lines.join(" "))
}

/// A number of bytes for people.
pub fn bytes(count: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut scaled = count;
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{scaled:.0} {}", UNITS[unit]),
        _ => format!("{scaled:.1} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let table = Table::new(&["NAME", "STATUS"])
            .row(["a".to_owned(), "RUNNING".to_owned()])
            .row(["a-long-name".to_owned(), String::new()]);
        let expected = "NAME         STATUS\na            RUNNING\na-long-name  -\n";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn nothing_from_elsewhere_steers_the_terminal() {
        let table = Table::new(&["NAME"]).row(["a\u{1b}[2Jb\nc".to_owned()]);
        assert_eq!(table.to_string(), "NAME\na\\u{1b}[2Jb c\n");
        assert_eq!(printable("a\r\u{9b}b\n"), "a\\r\\u{9b}b\n");
        assert_eq!(printable("a\u{202e}b\u{2066}"), "a\\u{202e}b\\u{2066}");
        assert_eq!(printable_line("a\nhint: b\t"), "a\\nhint: b\\t");
    }

    #[test]
    fn json_steers_no_terminal_and_means_the_same() {
        let text = "\u{1b}[2J\u{9b}2J\u{7f}\u{202e}\u{e4}\n";
        let line = json_line(&text).expect("JSON");
        assert!(!line.contains(steers), "{line:?}");
        assert_eq!(serde_json::from_str::<String>(&line).expect("JSON"), text);
    }

    #[test]
    fn bytes_are_rounded_to_a_readable_unit() {
        assert_eq!(bytes(12.0), "12 B");
        assert_eq!(bytes(1536.0), "1.5 KiB");
        assert_eq!(bytes(3.0 * 1024.0 * 1024.0 * 1024.0), "3.0 GiB");
    }
}
