//! How far it is, on standard error, twice a second at first and ever less often.

use std::io::Write as _;
use std::pin::pin;
use std::time::{Duration, Instant};

use brigade::sink::BulkStats;
use brigade::{Budget, Failure, Report, Running};

use crate::memory;

/// Waits for the end of the run, and says meanwhile how far it is.
pub async fn during(
    running: Running,
    stats: &BulkStats,
    budget: &Budget,
) -> Result<Report, Failure> {
    let handle = running.handle();
    let began = Instant::now();
    let mut pause = Duration::from_millis(500);
    let mut running = pin!(running);
    loop {
        tokio::select! {
            ended = &mut running => return ended,
            () = tokio::time::sleep(pause) => {}
        }
        let rows = handle.report().rows;
        let read = rows.first().map_or(0, |row| row.done);
        let text = format!(
            "{:5.1} s: {read} lines read, {} documents written, {} held\n",
            began.elapsed().as_secs_f64(),
            stats.snapshot().written,
            memory::bytes(budget.usage().held)
        );
        // Whoever does not listen holds up nothing.
        let _ = std::io::stderr().write_all(text.as_bytes());
        pause = (pause * 5 / 4).min(Duration::from_secs(10));
    }
}
