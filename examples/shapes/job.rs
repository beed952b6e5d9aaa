//! The pipeline.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use brigade::prelude::*;
use brigade::source::{Input, Line};
use brigade::watch::Page;
use brigade::{BoxError, Budget, Report};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::given::{self, Generated, Given};
use crate::outline;
use crate::progress;

/// So many times its text is what is made of a shape: the text, the points of a ring, and the document. Measured with the
/// largest of the files that the help names, alone: the peak of what was alive over the length of its text.
const WEIGHT: usize = 3;
/// The longest line of a file.
const LINE: usize = 1 << 30;

/// A document that is made already, and its id.
pub struct Document {
    pub key: String,
    pub json: Box<RawValue>,
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

pub type Documents = sink::Elasticsearch<Document>;

/// Where documents go.
pub fn documents(url: &str, index: &str, request: u64) -> Result<Documents, BoxError> {
    let documents = sink::elasticsearch(url)
        .index(index)
        .id(|document: &Document| document.key.clone())
        .max_bytes(usize::try_from(request).unwrap_or(usize::MAX));
    Ok(documents.open()?)
}

/// What moves shapes.
pub struct Moving {
    pub budget: Budget,
    pub workers: usize,
    pub writers: usize,
    pub documents: Documents,
    /// Whether it can be looked at in a browser.
    pub watch: bool,
}

impl Moving {
    pub async fn files(self, paths: Vec<PathBuf>) -> Result<(Report, Vec<String>), BoxError> {
        // What the source itself may have read ahead is small beside the budget; a line that is longer passes alone.
        let files = source::files(paths).line_limit(LINE);
        self.lines(files).await
    }

    pub async fn generated(self, all: Generated) -> Result<(Report, Vec<String>), BoxError> {
        let lines = given::generated(all);
        self.lines(source::iter(lines)).await
    }

    #[cfg(feature = "postgres")]
    pub async fn rows(self, url: &str) -> Result<(Report, Vec<String>), BoxError> {
        self.lines(given::rows::rows(url).await?).await
    }

    /// Moves these shapes; the report, and what failed.
    async fn lines<I>(self, lines: I) -> Result<(Report, Vec<String>), BoxError>
    where
        I: Input<Item: Given>,
    {
        let Self {
            budget,
            workers,
            writers,
            documents,
            watch,
        } = self;
        let stats = documents.stats();
        let input = source::weighed(lines, &budget, |given: &I::Item| WEIGHT * given.bytes());
        let failed = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&failed);
        let errors = sink::each(move |failure: Failure| {
            let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
            notes.push(failure.to_string());
        });
        let running = pipeline! {
            [input, errors]
            map(Given::line),
            filter(|line| given::is_shape(line)),
            :block (workers) map(|line: Line| outline::simplified(line))? with { unordered, name: "simplify" },
            :drive (writers) documents,
        }
        .spawn();
        let watched = if watch {
            let page = Page::new().watch("shapes", &running);
            let served = page.serve("127.0.0.1:0").await?;
            println!("look at it: {}", served.url());
            Some(served)
        } else {
            None
        };
        let report = progress::during(running, &stats, &budget).await?;
        if let Some(watched) = watched {
            watched.stop().await;
        }
        let failed = std::mem::take(&mut *failed.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((report, failed))
    }
}
