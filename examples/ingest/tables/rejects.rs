//! The table of what is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use brigade::database::Sqlite;
use brigade::sink::{Sink, SinkError, Table, TableSnapshot, Value, Written};
use brigade::source::Line;
use brigade::{BoxError, Cause, Failure};

use crate::reject::Reject;
use crate::voice::Voice;

/// Table `rejects`; what is there already is left out.
#[derive(Clone)]
pub struct Rejects {
    table: Table,
    voice: Voice,
    lines: Arc<AtomicU64>,
    inputs: Arc<AtomicU64>,
}

impl Rejects {
    /// How many lines were rejected, known ones among them.
    pub fn lines(&self) -> u64 {
        self.lines.load(Relaxed)
    }

    /// How many inputs could not be read to their end.
    pub fn inputs(&self) -> u64 {
        self.inputs.load(Relaxed)
    }

    pub fn counts(&self) -> TableSnapshot {
        self.table.stats().snapshot()
    }

    pub fn open(database: &Sqlite, voice: Voice) -> Result<Self, BoxError> {
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
            voice,
            lines: Arc::default(),
            inputs: Arc::default(),
        })
    }

    /// Lines are counted; an input that is broken is worth a message.
    fn note(&self, reject: &Reject) {
        match &reject.origin {
            Some(origin) if reject.is_input => {
                self.inputs.fetch_add(1, Relaxed);
                self.voice.say(format!("ingest: {origin}: {}", reject.why));
            }
            _ => {
                self.lines.fetch_add(1, Relaxed);
            }
        }
    }
}

impl Sink<Failure<Line>> for Rejects {
    async fn write(
        &self,
        failures: Vec<Failure<Line>>,
    ) -> Result<Written, SinkError<Failure<Line>>> {
        // A place that was away for too long says nothing about the lines: another run brings them.
        if let Some(away) = failures
            .iter()
            .find(|failure| matches!(failure.cause(), Cause::Away(_)))
        {
            return Err(SinkError::closed(away.to_string()));
        }
        let rejects: Vec<_> = failures.iter().map(Reject::from).collect();
        let rows = rejects.iter().cloned().map(reject_row).collect();
        let written = self.table.write(rows).await;
        let written = written.map_err(|error: SinkError<RejectRow>| error.made_of(failures))?;
        for reject in &rejects {
            self.note(reject);
        }
        Ok(written)
    }
}

/// A row of `rejects`.
type RejectRow = (
    String,
    Option<String>,
    Option<i64>,
    Option<i64>,
    String,
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
