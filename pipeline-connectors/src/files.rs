//! Files of lines.

use std::path::PathBuf;

use pipeline_runtime::Name;
use pipeline_runtime::source::{Flow, Line, Pulled, Source, SourceError};

use crate::reader::{Feed, Input, ReadStats};

/// The lines of files, one file after the other; xz, zstd, gzip and bzip2 are decompressed.
///
/// The compression is told by a file's first bytes, not by its name; archives of several members or frames are read
/// to their end. A line ends with `\n` or `\r\n`, and what stands behind the last of them is a line too. Lines of white
/// space alone count as filtered. A byte order mark or zeros before a line's text are skipped: they are left where files
/// were put together, or where a log was cut shorter under its writer.
///
/// Zeros behind a gzip or bzip2 archive are skipped, members behind them are read, and anything else is ignored with a
/// warning (`tracing`), as `gzip -dc` and `bzip2 -dc` have it.
///
/// A thread of its own, `brigade-files`, reads and decompresses; it starts with the first pull and ends when all is
/// read or the source is dropped.
///
/// # Errors
///
/// None ends the source. Each of these is a failure with its place, and the rest goes on: a file that is missing, may
/// not be read, is a directory, becomes shorter while it is read, is a truncated or corrupt archive, needs more memory
/// to be decompressed than [`decoder_memory`](Files::decoder_memory), or holds no lines, such as a zip or tar archive
/// or UTF-16 text ([`ReadError`](crate::source::ReadError)); a line that is too long or not UTF-8
/// ([`LineError`](crate::source::LineError)).
///
/// # Cancel safety
///
/// A dropped pull loses nothing. What was read ahead is lost only when the source itself is dropped.
///
/// # Examples
///
/// ```
/// # use pipeline_connectors::source;
/// let posts = source::files(["posts-1.ndjson.xz", "posts-2.ndjson"]).line_limit(64 * 1024);
/// let stats = posts.stats();
/// assert_eq!(stats.snapshot().files, 2);
/// ```
pub fn files<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> Files {
    let inputs = paths.into_iter().map(|path| Input::File(path.into()));
    Files(Feed::new("brigade-files", inputs.collect()))
}

/// The source that [`files`] makes.
#[derive(Debug)]
#[must_use = "a source reads nothing until a pipeline pulls from it"]
pub struct Files(Feed);

impl Files {
    /// How long a line may be, in bytes of text. The default is 1 MiB. A longer line is a failure; its bytes are
    /// skipped without being kept.
    pub fn line_limit(mut self, bytes: usize) -> Self {
        self.0.settings.line_limit = bytes;
        self
    }

    /// How many decompressed bytes may be read that have not yet left the pipeline's first stage. The default is
    /// 4 MiB. One line that is longer than this passes alone.
    pub fn byte_bound(mut self, bytes: usize) -> Self {
        self.0.settings.byte_bound = bytes;
        self
    }

    /// How much memory the decoder of a compressed input may use, in bytes: for zstd that is the window, for xz all that
    /// it needs. The default is 2 GiB, which is enough for `zstd --long=31`; only as much is used as an archive asks
    /// for. One that asks for more is a failure that says how much ([`ReadErrorKind::Memory`]).
    ///
    /// [`ReadErrorKind::Memory`]: crate::source::ReadErrorKind::Memory
    pub fn decoder_memory(mut self, bytes: u64) -> Self {
        self.0.settings.decoder_memory = bytes;
        self
    }

    /// A handle that shows how far the source has come.
    #[must_use]
    pub fn stats(&self) -> ReadStats {
        self.0.stats()
    }
}

impl Source for Files {
    type Item = Line;

    async fn pull(&mut self, max: usize, out: &mut Pulled<Line>) -> Result<Flow, SourceError> {
        self.0.pull(max, out).await
    }

    fn name(&self) -> Name {
        "files".into()
    }
}
