//! The queue inside the process is what every queue promises to be, and queues that are not are found out.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use pipeline_connectors::conformance;
use pipeline_runtime::Name;
use pipeline_runtime::queue::{
    self, Admin, Ask, Attributes, Filter, Memory, MessageInfo, MessageState, Nack, Outgoing, Pause,
    Profile, Queue, QueueError, QueueStats, Receipt, Received, Unsettled,
};

fn memory() -> Memory<String> {
    queue::memory().lease(Duration::from_secs(30))
}

#[tokio::test(start_paused = true)]
async fn the_queue_in_memory_is_what_a_queue_promises() {
    let make = async || {
        let queue = memory();
        (queue.clone(), queue)
    };
    conformance::queue(make, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn the_queue_in_memory_is_what_its_operator_needs() {
    let make = async || {
        let queue = memory();
        (queue.clone(), queue)
    };
    conformance::admin(make).await;
}

/// What a queue does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    AcksNothing,
    AcksAllButTheLast,
    Releases,
    IgnoresDelays,
    NeverExtends,
    TellsNoLostLease,
    TellsWhatIsGoneAsLost,
    LosesTheLast,
    SendsTwice,
    CountsNothing,
    ChangesIds,
    ForgetsGroups,
    ForgetsDedups,
    ForgetsAttributes,
    IgnoresKinds,
    IgnoresPriorities,
    NeverExpires,
    ExpiresNobodyKnows,
    BringsMore,
    NeverWaits,
    LosesWhatWasDropped,
    PausesNobody,
    LosesAtAPause,
    CancelsNothing,
    CancelsOnlyWhatIsReady,
    RetriesNothing,
    PurgesNothing,
    ListsMore,
    ListsAllStates,
    CountsAllAsReady,
    ShowsHalfABody,
    ForgetsErrors,
    ForgetsPriorities,
}

use Fault::*;

#[derive(Clone)]
struct Broken(Memory<String>, Fault);

impl Broken {
    fn is(&self, fault: Fault) -> bool {
        self.1 == fault
    }
}

impl Queue for Broken {
    type Body = String;

    fn name(&self) -> Name {
        self.0.name()
    }

    fn profile(&self) -> Profile {
        self.0.profile()
    }

    async fn receive(&self, ask: Ask) -> Result<Vec<Received<String>>, QueueError> {
        let Ask {
            max, wait, kinds, ..
        } = ask;
        let max = if self.is(BringsMore) { max + 1 } else { max };
        let wait = if self.is(NeverWaits) {
            Duration::ZERO
        } else {
            wait
        };
        let mut ask = Ask::new(max, wait);
        if !self.is(IgnoresKinds) {
            ask.kinds = kinds;
        }
        let mut received = self.0.receive(ask).await?;
        if self.is(LosesWhatWasDropped) && !wait.is_zero() {
            // Nobody gets it for an hour if this is dropped now.
            let receipts: Vec<_> = received
                .iter()
                .map(|message| message.receipt.clone())
                .collect();
            self.0
                .extend(receipts.clone(), Duration::from_secs(3600))
                .await?;
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.0.extend(receipts, self.profile().lease).await?;
        }
        if self.is(CountsNothing) {
            for message in &mut received {
                message.receive_count = 1;
            }
        }
        if self.is(ForgetsPriorities) {
            for message in &mut received {
                message.priority = 0;
            }
        }
        if self.is(ChangesIds) {
            for message in &mut received {
                message.id = Arc::clone(&message.receipt.0);
            }
        }
        Ok(received)
    }

    async fn ack(&self, mut receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        if self.is(AcksNothing) {
            receipts.clear();
        }
        if self.is(AcksAllButTheLast) && receipts.len() > 1 {
            receipts.pop();
        }
        let unsettled = self.0.ack(receipts).await?;
        if self.is(TellsWhatIsGoneAsLost) {
            let lost = |entry: &Unsettled| Unsettled::refused(entry.index(), "lost");
            return Ok(unsettled.iter().map(lost).collect());
        }
        Ok(if self.is(TellsNoLostLease) {
            Vec::new()
        } else {
            unsettled
        })
    }

    async fn nack(
        &self,
        receipts: Vec<Receipt>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        match self.1 {
            Releases => self.0.extend(receipts, Duration::from_secs(3600)).await,
            IgnoresDelays => self.0.nack(receipts, Duration::ZERO).await,
            _ => self.0.nack(receipts, delay).await,
        }
    }

    async fn nack_failed(
        &self,
        nacks: Vec<Nack>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        if self.is(ForgetsErrors) {
            let receipts = nacks.into_iter().map(|nack| nack.receipt);
            return self.0.nack(receipts.collect(), delay).await;
        }
        self.0.nack_failed(nacks, delay).await
    }

    async fn extend(
        &self,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        if self.is(NeverExtends) {
            return Ok(Vec::new());
        }
        self.0.extend(receipts, lease).await
    }

    async fn send(
        &self,
        mut messages: Vec<Outgoing<String>>,
    ) -> Result<Vec<Unsettled>, QueueError> {
        if self.is(LosesTheLast) {
            messages.pop();
        }
        if self.is(SendsTwice) {
            messages.extend(messages.clone());
        }
        if self.is(ForgetsGroups) {
            for message in &mut messages {
                message.group = None;
            }
        }
        if self.is(ForgetsDedups) {
            for message in &mut messages {
                message.dedup = None;
            }
        }
        for message in &mut messages {
            if self.is(IgnoresPriorities) {
                message.priority = 0;
            }
            if self.is(NeverExpires) {
                message.expires = None;
            }
        }
        if self.is(ForgetsAttributes) {
            for message in &mut messages {
                message.attributes = Attributes::new();
            }
        }
        self.0.send(messages).await
    }
}

impl Admin for Broken {
    async fn stats(&self) -> Result<QueueStats, QueueError> {
        let mut stats = self.0.stats().await?;
        if self.is(CountsAllAsReady) {
            let ready = stats.total();
            (stats.ready, stats.delayed, stats.taken, stats.behind) = (ready, 0, 0, 0);
        }
        if self.is(ExpiresNobodyKnows) {
            stats.expired = 0;
        }
        Ok(stats)
    }

    async fn list(&self, filter: Filter, limit: usize) -> Result<Vec<MessageInfo>, QueueError> {
        let limit = limit + usize::from(self.is(ListsMore));
        if self.is(ListsAllStates) {
            return self.0.list(Filter::default(), limit).await;
        }
        self.0.list(filter, limit).await
    }

    async fn get(&self, id: &str) -> Result<Vec<MessageInfo>, QueueError> {
        let mut found = self.0.get(id).await?;
        if self.is(ShowsHalfABody) {
            found = found.into_iter().map(MessageInfo::preview).collect();
        }
        Ok(found)
    }

    async fn cancel(&self, ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        let ready = Filter::default().state(MessageState::Ready);
        let ready = self.0.list(ready, usize::MAX).await?;
        let is_ready = |id: &String| ready.iter().any(|message| message.id == *id);
        match self.1 {
            CancelsNothing => Ok(Vec::new()),
            CancelsOnlyWhatIsReady => {
                let ids = ids.into_iter().filter(is_ready).collect();
                self.0.cancel(ids).await
            }
            _ => self.0.cancel(ids).await,
        }
    }

    async fn retry_now(&self, ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        if self.is(RetriesNothing) {
            return Ok(ids);
        }
        self.0.retry_now(ids).await
    }

    async fn purge(&self) -> Result<u64, QueueError> {
        if self.is(PurgesNothing) {
            return Ok(self.0.stats().await?.total());
        }
        self.0.purge().await
    }

    async fn pause(&self, pause: Pause) -> Result<(), QueueError> {
        match self.1 {
            PausesNobody => return Ok(()),
            LosesAtAPause => _ = self.0.purge().await?,
            _ => {}
        }
        self.0.pause(pause).await
    }

    async fn resume(&self) -> Result<(), QueueError> {
        self.0.resume().await
    }
}

#[tokio::test(start_paused = true)]
async fn all_that_fails_is_named() {
    let make = async || {
        let queue = Broken(memory(), AcksNothing);
        (queue.clone(), queue)
    };
    let checked = AssertUnwindSafe(conformance::queue(make, &[]));
    let panicked = checked.catch_unwind().await.unwrap_err();
    let said = panicked.downcast_ref::<String>().unwrap();
    let (first, rest) = said.split_once('\n').unwrap();
    assert!(first.ends_with("checks fail:"), "{said}");
    for named in [
        "sending::what_is_sent_is_delivered_once_and_gone_when_acked: ",
        "batches::large_batches_are_split: ",
    ] {
        assert!(rest.contains(named), "{said}");
    }
    assert!(!rest.contains("empty_batches_are_harmless"), "{said}");
}

macro_rules! is_found_out {
    ($suite:ident; $($name:ident: $fault:ident, $told:literal;)*) => {$(
        #[tokio::test(start_paused = true)]
        #[should_panic(expected = $told)]
        async fn $name() {
            let make = async || {
                let queue = Broken(memory(), $fault);
                (queue.clone(), queue)
            };
            $suite(make).await;
        }
    )*};
}

is_found_out! { queue;
    a_queue_that_acks_nothing_is_found_out: AcksNothing, "the wrong entries fail";
    a_queue_that_acks_a_part_is_found_out: AcksAllButTheLast, "yet it brings";
    a_queue_that_releases_nothing_is_found_out: Releases, "only 0 came";
    a_queue_that_releases_at_once_is_found_out: IgnoresDelays, "later came after";
    a_queue_that_extends_no_lease_is_found_out: NeverExtends, "the wrong entries fail";
    a_queue_that_tells_no_lost_lease_is_found_out: TellsNoLostLease, "the wrong entries fail";
    a_queue_that_tells_what_is_gone_as_lost_is_found_out: TellsWhatIsGoneAsLost, "told as another thing";
    a_queue_that_loses_a_message_is_found_out: LosesTheLast, "right: [";
    a_queue_that_sends_twice_is_found_out: SendsTwice, "yet it brings";
    a_queue_that_counts_no_deliveries_is_found_out: CountsNothing, "left: 1";
    a_queue_that_changes_ids_is_found_out: ChangesIds, "at delivery 1";
    a_queue_that_forgets_groups_is_found_out: ForgetsGroups, "comes beside another of its group";
    a_queue_that_forgets_dedups_is_found_out: ForgetsDedups, "of 1 messages only 0 came";
    a_queue_that_forgets_attributes_is_found_out: ForgetsAttributes, "sending::attributes_are_kept";
    a_queue_that_brings_any_kind_is_found_out: IgnoresKinds, "a kind comes that nobody asked for";
    a_queue_that_has_no_priorities_is_found_out: IgnoresPriorities, "choosing::what_is_more_urgent_comes_first";
    a_queue_that_tells_no_priorities_is_found_out: ForgetsPriorities, "choosing::a_priority_is_told_at_every_delivery";
    a_queue_where_nothing_expires_is_found_out: NeverExpires, "choosing::what_has_expired_does_not_come";
    a_queue_that_brings_more_is_found_out: BringsMore, "a receive of";
    a_queue_that_never_waits_is_found_out: NeverWaits, "was to wait for 1s and waited for 0ns";
    a_queue_that_loses_what_was_dropped_is_found_out: LosesWhatWasDropped, "messages only";
}

async fn queue(make: impl AsyncFn() -> (Broken, Broken)) {
    conformance::queue(make, &[]).await;
}

is_found_out! { admin;
    a_queue_that_pauses_nobody_is_found_out: PausesNobody, "a_paused_queue_gives_nothing_and_loses_nothing: it is paused, yet";
    a_queue_that_loses_at_a_pause_is_found_out: LosesAtAPause, "nothing is lost";
    a_queue_that_cancels_nothing_is_found_out: CancelsNothing, "a_message_that_is_cancelled_never_comes:";
    a_queue_that_cancels_only_what_is_ready_is_found_out: CancelsOnlyWhatIsReady, "who_works_on_a_cancelled_message_is_told:";
    a_queue_that_retries_nothing_is_found_out: RetriesNothing, "1 of 16 checks fail:\nchanging::what_is_delayed_comes_when_it_is_retried_now";
    a_queue_that_purges_nothing_is_found_out: PurgesNothing, "1 of 16 checks fail:\nchanging::a_purge_leaves_nothing";
    a_queue_that_counts_nothing_as_expired_is_found_out: ExpiresNobodyKnows, "1 of 16 checks fail:\ntimes::what_has_expired_is_counted";
    a_queue_that_forgets_errors_is_found_out: ForgetsErrors, "1 of 16 checks fail:\ntimes::why_a_message_has_failed_last_is_shown: it has failed, and nobody knows why";
    a_queue_that_lists_more_is_found_out: ListsMore, "messages_are_listed_in_order_part_after_part: of 10 it lists 11";
    a_queue_that_lists_all_states_is_found_out: ListsAllStates, "messages_are_listed_by_state_and_group: ";
    a_queue_that_counts_all_as_ready_is_found_out: CountsAllAsReady, "ready, delayed, taken, behind";
    a_queue_that_shows_half_a_body_is_found_out: ShowsHalfABody, "1 of 16 checks fail:\nlooking::a_message_is_shown_as_it_is";
}

async fn admin(make: impl AsyncFn() -> (Broken, Broken)) {
    conformance::admin(make).await;
}
