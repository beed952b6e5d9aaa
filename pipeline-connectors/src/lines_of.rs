//! Lines of anything that can be read.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pipeline_runtime::Name;
use pipeline_runtime::source::{Flow, Line, Pulled, Source, SourceError};
use tokio::io::{AsyncRead, ReadBuf};

use crate::lines::{BYTE_BOUND, Block, Budget, Intake, LINE_LIMIT, LastLine, Reserved};

/// How many bytes are read at once.
const READ: usize = 32 * 1024;

/// The lines of what tokio can read: a connection that this program has opened, a Unix socket, a named pipe, the output of
/// a child process. `name` stands in plans, reports and failures.
///
/// A line may arrive in pieces; it ends with `\n` or `\r\n`; blank lines count as filtered. While there is no room under the
/// byte bound nothing is read, which slows down whoever writes at the other end.
///
/// It ends where the reader does, or, if that is not meant to end, breaks there: see [`LinesOf::endless`]. One that is to be
/// opened again is made by [`again`](pipeline_runtime::source::again). Of a listener's connections there is `source::tcp`
/// (feature `tcp`), of files `source::files`, which decompresses, of standard input `source::stdin`.
///
/// # Errors
///
/// A read that fails ends it. A line that is too long, not UTF-8, or cut off by the end is a failure with the name, the
/// line's number and its offset ([`LineError`](crate::source::LineError)); the rest goes on.
///
/// # Cancel safety
///
/// A dropped pull loses nothing. Dropping the source loses what was read and not yet pulled.
///
/// # Examples
///
/// ```no_run
/// # use pipeline_connectors::source::lines_of;
/// # use pipeline_runtime::source;
/// # use std::io;
/// # use tokio::net::TcpStream;
/// let feed = source::again(async |_| {
///     let stream = TcpStream::connect("feed.example.com:7000").await?;
///     Ok::<_, io::Error>(lines_of("feed", stream).endless())
/// });
/// # let _ = feed;
/// ```
pub fn lines_of<R: AsyncRead + Send + 'static>(name: impl Into<Name>, reader: R) -> LinesOf<R> {
    LinesOf {
        name: name.into(),
        reader: Box::pin(reader),
        line_limit: LINE_LIMIT,
        byte_bound: BYTE_BOUND,
        last_line: LastLine::Emit,
        endless: false,
        reading: None,
    }
}

/// The source that [`lines_of`] makes.
#[must_use = "a source reads nothing until a pipeline pulls from it"]
pub struct LinesOf<R> {
    name: Name,
    reader: Pin<Box<R>>,
    line_limit: usize,
    byte_bound: usize,
    last_line: LastLine,
    endless: bool,
    /// `None` before the first pull.
    reading: Option<Reading>,
}

struct Reading {
    intake: Intake,
    budget: Arc<Budget>,
    /// Room for the next read, and the buffer for it.
    room: Option<Reserved>,
    spare: Vec<u8>,
    /// What was read last, as far as it is not used up.
    block: Option<Block>,
}

impl<R> fmt::Debug for LinesOf<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinesOf")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<R> LinesOf<R> {
    /// How long a line may be, in bytes of text. The default is 1 MiB. A longer line is a failure; its bytes are skipped
    /// without being kept.
    pub fn line_limit(mut self, bytes: usize) -> Self {
        self.line_limit = bytes;
        self
    }

    /// How many bytes may be read that have not yet left the pipeline's first stage. The default is 4 MiB. One line that is
    /// longer than this passes alone.
    pub fn byte_bound(mut self, bytes: usize) -> Self {
        self.byte_bound = bytes;
        self
    }

    /// What a last line without a line end is. The default is [`LastLine::Emit`], as in a file.
    pub fn last_line(mut self, last_line: LastLine) -> Self {
        self.last_line = last_line;
        self
    }

    /// The reader is not meant to end: its end is an error that ends the source, and what stands behind the last line end
    /// is a failure. So [`again`](pipeline_runtime::source::again) opens it anew.
    pub fn endless(mut self) -> Self {
        self.endless = true;
        self.last_line = LastLine::Fail;
        self
    }
}

impl Reading {
    fn new(origin: &str, line_limit: usize, byte_bound: usize) -> Self {
        let budget = Budget::new(byte_bound);
        Self {
            intake: Intake::new(origin.into(), line_limit, &budget),
            budget,
            room: None,
            spare: Vec::new(),
            block: None,
        }
    }

    /// Splits what was read.
    fn split(&mut self, full: usize, out: &mut Pulled<Line>) {
        let Some(block) = &mut self.block else { return };
        self.intake.take(block, full, out);
        if block.is_empty()
            && let Some(block) = self.block.take()
        {
            self.spare = block.buffer;
        }
    }

    /// Reads one buffer; whether there was something.
    fn poll_read<R: AsyncRead>(
        &mut self,
        reader: Pin<&mut R>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        if self.room.is_none() {
            self.budget.set_unfinished(self.intake.unfinished());
            let length = self.budget.portion(READ);
            self.room = ready!(self.budget.poll_reserve(cx, length));
        }
        let Some(room) = &mut self.room else {
            return Poll::Ready(Ok(false));
        };
        self.spare.resize(room.bytes(), 0);
        let mut buffer = ReadBuf::new(&mut self.spare);
        ready!(reader.poll_read(cx, &mut buffer))?;
        let filled = buffer.filled().len();
        if filled == 0 {
            return Poll::Ready(Ok(false));
        }
        room.shrink(filled);
        self.block = self.room.take().map(|reserved| Block {
            buffer: std::mem::take(&mut self.spare),
            filled,
            used: 0,
            reserved,
        });
        Poll::Ready(Ok(true))
    }
}

impl<R: AsyncRead + Send + 'static> LinesOf<R> {
    /// The reader has ended: deals with its last line.
    fn end(
        &mut self,
        broken: Option<io::Error>,
        out: &mut Pulled<Line>,
    ) -> Result<Flow, SourceError> {
        let Some(Reading { intake, .. }) = self.reading.take() else {
            return Ok(Flow::End);
        };
        let place = intake.reached();
        if broken.is_none() && self.last_line == LastLine::Emit {
            intake.finish(out);
        } else if let Some(failure) = intake.cut_off() {
            out.fail(failure);
        }
        match broken {
            Some(error) => Err(SourceError::new(error).at(place)),
            None if self.endless => Err(SourceError::new("its other end has closed it").at(place)),
            None => Ok(Flow::End),
        }
    }
}

impl<R: AsyncRead + Send + 'static> Source for LinesOf<R> {
    type Item = Line;

    async fn pull(&mut self, max: usize, out: &mut Pulled<Line>) -> Result<Flow, SourceError> {
        let before = out.len();
        let full = before.saturating_add(max);
        let (line_limit, byte_bound) = (self.line_limit, self.byte_bound);
        loop {
            let reading = self
                .reading
                .get_or_insert_with(|| Reading::new(&self.name, line_limit, byte_bound));
            reading.split(full, out);
            if out.len() > before {
                return Ok(Flow::More);
            }
            let reader = &mut self.reader;
            match poll_fn(|cx| reading.poll_read(reader.as_mut(), cx)).await {
                Ok(true) => {}
                Ok(false) => return self.end(None, out),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.end(Some(error), out),
            }
        }
    }

    fn name(&self) -> Name {
        self.name.clone()
    }
}
