//! The second program, while a run lasts.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use brigade::BoxError;
use tokio::process::Child;
use tokio::time::{Instant, sleep};

use crate::crew::program;
use crate::ledger::Ledger;
use crate::listener::Heard;
use crate::place::{Books, Place, hosts};

/// How often to look what it has heard.
const LOOK: Duration = Duration::from_millis(50);

/// It ends when it is dropped.
pub struct Audience {
    process: Child,
    heard: PathBuf,
    patience: Duration,
}

impl Audience {
    /// Starts it, on the first host if there are several, and waits until it listens.
    pub async fn start(place: &impl Place, patience: Duration) -> Result<Self, BoxError> {
        let mut command = program(place, hosts(place).first(), &["listen"])?;
        let audience = Self {
            process: command.spawn()?,
            heard: place.home().heard(),
            patience,
        };
        audience.until("begin", |heard| heard.begun).await?;
        Ok(audience)
    }

    /// What it has heard, when it knows of all that was told.
    pub async fn finish(mut self, ledger: &Ledger<impl Books>) -> Result<(Heard, u64), BoxError> {
        let told = ledger.told().await?;
        let is_all = |heard: &Heard| heard.all() >= told;
        let heard = self.until("hear all that was told", is_all).await?;
        drop(self.process.stdin.take());
        let status = self.process.wait().await?;
        if !status.success() {
            return Err(format!("who listens ended with {status}").into());
        }
        Ok((heard, told))
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Heard) -> bool) -> Result<Heard, BoxError> {
        let deadline = Instant::now() + self.patience;
        loop {
            let heard: io::Result<Heard> = Heard::read(&self.heard);
            let heard = heard?;
            if is_so(&heard) {
                return Ok(heard);
            }
            if Instant::now() > deadline {
                return Err(format!("who listens does not {what}").into());
            }
            sleep(LOOK).await;
        }
    }
}
