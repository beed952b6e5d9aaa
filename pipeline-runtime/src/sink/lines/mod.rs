//! Text, a line an item.

mod file;
mod output;

use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::name::Name;

pub use self::file::LinesFile;
pub use self::output::LinesError;
use self::output::Output;
use super::{Sink, SinkError, Written};

/// Writes what each item's `Display` says into a file, and a line feed behind it. The file is made anew when the first
/// items come, or at the end if none do; [`Lines::append`] keeps what is in it.
///
/// All lines of a write go to the system at once, on a thread that may block. A line that was written is in the file if the
/// process dies then; against a power failure there is no promise. An item that contains a line feed, or cannot be shown,
/// fails alone. While the disk is full the pipeline waits and then goes on where it was; a file that cannot be opened or
/// written stops the pipeline.
///
/// With `:drive n` lines stay whole, and their order is that in which the writers come.
///
/// # Examples
///
/// ```
/// # use pipeline_runtime::sink::{self, Sink};
/// # fn takes<T>(_: &impl Sink<T>) {}
/// // pipeline! { [orders] map(|order| serde_json::to_string(&order))?, :drive sink::lines("orders.ndjson").append() }
/// let log = sink::lines("orders.ndjson").append();
/// # takes::<String>(&log);
/// ```
#[must_use]
pub fn lines(path: impl Into<PathBuf>) -> Lines<LinesFile> {
    let file = LinesFile::new(path.into());
    let place = format!("file `{}`", file.path().display());
    Lines::new(file, place)
}

/// The same into any writer, whose `write` is called on a thread that may block, and whose `flush` is called once, at the
/// end of the pipeline. What is in a buffer of the writer's own until then is lost if the process dies, though its items
/// count as written.
///
/// # Examples
///
/// ```
/// # use pipeline_runtime::sink::{self, Sink};
/// # fn takes<T>(_: &impl Sink<T>) {}
/// let printed = sink::lines_to(std::io::stdout());
/// # takes::<u32>(&printed);
/// ```
#[must_use]
pub fn lines_to<W: Write + Send + 'static>(writer: W) -> Lines<W> {
    Lines::new(writer, "writer".into())
}

/// The sink that [`lines`] and [`lines_to`] make.
#[derive(Debug)]
pub struct Lines<W>(Arc<Mutex<Output<W>>>);

impl<W> Lines<W> {
    fn new(writer: W, place: String) -> Self {
        Self(Arc::new(Mutex::new(Output::new(writer, place))))
    }
}

impl Lines<LinesFile> {
    /// Behind what is in the file already.
    #[must_use]
    pub fn append(self) -> Self {
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        output.writer().append();
        drop(output);
        self
    }
}

impl<T, W> Sink<T> for Lines<W>
where
    T: Display + Send + 'static,
    W: Write + Send + 'static,
{
    async fn write(&self, items: Vec<T>) -> Result<Written, SinkError<T>> {
        self.blocking(|output| output.write(items)).await
    }

    async fn flush(&self) -> Result<(), SinkError<T>> {
        self.blocking(|output| output.flush().map_err(output::failed))
            .await
    }

    fn name(&self) -> Name {
        "lines".into()
    }
}

impl<W: Send + 'static> Lines<W> {
    async fn blocking<R: Send + 'static, T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Output<W>) -> Result<R, SinkError<T>> + Send + 'static,
    ) -> Result<R, SinkError<T>> {
        let output = Arc::clone(&self.0);
        let worked = tokio::task::spawn_blocking(move || {
            work(&mut output.lock().unwrap_or_else(PoisonError::into_inner))
        });
        worked
            .await
            .unwrap_or_else(|error| Err(SinkError::closed(error)))
    }
}

#[cfg(test)]
mod tests;
