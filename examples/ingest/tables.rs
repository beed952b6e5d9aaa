//! stub
use crate::clean::Clean;
use crate::post::Post;
use crate::progress::Progress;
use crate::reject::Reject;
use crate::totals::{self, Totals};
use brigade::sink::{Sink, SinkError, Written};
use brigade::source::Line;
use brigade::{BoxError, Failure, Report};
use std::path::Path;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

pub struct Row {
    id: i64,
    user: String,
    text: String,
    lang: Option<String>,
    created_at: Option<String>,
    hashtags: String,
    mentions: String,
    links: String,
}
impl Row {
    pub fn new(post: Post, clean: Clean) -> Self {
        let json = |list: &[String]| serde_json::Value::from(list).to_string();
        Self {
            id: post.id,
            user: post.user,
            text: clean.text,
            lang: post.lang,
            created_at: post.created_at,
            hashtags: json(&clean.hashtags),
            mentions: json(&clean.mentions),
            links: json(&clean.links),
        }
    }
}
#[derive(Clone)]
pub struct Tables {
    pub posts: Posts,
    pub rejects: Rejects,
}
#[derive(Clone)]
pub struct Posts(Arc<AtomicU64>);
#[derive(Clone)]
pub struct Rejects(Arc<(AtomicU64, AtomicU64)>, Progress);
impl Sink<Vec<Row>> for Posts {
    async fn write(&self, items: Vec<Vec<Row>>) -> Result<Written, SinkError> {
        self.0
            .fetch_add(items.iter().map(|x| x.len() as u64).sum(), Relaxed);
        Ok(Written::all())
    }
}
impl Sink<Failure<Line>> for Rejects {
    async fn write(&self, items: Vec<Failure<Line>>) -> Result<Written, SinkError> {
        for f in items {
            let r = Reject::from(f);
            if r.is_input {
                self.0.1.fetch_add(1, Relaxed);
                self.1
                    .say(&format!("ingest: {}: {}", r.origin.unwrap(), r.why));
            } else {
                self.0.0.fetch_add(1, Relaxed);
            }
        }
        Ok(Written::all())
    }
}
impl Tables {
    pub fn open(_: &Path, progress: Progress) -> Result<Self, BoxError> {
        Ok(Self {
            posts: Posts(Arc::default()),
            rejects: Rejects(Arc::default(), progress),
        })
    }
    pub fn totals<'a>(&self, reports: impl Iterator<Item = &'a Report>) -> Totals {
        let mut totals = Totals {
            rows: self.posts.0.load(Relaxed),
            rejected: self.rejects.0.0.load(Relaxed),
            broken_inputs: self.rejects.0.1.load(Relaxed),
            ..Totals::default()
        };
        for report in reports {
            totals.objects += totals::objects(report);
            totals.filtered += totals::filtered(report);
        }
        totals.objects -= totals.broken_inputs;
        totals
    }
}
impl std::fmt::Display for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stub")
    }
}
