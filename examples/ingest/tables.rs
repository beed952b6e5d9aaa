//! The two tables: what is written to them, and what that adds up to.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use brigade::sink::{self, Database, Sink, SinkError, Table, Value, WriteError, Written};
use brigade::source::Line;
use brigade::{BoxError, Cause, Failure, Report};

use crate::args::Args;
use crate::clean::Clean;
use crate::post::Post;
use crate::progress::Progress;
use crate::reject::Reject;
use crate::totals::{self, Totals};

/// A row of `posts`: id, user, text, lang, `created_at`; hashtags, mentions and links as JSON.
pub type Row = (
    i64,
    String,
    String,
    Option<String>,
    Option<String>,
    String,
    String,
    String,
);

/// The row of a post and its cleaned text.
pub fn row(post: Post, clean: Clean) -> Row {
    let Post {
        id,
        user,
        lang,
        created_at,
        ..
    } = post;
    let json = |list: Vec<String>| serde_json::Value::from(list).to_string();
    let Clean {
        text,
        hashtags,
        mentions,
        links,
    } = clean;
    (
        id,
        user,
        text,
        lang,
        created_at,
        json(hashtags),
        json(mentions),
        json(links),
    )
}

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
    pub fn open(args: &Args, progress: Progress) -> Result<Self, BoxError> {
        let database = sink::sqlite(args.database())
            .busy_timeout(args.busy_timeout)
            .open()?;
        Ok(Self {
            posts: Posts::open(&database)?,
            rejects: Rejects::open(&database, progress)?,
        })
    }

    /// What became of all that these pipelines have read.
    pub fn totals<'a>(&self, reports: impl Iterator<Item = &'a Report>) -> Totals {
        let posts = self.posts.0.stats().snapshot();
        let mut totals = Totals {
            rows: posts.inserted,
            duplicates: posts.ignored,
            rejected: self.rejects.lines.load(Relaxed),
            broken_inputs: self.rejects.inputs.load(Relaxed),
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
        let (posts, rejects) = (
            self.posts.0.stats().snapshot(),
            self.rejects.table.stats().snapshot(),
        );
        write!(
            f,
            "{} new rows in table posts, {} in table rejects ({} were there before)",
            posts.inserted, rejects.inserted, rejects.ignored
        )
    }
}

/// Table `posts`; a post whose id is there already is left out.
#[derive(Clone)]
pub struct Posts(Table);

impl Posts {
    fn open(database: &Database) -> Result<Self, BoxError> {
        let table = database
            .table("posts")
            .column("id", "INTEGER")
            .column("user", "TEXT NOT NULL")
            .column("text", "TEXT NOT NULL")
            .column("lang", "TEXT")
            .column("created_at", "TEXT")
            .column("hashtags", "TEXT NOT NULL")
            .column("mentions", "TEXT NOT NULL")
            .column("links", "TEXT NOT NULL");
        Ok(Self(table.key(["id"]).ignore().create().open()?))
    }
}

impl Sink<Vec<Row>> for Posts {
    /// A row that fails is a reject. A whole transaction that fails ends the run instead: five hundred good posts are
    /// no rejects, and another run will bring them.
    async fn write(&self, batches: Vec<Vec<Row>>) -> Result<Written, SinkError> {
        let written = self.0.write(batches).await?;
        for (_, cause) in written.failures() {
            if let Cause::Error(error) = cause
                && error.is::<WriteError>()
            {
                return Err(SinkError::closed(error.to_string()));
            }
        }
        Ok(written)
    }

    async fn flush(&self) -> Result<(), SinkError> {
        Sink::<Vec<Row>>::flush(&self.0).await
    }

    fn name(&self) -> &'static str {
        "sqlite"
    }
}

/// Table `rejects`; what is there already is left out.
#[derive(Clone)]
pub struct Rejects {
    table: Table,
    progress: Progress,
    lines: Arc<AtomicU64>,
    inputs: Arc<AtomicU64>,
}

impl Rejects {
    fn open(database: &Database, progress: Progress) -> Result<Self, BoxError> {
        let table = database
            .table("rejects")
            .column("key", "TEXT")
            .column("origin", "TEXT")
            .column("line", "INTEGER")
            .column("offset", "INTEGER")
            .column("stage", "TEXT NOT NULL")
            .column("why", "TEXT NOT NULL")
            .column("raw", "");
        Ok(Self {
            table: table.key(["key"]).ignore().create().open()?,
            progress,
            lines: Arc::default(),
            inputs: Arc::default(),
        })
    }

    /// Lines are counted; an input that is broken is worth a message.
    fn note(&self, reject: &Reject) {
        match &reject.origin {
            Some(origin) if reject.is_input => {
                self.inputs.fetch_add(1, Relaxed);
                self.progress
                    .say(&format!("ingest: {origin}: {}", reject.why));
            }
            _ => {
                self.lines.fetch_add(1, Relaxed);
            }
        }
    }
}

impl Sink<Failure<Line>> for Rejects {
    async fn write(&self, failures: Vec<Failure<Line>>) -> Result<Written, SinkError> {
        let rejects: Vec<_> = failures.into_iter().map(Reject::from).collect();
        rejects.iter().for_each(|reject| self.note(reject));
        self.table
            .write(rejects.into_iter().map(reject_row).collect())
            .await
    }
}

/// A row of `rejects`.
type RejectRow = (
    String,
    Option<String>,
    Option<i64>,
    Option<i64>,
    &'static str,
    String,
    Value,
);

fn reject_row(reject: Reject) -> RejectRow {
    let number = |number: Option<u64>| number.and_then(|number| i64::try_from(number).ok());
    let origin = reject.origin;
    let line = origin.as_ref().and_then(|origin| number(origin.line));
    let offset = origin.as_ref().and_then(|origin| number(origin.offset));
    let origin = origin.map(|origin| origin.name.to_string());
    // As text, if it is text, for the eye of a person.
    let raw = match reject.raw.map(String::from_utf8) {
        None => Value::Null,
        Some(Ok(text)) => Value::Text(text),
        Some(Err(bytes)) => Value::Blob(bytes.into_bytes()),
    };
    (
        reject.key,
        origin,
        line,
        offset,
        reject.stage,
        reject.why,
        raw,
    )
}
