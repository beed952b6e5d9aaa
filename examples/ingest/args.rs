//! What can be asked for.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use clap::Parser;

use crate::corpus::Size;

/// Reads social-media posts, one JSON object a line, cleans them and writes them into a SQLite database.
///
/// Every line ends as a row of table `posts`, or it is a duplicate of one (the `id` decides), or it has no text and is
/// left out, or it is not a post and goes to table `rejects`, with where it came from and why. At the end the four add
/// up to the lines that were read. Running it again on the same lines adds nothing to either table.
#[derive(Debug, Parser)]
#[command(name = "ingest", after_help = AFTER)]
pub struct Args {
    /// Files of posts, plain or compressed (xz, zstd, gzip, bzip2: told by content, not by name); `-` is standard
    /// input. With no file and no --listen, a corpus of made-up posts is written to the temporary directory and read
    #[arg(value_name = "FILES")]
    pub files: Vec<PathBuf>,

    /// Take posts from TCP connections to this address as well, any number at a time, until a signal
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,

    /// The database; made if it is not there
    #[arg(long, value_name = "FILE", default_value = "posts.db")]
    pub db: PathBuf,

    /// How long to wait while another program holds the database locked
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub busy_timeout: Duration,

    /// Threads that parse and clean; the default is one for each core
    #[arg(long, value_name = "COUNT")]
    pub workers: Option<NonZeroUsize>,

    /// Reject lines that are longer than this
    #[arg(long, value_name = "BYTES", default_value = "1048576")]
    pub line_limit: NonZeroUsize,

    /// After a signal, how long what was taken in may need to be written
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub drain: Duration,

    /// Print what would run, with its threads and bounds, and end
    #[arg(long)]
    pub plan: bool,

    /// The size of the made-up corpus: `50000` lines, or `100MB`, `1GB` before compression
    #[arg(long, value_name = "SIZE", default_value = "100MB", conflicts_with_all = ["files", "listen"])]
    pub generate: Size,

    /// Only write the made-up corpus to this file, compressed if its name ends in `.xz` or `.zst`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "listen"])]
    pub out: Option<PathBuf>,

    /// Another seed makes another corpus
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    pub seed: u64,
}

const AFTER: &str = "\
A post is an object with `id` (a number, or its digits), `user` (a name, or an object with `screen_name`) and `text` or
`full_text`; `lang` and `created_at` are kept where they are text, all else is skipped. Half of an escaped character, which
is left where an emoji was cut in two, becomes U+FFFD, and the post is counted as mended.

Ctrl-C, SIGTERM and SIGHUP take nothing more in, write what is on its way and report; a second signal ends at once.
Work does not wait for whoever reads this program's output; messages that cannot be shown are counted.

Exit status: 0 when every input was read to its end, even if lines of it were rejected; 1 when one was not (it is missing,
truncated, a connection broke) or nothing could be done (the port is in use, the database cannot be written); 2 for a
wrong option; 130, 143 and 129 when Ctrl-C, SIGTERM or SIGHUP came before the end of an input, or while a connection was
open.

Examples:
  ingest                                     made-up posts into posts.db
  ingest posts-*.ndjson.xz --db all.db       files
  zstdcat dump.zst | ingest -                standard input
  ingest --listen 127.0.0.1:7000             connections: ncat 127.0.0.1 7000 < posts.ndjson
  ingest --generate 1GB --out big.ndjson.zst a corpus, to try things on
  sqlite3 posts.db 'select why, count(*) from rejects group by why'";

impl Args {
    /// How many threads parse and clean.
    pub fn workers(&self) -> usize {
        self.workers
            .or(available_parallelism().ok())
            .map_or(1, usize::from)
    }

    /// The database; a plan needs one, but not that one.
    pub fn database(&self) -> &Path {
        if self.plan {
            Path::new(":memory:")
        } else {
            &self.db
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "not a number of seconds")?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::Args;
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_options_are_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn an_unknown_option_is_named() {
        let error = Args::try_parse_from(["ingest", "--lisen", "x"]).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("--lisen") && message.contains("--listen"),
            "{message}"
        );
    }

    #[test]
    fn a_size_has_a_unit_that_is_known() {
        let generate = |size| Args::try_parse_from(["ingest", "--out", "x", "--generate", size]);
        assert!(
            ["5", "5kB", "100MB", "1gb"]
                .iter()
                .all(|size| generate(size).is_ok())
        );
        for wrong in [
            "",
            "GB",
            "5XB",
            "-1",
            "99999999999999999999",
            "99999999999GB",
        ] {
            assert!(generate(wrong).is_err(), "{wrong}");
        }
    }
}
