//! Lines of standard input.

use pipeline_runtime::Name;

use pipeline_runtime::source::{Flow, Line, Pulled, Source, SourceError};

use crate::reader::{Feed, Input, ReadStats};

/// The lines of standard input; xz, zstd, gzip and bzip2 are decompressed.
///
/// Lines, compression and failures are those of [`files`](crate::source::files()), with `stdin` as their origin. A line is
/// handed on as soon as it is read. An input that another process has made non-blocking is waited for as any other.
///
/// A thread of its own, `brigade-stdin`, reads; it starts with the first pull. **A read of standard input cannot be
/// interrupted:** when the source is dropped while the thread waits for input, the thread stays until that read
/// returns, hands nothing on, and ends. It does not keep the process from exiting. Nothing else in the process should
/// read standard input meanwhile.
///
/// # Cancel safety
///
/// A dropped pull loses nothing. What was read ahead is lost only when the source itself is dropped.
pub fn stdin() -> Stdin {
    Stdin(Feed::new("brigade-stdin", vec![Input::Stdin]))
}

/// The source that [`stdin`] makes.
#[derive(Debug)]
#[must_use = "a source reads nothing until a pipeline pulls from it"]
pub struct Stdin(Feed);

impl Stdin {
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

    /// A handle that shows how far the source has come. The total is not known.
    #[must_use]
    pub fn stats(&self) -> ReadStats {
        self.0.stats()
    }
}

impl Source for Stdin {
    type Item = Line;

    async fn pull(&mut self, max: usize, out: &mut Pulled<Line>) -> Result<Flow, SourceError> {
        self.0.pull(max, out).await
    }

    fn name(&self) -> Name {
        "stdin".into()
    }
}
