//! Side lines that nothing waits for: each is started with the others, and stopped alone.

use std::sync::Arc;
use std::time::Duration;

use super::{CLEAN_UP, Control, lock};

impl Control {
    /// A side line that nothing waits for.
    pub(crate) fn runs_beside(&self, line: Arc<Control>) {
        lock(&self.beside).push(line);
    }

    /// The side lines that nothing waits for, be they of a side line or of an input.
    fn all_beside(&self) -> Vec<Arc<Control>> {
        let inside = self.others().into_iter();
        let inside = inside.flat_map(|other| other.all_beside());
        lock(&self.beside)
            .clone()
            .into_iter()
            .chain(inside)
            .collect()
    }

    /// Nothing else runs any more: gives the side lines so long to end, then aborts them.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn beside_ended(&self, grace: Duration) {
        let mut lines = self.all_beside();
        lines.retain(|line| !line.aborted());
        let grace = if self.aborted() {
            Duration::ZERO
        } else {
            grace
        };
        let ended = async {
            tasks_ended(&lines).await;
            for line in &lines {
                line.threads_ended().await;
            }
        };
        if lines.is_empty() || self.within(grace, ended).await.is_some() {
            return;
        }
        for line in &lines {
            line.abort();
        }
        // Cancelled at once; what is in the middle of a user's call is not waited for.
        self.within(CLEAN_UP, tasks_ended(&lines)).await;
    }

    /// Of what was aborted, the names of the threads that have not ended.
    pub(crate) fn abandoned(&self) -> Vec<String> {
        if self.aborted() {
            return self.threads();
        }
        let lines = self.all_beside().into_iter();
        let aborted = lines.filter(|line| line.aborted());
        aborted.flat_map(|line| line.threads.running()).collect()
    }
}

async fn tasks_ended(lines: &[Arc<Control>]) {
    for line in lines {
        line.tasks_ended().await;
    }
}
