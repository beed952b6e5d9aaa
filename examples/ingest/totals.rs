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
    /// Posts in which halves of characters were replaced; they are among the others.
    pub mended: u64,
}

/// The lines that a pipeline has read, with the inputs that it could not.
pub fn objects(report: &Report) -> u64 {
    report.rows.first().map_or(0, |source| source.entered)
}

/// The lines that a pipeline has left out.
pub fn filtered(report: &Report) -> u64 {
    report.rows.iter().map(|row| row.filtered).sum()
}

impl Totals {
    fn ended(&self) -> u64 {
        self.rows + self.duplicates + self.filtered + self.rejected
    }

    /// Lines that were read and ended nowhere: only where the run was cut short.
    pub fn unwritten(&self) -> u64 {
        self.objects.saturating_sub(self.ended())
    }

    /// # Errors
    ///
    /// If the counts do not add up after a run to the end.
    pub fn adds_up(&self) -> Result<(), BoxError> {
        if self.objects != self.ended() {
            return Err("the counts do not add up, which is a mistake of this program".into());
        }
        Ok(())
    }

    /// # Errors
    ///
    /// If an input was not read to its end.
    pub fn all_read(&self) -> Result<(), BoxError> {
        match (self.broken_inputs, self.objects) {
            (0, _) => Ok(()),
            (_, 0) => Err("nothing was read; see above why".into()),
            _ => Err("not every input was read to its end; see above which, and why".into()),
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} objects = {} new rows + {} duplicates + {} filtered + {} rejected",
            self.objects, self.rows, self.duplicates, self.filtered, self.rejected
        )?;
        if self.unwritten() > 0 {
            write!(f, " + {} not written", self.unwritten())?;
        }
        match self.mended {
            0 => {}
            1 => write!(f, "; 1 post was mended")?,
            many => write!(f, "; {many} posts were mended")?,
        }
        match self.broken_inputs {
            0 => Ok(()),
            1 => write!(f, "; 1 input could not be read to its end"),
            many => write!(f, "; {many} inputs could not be read to their end"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Totals;

    const SOUND: Totals = Totals {
        objects: 10,
        rows: 4,
        duplicates: 3,
        filtered: 2,
        rejected: 1,
        broken_inputs: 0,
        mended: 0,
    };

    #[test]
    fn what_adds_up_is_well() {
        assert!(SOUND.adds_up().is_ok() && SOUND.all_read().is_ok());
        assert!(Totals::default().adds_up().is_ok());
    }

    #[test]
    fn a_line_too_few_or_too_many_is_found() {
        for objects in [9, 11] {
            assert!(Totals { objects, ..SOUND }.adds_up().is_err());
        }
    }

    #[test]
    fn an_input_that_was_not_read_to_its_end_is_never_a_success() {
        for sums in [SOUND, Totals::default()] {
            let broken_inputs = 1;
            let broken = Totals {
                broken_inputs,
                ..sums
            };
            assert!(broken.all_read().is_err());
        }
    }

    #[test]
    fn what_was_cut_short_is_said() {
        let said = Totals {
            objects: 12,
            ..SOUND
        }
        .to_string();
        assert!(said.ends_with("1 rejected + 2 not written"), "{said}");
    }
}
