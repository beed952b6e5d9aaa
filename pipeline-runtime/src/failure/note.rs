//! What is noted of a failure for who looks on.

use std::time::SystemTime;

use super::{Failure, brief};
use crate::guard;
use crate::latest::FailureNote;

impl<T> Failure<T> {
    /// What it says, in so many words as are kept.
    #[cold]
    pub(crate) fn note_of(&self, number: u64) -> FailureNote {
        let stage = self.stage();
        let place = if stage.file.is_empty() {
            String::new()
        } else {
            format!("{}:{}", stage.file, stage.line)
        };
        let origin = self.origin().map(|origin| {
            let said = guard::call(|| origin.to_string());
            said.unwrap_or_else(guard::Panicked::into_message)
        });
        FailureNote {
            number,
            at: SystemTime::now(),
            stage: stage.path.clone(),
            command: stage.command,
            place,
            cause: brief(self.cause()),
            stack: brief(&self.stack()),
            attempts: self.attempts(),
            frames: self.frames(),
            origin,
            is_aside: self.is_aside(),
        }
    }
}
