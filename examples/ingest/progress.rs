//! How far it is, drawn on standard error; nothing is drawn where that is not a terminal.

use std::pin::pin;
use std::time::Duration;

use brigade::source;
use indicatif::{ProgressBar, ProgressStyle};

const EVERY: Duration = Duration::from_millis(200);
const WITH_END: &str = "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {msg}, {eta} left";
const WITHOUT_END: &str = "{spinner} {bytes}, {msg}, since {elapsed}";
/// Of connections only what they brought is known.
const WITHOUT_BYTES: &str = "{spinner} {msg}, since {elapsed}";

/// The bar, and what it shows. Clones are the same bar.
#[derive(Clone)]
pub struct Progress(ProgressBar);

impl Progress {
    pub fn new() -> Self {
        Self(ProgressBar::new_spinner())
    }

    /// Prints a line above the bar.
    pub fn say(&self, line: &str) {
        self.0.suspend(|| eprintln!("{line}"));
    }

    /// Draws, while `work` runs, how far the readers are and how many `objects` came of it.
    pub async fn during<W: Future>(
        &self,
        work: W,
        readers: &[source::Progress],
        objects: impl Fn() -> u64,
    ) -> W::Output {
        self.0.set_style(style(if readers.is_empty() {
            WITHOUT_BYTES
        } else {
            WITHOUT_END
        }));
        let mut work = pin!(work);
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                output = &mut work => {
                    self.0.finish_and_clear();
                    return output;
                }
                _ = ticks.tick() => self.draw(readers, objects()),
            }
        }
    }

    fn draw(&self, readers: &[source::Progress], objects: u64) {
        let readers: Vec<_> = readers.iter().map(source::Progress::snapshot).collect();
        // Of standard input and of connections nobody knows the end.
        let total: Option<u64> = readers.iter().map(|reader| reader.total).sum();
        if let Some(total) = total.filter(|&total| total > 0)
            && self.0.length() != Some(total)
        {
            self.0.set_length(total);
            self.0.set_style(style(WITH_END));
        }
        self.0
            .set_position(readers.iter().map(|reader| reader.read).sum());
        let seconds = self.0.elapsed().as_secs_f64().max(0.001);
        self.0.set_message(format!(
            "{objects} objects, {:.0} a second",
            objects as f64 / seconds
        ));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well-formed")
}
