//! The table of what is well.

use brigade::sink::{Database, Sink, SinkError, Table, TableSnapshot, WriteError, Written};
use brigade::{BoxError, Cause};

use crate::clean::Clean;
use crate::post::Post;

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

/// Table `posts`; a post whose id is there already is left out.
#[derive(Clone)]
pub struct Posts(Table);

impl Posts {
    pub fn counts(&self) -> TableSnapshot {
        self.0.stats().snapshot()
    }

    pub fn open(database: &Database) -> Result<Self, BoxError> {
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
