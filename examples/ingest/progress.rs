//! How far it is, drawn on standard error; nothing is drawn where that is not a terminal.

use std::time::Duration;

use brigade::source;
use indicatif::{ProgressBar, ProgressStyle};

const EVERY: Duration = Duration::from_millis(200);
const WITH_END: &str = "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {msg}, {eta} left";
const WITHOUT_END: &str = "{spinner} {bytes}, {msg}, since {elapsed}";

/// The bar, and what it shows. Clones are the same bar.
#[derive(Clone)]
pub struct Progress(ProgressBar);

impl Progress {
    pub fn new() -> Self {
        Self(ProgressBar::new_spinner().with_style(style(WITHOUT_END)))
    }

    /// Prints a line above the bar.
    pub fn say(&self, line: &str) {
        self.0.suspend(|| eprintln!("{line}"));
    }

    /// Draws, for ever, how far the readers are and how many `records` came of it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn follow(&self, readers: &[source::Progress], records: impl Fn() -> u64) {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            self.draw(readers, records());
        }
    }

    fn draw(&self, readers: &[source::Progress], records: u64) {
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
            "{records} records, {:.0} a second",
            records as f64 / seconds
        ));
    }

    /// Takes the bar off the screen.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well-formed")
}
