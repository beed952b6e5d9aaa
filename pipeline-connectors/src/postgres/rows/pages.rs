//! Pages of a table: as many rows as fit, by their keys.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedSemaphorePermit;
use tokio_postgres::Client;

use super::begin::read;
use super::page::{Hand, Of};
use super::parts::{Part, RowsPosition};
use super::plan::Plan;
use super::table::{Bounds, Table};
use crate::postgres::answer::answered;
use crate::postgres::error::Failed;

/// How many rows are asked for their keys and sizes at once.
const AHEAD: usize = 1_000;

/// The parts that nobody reads yet.
pub(super) struct Shared(Mutex<VecDeque<usize>>);

impl Shared {
    pub(super) fn new(left: VecDeque<usize>) -> Self {
        Self(Mutex::new(left))
    }

    fn next(&self) -> Option<usize> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        left.pop_front()
    }
}

/// Reads one part after the other, as long as there are any.
pub(super) async fn read_parts(
    plan: &Plan,
    table: &Table,
    (position, shared): (&RowsPosition, &Shared),
    (client, hand): (&Client, &Hand),
) -> Result<(), Failed> {
    while let Some(number) = shared.next() {
        let Some(part) = position.part(number) else {
            continue;
        };
        let mut reader = Reader {
            plan,
            table,
            client,
            hand,
            number,
            part,
        };
        reader.read_part(position).await?;
    }
    Ok(())
}

struct Reader<'a> {
    plan: &'a Plan,
    table: &'a Table,
    client: &'a Client,
    hand: &'a Hand,
    /// That of the part, of which what is read is taken away.
    number: usize,
    part: Part,
}

/// The key of a row, and how many bytes it is.
struct Sized {
    key: Arc<str>,
    bytes: u64,
}

impl Reader<'_> {
    async fn read_part(&mut self, position: &RowsPosition) -> Result<(), Failed> {
        loop {
            let mut turn = self.hand.turn().await;
            let sizes = self.sizes().await?;
            if sizes.is_empty() {
                position.done(self.number);
                return Ok(());
            }
            let is_last = sizes.len() < AHEAD;
            let mut pages = paged(sizes, self.plan.page).peekable();
            while let Some(keys) = pages.next() {
                let ends = is_last && pages.peek().is_none();
                self.read_page(turn, keys, ends).await?;
                if ends {
                    return Ok(());
                }
                turn = self.hand.turn().await;
            }
        }
    }

    async fn sizes(&self) -> Result<Vec<Sized>, Failed> {
        let bounds = Bounds {
            after: self.part.after.as_deref(),
            up_to: self.part.up_to.as_deref(),
        };
        let sql = self.table.sizes(&bounds, AHEAD);
        let rows = answered(self.client.query_typed(&sql, &bounds.values())).await?;
        let sizes = rows.iter().map(|row| {
            let (key, bytes) = (read::<String>(row, 0)?, read::<i64>(row, 1)?);
            Ok(Sized {
                key: key.into(),
                bytes: u64::try_from(bytes).unwrap_or(0),
            })
        });
        sizes.collect()
    }

    async fn read_page(
        &mut self,
        turn: OwnedSemaphorePermit,
        keys: Vec<Arc<str>>,
        is_last: bool,
    ) -> Result<(), Failed> {
        let up_to = keys.last().cloned();
        let bounds = Bounds {
            after: self.part.after.as_deref(),
            up_to: up_to.as_deref(),
        };
        let sql = self.table.rows(&bounds);
        let rows = answered(self.client.query_typed(&sql, &bounds.values())).await?;
        if rows.len() != keys.len() {
            let (rows, keys) = (rows.len(), keys.len());
            return Err(Failed::ours(format!(
                "{rows} rows came for {keys} keys of one snapshot; are there policies or functions that answer differently each time?"
            )));
        }
        self.part.after = up_to;
        let of = Of {
            part: self.number,
            keys: keys.into_iter(),
            is_last,
        };
        self.hand.give(self.plan, turn, rows, Some(of)).await;
        Ok(())
    }
}

/// The keys of each page: no more bytes than that, or one row.
fn paged(sizes: Vec<Sized>, most: u64) -> impl Iterator<Item = Vec<Arc<str>>> {
    let mut sizes = sizes.into_iter().peekable();
    std::iter::from_fn(move || {
        let first = sizes.next()?;
        let (mut keys, mut bytes) = (vec![first.key], first.bytes);
        while let Some(next) = sizes.next_if(|next| bytes.saturating_add(next.bytes) <= most) {
            bytes += next.bytes;
            keys.push(next.key);
        }
        Some(keys)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_what_fits_and_at_least_one_row() {
        let sizes = [5, 5, 1, 20, 3, 8, 11];
        let sized = |(number, bytes): (usize, u64)| Sized {
            key: number.to_string().into(),
            bytes,
        };
        let sizes = sizes.into_iter().enumerate().map(sized).collect();
        let pages: Vec<_> = paged(sizes, 10).map(|keys| keys.join(" ")).collect();
        assert_eq!(pages, ["0 1", "2", "3", "4", "5", "6"]);
    }
}
