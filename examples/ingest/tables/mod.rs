//! The two tables: what is written to them, and what that adds up to.

mod posts;
mod rejects;

use std::fmt;

use brigade::database::Sqlite;
use brigade::{BoxError, Report};

use crate::args::Args;
use crate::totals::{self, Totals};
use crate::voice::Voice;

pub use posts::{Posts, row};
pub use rejects::Rejects;

/// A database with both tables. Clones write to the same ones.
#[derive(Clone)]
pub struct Tables {
    pub posts: Posts,
    pub rejects: Rejects,
}

impl Tables {
    /// Opens them, and makes what is not there.
    ///
    /// # Errors
    ///
    /// If this is not a database, or it cannot be written.
    pub fn open(args: &Args, voice: Voice) -> Result<Self, BoxError> {
        let database = Sqlite::at(args.database())
            .busy_timeout(args.busy_timeout)
            .open()?;
        Ok(Self {
            posts: Posts::open(&database)?,
            rejects: Rejects::open(&database, voice)?,
        })
    }

    /// What became of all that these pipelines have read.
    pub fn totals<'a>(&self, reports: impl Iterator<Item = &'a Report>) -> Totals {
        let posts = self.posts.counts();
        let mut totals = Totals {
            rows: posts.inserted,
            duplicates: posts.ignored,
            rejected: self.rejects.lines(),
            broken_inputs: self.rejects.inputs(),
            mended: self.posts.mended(),
            ..Totals::default()
        };
        for report in reports {
            totals.objects += totals::objects(report);
            totals.filtered += totals::filtered(report);
        }
        // The source counts an input that it cannot read as one failed line.
        totals.objects = totals.objects.saturating_sub(totals.broken_inputs);
        totals
    }
}

impl fmt::Display for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (posts, rejects) = (self.posts.counts(), self.rejects.counts());
        write!(
            f,
            "{} new rows in table posts, {} in table rejects ({} were known)",
            posts.inserted, rejects.inserted, rejects.ignored
        )
    }
}
