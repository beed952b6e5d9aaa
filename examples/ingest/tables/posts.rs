//! The table of what is well.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use brigade::Name;
use brigade::database::Sqlite;
use brigade::sink::{Binder, Sink, SinkError, Table, TableRow, TableSnapshot, WriteError, Written};
use brigade::{BoxError, Cause};
use compact_str::CompactString;

use crate::clean::Clean;
use crate::post::Post;

/// A row of `posts`; what it points to as JSON.
#[derive(Debug)]
pub struct Posted {
    id: i64,
    user: CompactString,
    text: String,
    lang: Option<CompactString>,
    created_at: Option<CompactString>,
    hashtags: Json,
    mentions: Json,
    links: Json,
    mended: bool,
}

/// Most posts point to nothing, and that is always the same.
type Json = Cow<'static, str>;

/// The row of a post and its cleaned text.
pub fn row(post: Post, clean: Clean) -> Posted {
    Posted {
        id: post.id,
        user: post.user,
        text: clean.text,
        lang: post.lang,
        created_at: post.created_at,
        hashtags: json(&clean.hashtags),
        mentions: json(&clean.mentions),
        links: json(&clean.links),
        mended: post.mended,
    }
}

fn json(list: &[CompactString]) -> Json {
    if list.is_empty() {
        return Cow::Borrowed("[]");
    }
    Cow::Owned(serde_json::to_string(list).expect("strings can be written"))
}

impl TableRow for Posted {
    fn bind(&self, row: &mut Binder<'_>) -> Result<(), BoxError> {
        row.values(&[
            &self.id,
            &self.user.as_str(),
            &self.text,
            &self.lang.as_deref(),
            &self.created_at.as_deref(),
            &self.hashtags,
            &self.mentions,
            &self.links,
        ])
    }
}

/// Table `posts`; a post whose id is there already is left out.
#[derive(Clone)]
pub struct Posts {
    table: Table,
    mended: Arc<AtomicU64>,
}

impl Posts {
    pub fn counts(&self) -> TableSnapshot {
        self.table.stats().snapshot()
    }

    /// In how many posts halves of characters were replaced, known ones among them.
    pub fn mended(&self) -> u64 {
        self.mended.load(Relaxed)
    }

    pub fn open(database: &Sqlite) -> Result<Self, BoxError> {
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
        Ok(Self {
            table: table.key(["id"]).ignore().create().open()?,
            mended: Arc::default(),
        })
    }
}

impl Sink<Vec<Posted>> for Posts {
    /// A row that fails is a reject. A whole transaction that fails ends the run instead: five hundred good posts are
    /// no rejects, and another run will bring them. So does a database that is locked for longer than was asked for.
    async fn write(&self, batches: Vec<Vec<Posted>>) -> Result<Written, SinkError<Vec<Posted>>> {
        let mended = batches.iter().flatten().filter(|post| post.mended).count();
        let written = match self.table.write(batches).await {
            Err(away) if away.is_away() => return Err(SinkError::closed(away.into_error())),
            written => written?,
        };
        // A count for the report, which is made when all has ended.
        self.mended.fetch_add(mended as u64, Relaxed);
        for (_, cause) in written.failures() {
            if let Cause::Error(error) = cause
                && error.is::<WriteError>()
            {
                return Err(SinkError::closed(error.to_string()));
            }
        }
        Ok(written)
    }

    async fn flush(&self) -> Result<(), SinkError<Vec<Posted>>> {
        Sink::<Vec<Posted>>::flush(&self.table).await
    }

    fn name(&self) -> Name {
        Sink::<Vec<Posted>>::name(&self.table)
    }
}
