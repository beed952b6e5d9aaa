//! A process that runs only where this instance leads.

use super::meanwhile::{Heard, While};
use super::next::Next;
use super::process::Supervisor;
use super::running::Lost;
use crate::lease::{Keeper, Leader};
use crate::status::{Ending, State};

impl<S: Send + Sync + 'static> Supervisor<S> {
    /// What is to be done instead of a run, if a lease was lost, or there is none.
    pub(super) fn may_not_run(&mut self) -> Option<Next> {
        let ticking = self.ticking.as_ref();
        let claim = ticking.and_then(|ticking| ticking.claim.as_ref());
        let is_lost = claim.is_some_and(|(claim, _)| claim.keeper.is_lost());
        (is_lost || !self.may_run()).then(|| self.was_deposed())
    }

    /// Whether it leads, or needs not.
    fn may_run(&self) -> bool {
        match &self.lead {
            Some(lead) => !lead.keeper.is_lost(),
            None => self.of.leader.is_none(),
        }
    }

    /// Waits until it leads.
    pub(super) async fn stand_by(&mut self) -> Next {
        self.lead = None;
        // Of a tick that all instances share another one may begin, now that this one does not lead.
        let ticking = self.ticking.as_mut();
        if let Some(ticking) = ticking.filter(|ticking| ticking.claim.is_some()) {
            ticking.tick = None;
        }
        match self.settles(While::Standby).await {
            Ok(()) => {}
            Err(Heard::Rest) => return Next::Rest(State::Stopped, Ending::Told),
            Err(_) => return Next::Over(State::Stopped),
        }
        let Some(leads) = self.of.leader.as_ref().map(Leader::leads) else {
            return Next::Make;
        };
        let granted = async move { leads.granted().await };
        match self.meanwhile(granted, While::Standby).await {
            Ok(lead) => {
                self.lead = Some(lead);
                // A tick that it has begun with goes on.
                if self.ticking.as_ref().is_some_and(|of| of.tick.is_none()) {
                    Next::Idle
                } else {
                    Next::Make
                }
            }
            Err(Heard::Rest) => Next::Rest(State::Stopped, Ending::Told),
            Err(_) => Next::Over(State::Stopped),
        }
    }

    /// What says that a run may go on no longer.
    pub(super) fn may_be_lost(&self) -> Vec<Lost> {
        let lead = self.lead.as_ref().map(|lead| &lead.keeper);
        let ticking = self.ticking.as_ref();
        let claim = ticking.and_then(|ticking| ticking.claim.as_ref());
        let keepers = lead
            .into_iter()
            .chain(claim.map(|(claim, _)| &claim.keeper));
        keepers.map(Keeper::lost).collect()
    }

    /// A run has ended because a lease was lost. A tick that was another's by then, or soon, is not this one's any more.
    pub(super) fn was_deposed(&mut self) -> Next {
        if let Some(ticking) = &mut self.ticking
            && ticking
                .claim
                .take_if(|(claim, _)| claim.keeper.is_lost())
                .is_some()
        {
            ticking.tick = None;
            if self.may_run() {
                return Next::Idle;
            }
        }
        Next::Standby
    }
}
