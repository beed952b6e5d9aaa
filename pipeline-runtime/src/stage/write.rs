//! One write of a sink, and what came of it.

use crate::failure::BoxError;
use crate::guard;
use crate::place::ErrorKind;
use crate::sink::{Settles, Sink, Stake, Written};

/// What came of one write.
pub(super) enum Wrote<O> {
    /// This became of all of the items.
    All(Written),
    /// This became of the first of them. The others came back: they may be written later.
    Away {
        written: Written,
        left: Vec<O>,
        error: BoxError,
    },
    /// This became of the first of them, which are so many. The sink takes nothing more.
    Closed {
        written: Written,
        count: usize,
        error: BoxError,
    },
    /// The sink is away, and what it was given is gone.
    Lost(BoxError),
}

/// Writes the items, and settles what is at stake with them if the sink does; a panic fails all of them.
pub(super) async fn write<O: Send + 'static, S: Sink<O>>(
    sink: &S,
    items: Vec<O>,
    stakes: Vec<Stake>,
) -> Wrote<O> {
    let count = items.len();
    let writing = async {
        match S::SETTLES {
            Settles::Nothing => sink.write(items).await,
            // None of them is in a trace, or of a task.
            Settles::Names | Settles::Traces if stakes.is_empty() => sink.write(items).await,
            Settles::Tasks
            | Settles::Messages
            | Settles::Names
            | Settles::Traces
            | Settles::HandsOn => sink.settle(items, stakes).await,
        }
    };
    let error = match guard::run(writing).await {
        Ok(Ok(written)) => return Wrote::All(written),
        Ok(Err(error)) => error,
        Err(panicked) => {
            let mut written = Written::all();
            (0..count).for_each(|index| written.panicked(index, panicked.clone()));
            return Wrote::All(written);
        }
    };
    let kind = error.kind();
    let (error, mut written, left) = error.into_parts();
    let before = match left.len() {
        0 => 0,
        left => count.saturating_sub(left),
    };
    written.truncate(before);
    match kind {
        ErrorKind::Closed | ErrorKind::Ended => Wrote::Closed {
            written,
            count: before,
            error,
        },
        ErrorKind::Away if left.is_empty() => Wrote::Lost(error),
        ErrorKind::Away => Wrote::Away {
            written,
            left,
            error,
        },
        _ => {
            written.refuse(before..count, error);
            Wrote::All(written)
        }
    }
}
