//! What is written in one transaction: units of rows, and what becomes of each.

use std::ops::Range;

use super::claims::Claims;
use super::columns::Column;
use super::encode::Encoded;
use crate::table::{Aside, At, Batch, Columns, Item, RowError, TableRow};

/// What is written in one transaction. It knows nothing of the type of the rows, which need not be shared by threads.
pub(super) struct Load<S> {
    pub(super) encoded: Encoded,
    pub(super) units: Vec<Unit<S>>,
}

/// Rows that are written together or not at all.
pub(super) struct Unit<S> {
    at: At,
    pub(super) rows: Range<usize>,
    pub(super) stake: S,
    pub(super) fate: Fate,
}

/// What became of a unit.
#[derive(Debug)]
pub(super) enum Fate {
    /// It is written, unless the transaction fails.
    Open,
    Aside(Aside),
    /// It is refused: the row of it that is at fault, if one is, and why.
    Refused(Option<usize>, String),
}

impl<S> Load<S> {
    pub(super) fn of<R: TableRow>(
        items: &[Item<R>],
        columns: &[Column],
        claims: &impl Claims<Stake = S>,
    ) -> Self
    where
        S: Default,
    {
        let mut encoded = Encoded::new(columns);
        let mut units = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            for (part, rows, stake) in item.units() {
                let first = encoded.rows();
                let (stake, mut fate) = match claims.read(stake) {
                    Ok(stake) => (stake, Fate::Open),
                    Err(problem) => (S::default(), Fate::Refused(None, problem)),
                };
                if let Fate::Open = fate {
                    let mut rows = rows.iter().enumerate();
                    let refused = rows.find_map(|(row, values)| {
                        let problem = encoded.push(columns, values).err()?;
                        Some(Fate::Refused(Some(row), problem))
                    });
                    fate = refused.unwrap_or(fate);
                }
                units.push(Unit {
                    at: (index, part),
                    rows: first..encoded.rows(),
                    stake,
                    fate,
                });
            }
        }
        Self { encoded, units }
    }

    /// Which of these are to be written.
    pub(super) fn open(&self, units: Range<usize>) -> Vec<usize> {
        let is_open = |unit: &usize| matches!(self.units[*unit].fate, Fate::Open);
        units.filter(is_open).collect()
    }

    /// What became of them. The items are those that it was made of.
    pub(super) fn tell<R: TableRow>(self, items: &[Item<R>], names: &Columns) -> Batch {
        let mut batch = Batch::default();
        let rows = items
            .iter()
            .flat_map(|item| item.units().map(|(_, rows, _)| rows));
        for (unit, rows) in self.units.into_iter().zip(rows) {
            match unit.fate {
                Fate::Open => {}
                Fate::Aside(why) => batch.set_aside(unit.at, rows.len(), why),
                Fate::Refused(Some(row), problem) => {
                    let error = RowError::of_row(names, &rows[row], problem);
                    batch.fail(unit.at, 1, error);
                }
                Fate::Refused(None, problem) => {
                    let error = RowError::of_item(&names.table, problem);
                    batch.fail(unit.at, rows.len().max(1), error);
                }
            }
        }
        batch
    }
}
