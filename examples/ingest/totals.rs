//! What became of all that was read.

use std::fmt;

/// The count of the lines that were read, and of what they became. `objects` is counted where lines come in, the
/// others where they end: the sum is a check, not a definition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub objects: u64,
    pub rows: u64,
    pub duplicates: u64,
    pub filtered: u64,
    pub rejected: u64,
    /// Inputs that could not be opened, or not read to their end; not lines.
    pub broken_inputs: u64,
}

impl Totals {
    pub fn add_up(&self) -> bool {
        self.objects == self.rows + self.duplicates + self.filtered + self.rejected
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} objects {} {} new rows + {} duplicates + {} filtered + {} rejected",
            self.objects,
            if self.add_up() { '=' } else { '≠' },
            self.rows,
            self.duplicates,
            self.filtered,
            self.rejected
        )?;
        match self.broken_inputs {
            0 => Ok(()),
            1 => write!(f, "; 1 input could not be read to its end"),
            many => write!(f, "; {many} inputs could not be read to their end"),
        }
    }
}
