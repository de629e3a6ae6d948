//! Samples, and tables of what they say.

use std::fmt;

/// Measured values, at least one.
#[derive(Clone, Debug, Default)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// Adds a value.
    pub fn push(&mut self, value: f64) {
        let place = self.0.partition_point(|it| *it < value);
        self.0.insert(place, value);
    }

    /// Adds all values of another sample.
    pub fn extend(&mut self, other: &Self) {
        other.0.iter().for_each(|it| self.push(*it));
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value below which `percent` of the values lie: the nearest rank.
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or(f64::NAN)
    }

    /// The value in the middle.
    pub fn median(&self) -> f64 {
        self.percentile(50)
    }

    /// The range that holds the middle half of the values.
    pub fn spread(&self) -> String {
        format!("{:.2}–{:.2}", self.percentile(25), self.percentile(75))
    }
}

/// A table in Markdown, under a title.
#[derive(Debug)]
pub struct Table {
    title: &'static str,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

impl Table {
    /// A table with its headings and no row yet.
    pub fn new(title: &'static str, headings: &[&str]) -> Self {
        Self {
            title,
            rows: vec![headings.iter().map(|&it| it.to_owned()).collect()],
            notes: Vec::new(),
        }
    }

    /// Adds a row, with a cell for each heading.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// Adds a line below the table.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n### {}\n", self.title)?;
        let columns = self.rows.first().map_or(0, Vec::len);
        let cells = |column: usize| self.rows.iter().filter_map(move |row| row.get(column));
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                cells(column)
                    .map(|cell| cell.chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        for (number, row) in self.rows.iter().enumerate() {
            for (cell, width) in row.iter().zip(&widths) {
                write!(f, "| {cell:width$} ")?;
            }
            writeln!(f, "|")?;
            if number == 0 {
                for width in &widths {
                    write!(f, "|{}", "-".repeat(width + 2))?;
                }
                writeln!(f, "|")?;
            }
        }
        for note in &self.notes {
            writeln!(f, "\n{note}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut sample = Sample::default();
        for value in [4.0, 1.0, 3.0, 2.0] {
            sample.push(value);
        }
        let found = [1, 25, 50, 75, 99].map(|it| sample.percentile(it).to_string());
        assert_eq!(found, ["1", "1", "2", "3", "4"]);
        assert_eq!(sample.spread(), "1.00–3.00");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new("T", &["a", "b"]);
        table.row(["ä–ö".to_owned(), "1".to_owned()]);
        assert_eq!(
            table.to_string(),
            "\n### T\n\n| a   | b |\n|-----|---|\n| ä–ö | 1 |\n"
        );
    }
}
