//! A table of text: the first column to the left, the others to the right.

use std::fmt::{self, Write as _};

pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: Vec<&str>) -> Self {
        Self {
            rows: vec![head.into_iter().map(str::to_owned).collect()],
        }
    }

    /// Adds a row, of as many cells as the head has.
    pub(crate) fn row(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            self.rows
                .iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        for row in &self.rows {
            let mut line = format!("{:<1$}", row[0], width(0));
            for (column, cell) in row.iter().enumerate().skip(1) {
                _ = write!(line, "  {cell:>0$}", width(column));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
