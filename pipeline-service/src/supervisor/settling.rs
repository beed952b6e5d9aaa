//! Telling places of ticks and leases what became of them, which may be away: whoever asks something meanwhile is answered.

use futures::FutureExt as _;
use futures::future::join;

use super::meanwhile::{Heard, While};
use super::process::{Settling, Supervisor};
use crate::command::Command;
use crate::core::Phase;

impl<S: Send + Sync + 'static> Supervisor<S> {
    /// The tick that this instance had is done, or somebody else may have it: that is to be told.
    fn lets_go(&mut self) {
        let Some(ticking) = &mut self.ticking else {
            return;
        };
        let (claim, done) = (ticking.claim.take(), ticking.done.take());
        let Some((claim, _)) = claim else {
            return;
        };
        self.is_to_tell(match done {
            Some(until) => claim.done(until).boxed(),
            None => claim.release().boxed(),
        });
    }

    /// Somebody else may lead: that is to be told, too.
    pub(super) fn steps_down(&mut self) {
        if let Some(lead) = self.lead.take() {
            self.is_to_tell(lead.release().boxed());
        }
    }

    fn is_to_tell(&mut self, more: Settling) {
        self.settling = Some(match self.settling.take() {
            Some(before) => join(before, more).map(drop).boxed(),
            None => more,
        });
    }

    /// Tells what is to be told. What is left when something else is to be done is told later.
    pub(super) async fn settles(&mut self, what: While) -> Result<(), Heard> {
        self.lets_go();
        let Some(mut settling) = self.settling.take() else {
            return Ok(());
        };
        let settled = self.meanwhile(&mut settling, what).await;
        if settled.is_err() {
            self.settling = Some(settling);
        }
        settled
    }

    /// The same at the end of the process. What is not told by the end of the service is known by its time.
    pub(super) async fn settles_at_last(&mut self) {
        self.lets_go();
        self.steps_down();
        let Some(mut settling) = self.settling.take() else {
            return;
        };
        loop {
            let phase = *self.phase.borrow_and_update();
            let late = async move {
                match phase {
                    Phase::Running => std::future::pending().await,
                    Phase::Stopping(by) => tokio::time::sleep_until(by).await,
                    Phase::Aborted => {}
                }
            };
            tokio::select! {
                biased;
                () = &mut settling => return,
                _ = self.phase.changed() => {}
                Some(command) = self.inbox.recv() => {
                    if let Command::Ping(reply) = command {
                        let _ = reply.send(Ok(()));
                    }
                }
                () = late => return,
            }
        }
    }
}
