//! How far it is, drawn on standard error; nothing is drawn where that is not a terminal.

use std::pin::pin;
use std::time::Duration;

use brigade::source;
use indicatif::{ProgressBar, ProgressStyle};

use crate::voice::Voice;

const EVERY: Duration = Duration::from_millis(200);
const WITH_END: &str = "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {msg}, {eta} left";
const WITHOUT_END: &str = "{spinner} {bytes}, {msg}, since {elapsed}";
/// Of connections only what they brought is known.
const WITHOUT_BYTES: &str = "{spinner} {msg}, since {elapsed}";

/// Draws, while `work` runs, how far the readers are and how many `objects` came of it.
pub async fn during<W: Future>(
    work: W,
    voice: &Voice,
    readers: &[source::ReadStats],
    objects: impl Fn() -> u64,
) -> W::Output {
    let template = if readers.is_empty() {
        WITHOUT_BYTES
    } else {
        WITHOUT_END
    };
    voice.draw(|bar| bar.set_style(style(template)));
    let mut work = pin!(work);
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            output = &mut work => {
                voice.draw(ProgressBar::finish_and_clear);
                return output;
            }
            _ = ticks.tick() => {
                let readers: Vec<_> = readers.iter().map(source::ReadStats::snapshot).collect();
                let objects = objects();
                voice.draw(move |bar| draw(bar, &readers, objects));
            }
        }
    }
}

fn draw(bar: &ProgressBar, readers: &[source::ReadSnapshot], objects: u64) {
    // Of standard input and of connections nobody knows the end.
    let total: Option<u64> = readers.iter().map(|reader| reader.total).sum();
    if let Some(total) = total.filter(|&total| total > 0)
        && bar.length() != Some(total)
    {
        bar.set_length(total);
        bar.set_style(style(WITH_END));
    }
    bar.set_position(readers.iter().map(|reader| reader.read).sum());
    let seconds = bar.elapsed().as_secs_f64().max(0.001);
    bar.set_message(format!(
        "{objects} objects, {:.0} a second",
        objects as f64 / seconds
    ));
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well-formed")
}
