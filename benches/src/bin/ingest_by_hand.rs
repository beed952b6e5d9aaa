//! The work of `examples/ingest` as a careful program without a framework does it, in one thread: the same parser, the
//! same cleaning, the same SQL, a transaction for each 1,000 lines. Its speed is compared with the example's.
//!
//! `ingest_by_hand FILE DATABASE`

use std::borrow::Cow;
use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use compact_str::CompactString;
use rusqlite::{Connection, Transaction, params};

#[path = "../../../examples/ingest/clean/mod.rs"]
mod clean;
#[path = "../../../examples/ingest/post/mod.rs"]
mod post;

const TABLES: &str = "
    CREATE TABLE posts (id INTEGER, user TEXT NOT NULL, text TEXT NOT NULL, lang TEXT, created_at TEXT,
        hashtags TEXT NOT NULL, mentions TEXT NOT NULL, links TEXT NOT NULL, PRIMARY KEY (id));
    CREATE TABLE rejects (line INTEGER PRIMARY KEY, why TEXT NOT NULL, raw);
";
const POST: &str = "INSERT INTO posts (id, user, text, lang, created_at, hashtags, mentions, links)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO NOTHING";
const REJECT: &str = "INSERT INTO rejects (line, why, raw) VALUES (?1, ?2, ?3)";

#[derive(Default)]
struct Totals {
    lines: u64,
    rows: u64,
    duplicates: u64,
    filtered: u64,
    rejected: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let [input, database] = &arguments[..] else {
        return Err("usage: ingest_by_hand FILE DATABASE".into());
    };
    let mut database = Connection::open(database)?;
    database.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    database.pragma_update(None, "synchronous", "NORMAL")?;
    database.execute_batch(TABLES)?;

    let mut input = open(input.as_ref())?;
    let mut totals = Totals::default();
    let mut line = Vec::new();
    let mut ended = false;
    while !ended {
        let transaction = database.transaction()?;
        for _ in 0..1_000 {
            line.clear();
            if input.read_until(b'\n', &mut line)? == 0 {
                ended = true;
                break;
            }
            totals.take(line.trim_ascii_end(), &transaction)?;
        }
        transaction.commit()?;
    }
    println!(
        "{} lines = {} new rows + {} duplicates + {} filtered + {} rejected",
        totals.lines, totals.rows, totals.duplicates, totals.filtered, totals.rejected
    );
    Ok(())
}

fn open(path: &Path) -> Result<BufReader<Box<dyn Read>>, Box<dyn Error>> {
    let file = File::open(path)?;
    let decoded: Box<dyn Read> = match path.extension().and_then(|ending| ending.to_str()) {
        Some("xz") => Box::new(liblzma::read::XzDecoder::new(file)),
        Some("zst") => Box::new(zstd::Decoder::new(file)?),
        _ => Box::new(file),
    };
    Ok(BufReader::with_capacity(128 * 1024, decoded))
}

impl Totals {
    fn take(&mut self, line: &[u8], transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        self.lines += 1;
        let parsed = std::str::from_utf8(line)
            .map_err(|error| error.to_string())
            .and_then(|line| post::parse(line).map_err(|error| error.to_string()));
        let post = match parsed {
            Ok(post) => post,
            Err(why) => {
                self.rejected += 1;
                let mut insert = transaction.prepare_cached(REJECT)?;
                insert.execute(params![self.lines, why, line])?;
                return Ok(());
            }
        };
        if !post.has_text() {
            self.filtered += 1;
            return Ok(());
        }
        let clean = clean::normalise(&post.text);
        let inserted = transaction.prepare_cached(POST)?.execute(params![
            post.id,
            post.user.as_str(),
            clean.text,
            post.lang.as_deref(),
            post.created_at.as_deref(),
            json(&clean.hashtags),
            json(&clean.mentions),
            json(&clean.links),
        ])?;
        if inserted > 0 {
            self.rows += 1;
        } else {
            self.duplicates += 1;
        }
        Ok(())
    }
}

fn json(list: &[CompactString]) -> Cow<'static, str> {
    if list.is_empty() {
        return Cow::Borrowed("[]");
    }
    Cow::Owned(serde_json::to_string(list).expect("strings can be written"))
}
