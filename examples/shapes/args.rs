//! What can be asked for.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use clap::Parser;

use crate::given::Generated;

/// Simplifies outlines of countries and writes them into an index of Elasticsearch, within a budget of memory; then reads
/// each back and compares it with where it came from.
#[derive(Debug, Parser)]
#[command(name = "shapes", after_help = AFTER)]
pub struct Args {
    /// Files of GeoJSON with one feature or geometry on each line. Without any, outlines are made up
    #[arg(value_name = "FILES")]
    pub files: Vec<PathBuf>,

    /// A PostgreSQL database with a table `shapes (id bigint PRIMARY KEY, outline text)`, one feature or geometry in each row
    #[cfg(feature = "postgres")]
    #[arg(long, value_name = "URL", conflicts_with = "files")]
    pub postgres: Option<String>,

    /// The server to write to: Elasticsearch, OpenSearch, or what speaks their protocol. Without one, this program starts
    /// itself as one that is often busy
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,

    /// The index to write to; it must not be there yet
    #[arg(long, value_name = "NAME", default_value = "shapes")]
    pub index: String,

    /// How many bytes the shapes may take that are on their way
    #[arg(long, value_name = "BYTES", default_value = "256MiB", value_parser = bytes)]
    pub budget: u64,

    /// The most bytes of a bulk request
    #[arg(long, value_name = "BYTES", default_value = "8MiB", value_parser = bytes)]
    pub request: u64,

    /// Threads that simplify; the default is one for each core
    #[arg(long, value_name = "COUNT")]
    pub workers: Option<NonZeroUsize>,

    /// Requests at the same time
    #[arg(long, value_name = "COUNT", default_value = "2")]
    pub writers: NonZeroUsize,

    /// How many outlines are made up
    #[arg(long, value_name = "COUNT", default_value = "250")]
    pub shapes: usize,

    /// How large they are, compared with real ones
    #[arg(long, value_name = "FACTOR", default_value = "1")]
    pub scale: f64,

    /// One more that is as large as all land of the earth: 147 MB
    #[arg(long)]
    pub giant: bool,

    /// Say where it can be looked at in a browser while it runs
    #[arg(long)]
    pub watch: bool,

    /// Another seed makes up other outlines, and another bad day of the server
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    pub seed: u64,

    /// What this program is when it starts itself
    #[arg(long, hide = true, value_name = "SEED")]
    pub serve: Option<u64>,
}

const AFTER: &str = "\
The outlines of 250 countries, 213 MB, are in the npm package @geo-maps/countries-land-1m, and all land as one of 147 MB in
@geo-maps/earth-lands-1m (`npm pack NAME`, then `package/map.geo.json` in the archive).

Exit status: 0 when each document is what its source says; 1 when one is not, or nothing could be done; 2 for a wrong option.";

/// Where shapes come from.
#[derive(Debug, Clone)]
pub enum From {
    Files(Vec<PathBuf>),
    #[cfg(feature = "postgres")]
    Rows(String),
    Generated(Generated),
}

impl Args {
    pub fn from(&self) -> From {
        #[cfg(feature = "postgres")]
        if let Some(url) = &self.postgres {
            return From::Rows(url.clone());
        }
        if self.files.is_empty() {
            From::Generated(Generated {
                count: self.shapes,
                scale: self.scale,
                giant: self.giant,
                seed: self.seed,
            })
        } else {
            From::Files(self.files.clone())
        }
    }

    pub fn workers(&self) -> usize {
        let cores = || available_parallelism().map_or(1, NonZeroUsize::get);
        self.workers.map_or_else(cores, NonZeroUsize::get)
    }
}

/// `4096`, `64KiB`, `256MiB`, `1GiB`.
fn bytes(text: &str) -> Result<u64, String> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let unit = units.iter().find(|(name, _)| text.ends_with(name));
    let (number, shift) = match unit {
        Some((name, shift)) => (text.trim_end_matches(name), *shift),
        None => (text, 0),
    };
    let number: u64 = number.trim().parse().map_err(|_| HOW.to_owned())?;
    let bytes = number.checked_mul(1 << shift).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| HOW.to_owned())
}

const HOW: &str = "write it as `4096`, `64KiB`, `256MiB` or `1GiB`";
