//! Where the lines come from.

use std::fs;
use std::path::PathBuf;

use brigade::source::{self, Files, Line, Stdin, Tcp};
use brigade::{BoxError, Driven, Pipeline};

use crate::args::Args;
use crate::ends::Ends;
use crate::tables::Tables;
use crate::voice::Voice;
use crate::{corpus, job};

/// The inputs that were asked for, at most one of each kind.
pub struct Inputs {
    files: Option<Files>,
    stdin: Option<Stdin>,
    listener: Option<Tcp>,
}

impl Inputs {
    /// Opens what can be opened before anything runs.
    ///
    /// # Errors
    ///
    /// If the port cannot be had, or the corpus not be made. A file that cannot be opened is a failure of its pipeline,
    /// and the others are read.
    pub async fn open(args: &Args, voice: &Voice) -> Result<Self, BoxError> {
        let limit = args.line_limit.get();
        let (dashes, mut paths): (Vec<_>, Vec<_>) = args
            .files
            .iter()
            .cloned()
            .partition(|path| path.as_os_str() == "-");
        let listener = match &args.listen {
            Some(address) => Some(source::tcp(address).line_limit(limit).bind().await?),
            None => None,
        };
        if args.files.is_empty() && listener.is_none() {
            paths.push(made_up(args, voice)?);
        }
        Ok(Self {
            files: (!paths.is_empty()).then(|| source::files(paths).line_limit(limit)),
            stdin: (!dashes.is_empty()).then(|| source::stdin().line_limit(limit)),
            listener,
        })
    }

    /// The address that it listens on.
    pub fn address(&self) -> Option<String> {
        Some(self.listener.as_ref()?.local_addr().to_string())
    }

    /// What shows how far the reading is.
    pub fn readers(&self) -> Vec<source::ReadStats> {
        let files = self.files.as_ref().map(Files::stats);
        files
            .into_iter()
            .chain(self.stdin.as_ref().map(Stdin::stats))
            .collect()
    }

    /// One pipeline for each, into the same tables, and what knows whether all was read.
    pub fn pipelines(self, tables: &Tables, workers: usize) -> (Vec<Pipeline<Driven, Line>>, Ends) {
        let mut ends = Ends::default();
        let mut pipelines = Vec::new();
        if let Some(files) = self.files {
            pipelines.push(job::posts(ends.watch(files), tables, workers));
        }
        if let Some(stdin) = self.stdin {
            pipelines.push(job::posts(ends.watch(stdin), tables, workers));
        }
        if let Some(listener) = self.listener {
            ends.listens(listener.stats());
            pipelines.push(job::posts(listener, tables, workers));
        }
        (pipelines, ends)
    }
}

/// A corpus in the temporary directory, from an earlier run or from now.
fn made_up(args: &Args, voice: &Voice) -> Result<PathBuf, BoxError> {
    let directory = std::env::temp_dir();
    let name = format!("ingest-{}-{}.ndjson.xz", args.generate, args.seed);
    let path = directory.join(&name);
    if !path.exists() && !args.plan {
        voice.say(format!(
            "making up {} of posts: {}",
            args.generate,
            path.display()
        ));
        // Under another name until it is whole.
        let part = directory.join(format!("{}-{name}", std::process::id()));
        corpus::write(&part, args.generate, args.seed)?;
        fs::rename(&part, &path)?;
    }
    Ok(path)
}
