//! What is settled in the transaction of rows.

use std::future::Future;

use pipeline_runtime::sink::{Settles, Stake, Written};
use tokio_postgres::Transaction;

use crate::postgres::error::Failed;
use crate::table::Aside;

/// What a unit may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::postgres) enum Claim {
    /// Its rows are written.
    Ours,
    /// Nothing of it is written. `partly`: something of it is claimed, which has to be undone.
    Aside { why: Aside, partly: bool },
}

impl Claim {
    /// What so many of all parts of a unit are claimed of.
    pub(in crate::postgres) fn of(claimed: usize, all: usize, else_: Aside) -> Self {
        if claimed == all {
            Self::Ours
        } else {
            Self::Aside {
                why: else_,
                partly: claimed > 0,
            }
        }
    }
}

/// Claims what is at stake with units, in the transaction that their rows are written in.
pub(in crate::postgres) trait Claims: Clone + Send + Sync + 'static {
    /// What it settles.
    const SETTLES: Settles;

    /// What is at stake with a unit.
    type Stake: Default + Send + Sync;

    /// What is written begins as this.
    fn written() -> Written;

    /// What is at stake with a unit, or why that cannot be settled here.
    fn read(&self, stake: &Stake) -> Result<Self::Stake, String>;

    /// Settles what can be: by unit.
    fn claim(
        &self,
        transaction: &Transaction<'_>,
        stakes: &[&Self::Stake],
    ) -> impl Future<Output = Result<Vec<Claim>, Failed>> + Send;

    /// The transaction is committed.
    fn committed(&self);
}

/// Of rows with which nothing is at stake.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nothing;

impl Claims for Nothing {
    const SETTLES: Settles = Settles::Nothing;

    type Stake = ();

    fn written() -> Written {
        Written::all()
    }

    fn read(&self, _: &Stake) -> Result<(), String> {
        Ok(())
    }

    async fn claim(&self, _: &Transaction<'_>, stakes: &[&()]) -> Result<Vec<Claim>, Failed> {
        Ok(vec![Claim::Ours; stakes.len()])
    }

    fn committed(&self) {}
}
