//! Tables for people.

use std::fmt::Write as _;

/// Columns that are as wide as what is in them; the last one may be of any width.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        let head = head.iter().map(|name| (*name).to_owned());
        Self {
            rows: vec![head.collect()],
        }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().map(|cell| plain(&cell));
        self.rows.push(cells.collect());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let columns = self.rows[0].len();
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or_default()
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        let line = |row: &Vec<String>| {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let written = write!(line, "{cell:width$}  ");
                debug_assert!(written.is_ok(), "a string takes all that is written");
            }
            line.trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

/// On one line, and without what a terminal would take for a command.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() {
            plain.extend(char.escape_default());
        } else {
            plain.push(char);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them_and_nothing_commands_the_terminal() {
        let mut table = Table::new(&["ID", "BODY"]);
        table.row(["order 1".to_owned(), "a\u{1b}[2Jb\nc".to_owned()]);
        table.row(["ü".to_owned(), String::new()]);
        let lines = table.lines();
        assert_eq!(lines, ["ID       BODY", "order 1  a\\u{1b}[2Jb\\nc", "ü"]);
    }
}
