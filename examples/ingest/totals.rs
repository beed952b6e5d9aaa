//! What became of all that was read.

use std::fmt;

use brigade::{BoxError, Report};

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

/// The lines that a pipeline has read, with the inputs that it could not.
pub fn objects(report: &Report) -> u64 {
    report.rows.first().map_or(0, |source| source.r#in)
}

/// The lines that a pipeline has left out.
pub fn filtered(report: &Report) -> u64 {
    report.rows.iter().map(|row| row.filtered).sum()
}

impl Totals {
    pub fn add_up(&self) -> bool {
        self.objects == self.rows + self.duplicates + self.filtered + self.rejected
    }

    /// # Errors
    ///
    /// If nothing could be done, or the counts do not add up.
    pub fn verdict(&self) -> Result<(), BoxError> {
        if !self.add_up() {
            return Err("the counts do not add up, which is a mistake of this program".into());
        }
        if self.objects == 0 && self.broken_inputs > 0 {
            return Err("nothing was read; see above why".into());
        }
        Ok(())
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
