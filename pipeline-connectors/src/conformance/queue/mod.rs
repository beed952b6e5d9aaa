//! What every queue promises.

mod admin;
mod batches;
mod choosing;
mod groups;
mod leases;
mod sending;
mod support;
mod waiting;

use std::fmt::Debug;

use pipeline_runtime::queue::Queue;

use super::checks::Checks;
pub use admin::admin;
use support::Handles;

/// Something that a queue cannot do, because what is behind it cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lacks {
    /// The name that a sender gives a message does not become its id.
    Names,
    /// A second message of a name that is still queued is stored again, or one of the same `dedup`.
    Deduplication,
    /// It does not keep the messages of a group in order, one at a time.
    Groups,
    /// What a sender sets beside the body does not arrive with it.
    Attributes,
    /// A message cannot be sent so that it is delivered later.
    Delays,
    /// It cannot be asked for some kinds of messages only.
    Kinds,
    /// What has a higher priority does not come first.
    Priorities,
    /// A message does not expire.
    Expiry,
    /// A consumer that has lost its lease is not told so, and may settle the delivery of another.
    LostLeases,
    /// A message that is not there any more is told as one whose lease is lost.
    Gone,
}

/// Checks a queue: what is sent is delivered, to one consumer at a time, until it is acknowledged; leases end, can be
/// extended and given back; ids, delays, groups, kinds, priorities and long polls hold; what has expired does not come; batches of any size are settled entry by entry; a
/// `receive` that is dropped loses nothing.
///
/// `make` makes a new, empty queue each time it is called, and returns two handles to it, opened apart as two
/// processes would where that is possible. Its lease should be short, one or two seconds, since much of what is
/// checked is what happens when it ends. `lacks` names what the queue cannot do; all else is checked, all of it at the
/// same time.
///
/// # Panics
///
/// If something does not hold; the message names each check that fails, and says what it found.
pub async fn queue<Q>(make: impl AsyncFn() -> (Q, Q), lacks: &[Lacks])
where
    Q: Queue<Body: From<String> + Clone + PartialEq + Debug>,
{
    let mut checks = Checks::default();
    macro_rules! check {
        ($($check:path $(, unless $lack:ident)*;)*) => {$(
            if !(false $(|| lacks.contains(&Lacks::$lack))*) {
                let (one, other) = make().await;
                checks.add(stringify!($check), || $check(Handles { one, other }));
            }
        )*};
    }
    check! {
        sending::what_is_sent_is_delivered_once_and_gone_when_acked;
        sending::bodies_arrive_as_they_were_sent;
        sending::a_name_is_kept_at_every_delivery, unless Names;
        sending::a_name_that_is_queued_is_not_stored_again, unless Deduplication;
        sending::what_is_sent_again_on_purpose_is_stored_beside_the_first, unless Deduplication;
        sending::attributes_are_kept_at_every_delivery, unless Attributes;
        sending::a_delayed_message_comes_no_sooner, unless Delays;
        leases::an_unsettled_message_comes_again_when_its_lease_ends;
        leases::an_extended_lease_keeps_the_message;
        leases::a_released_message_comes_at_once;
        leases::a_message_released_with_a_delay_comes_no_sooner;
        leases::deliveries_are_counted;
        leases::what_is_worked_on_is_told_from_what_only_waits;
        leases::an_ack_that_is_made_again_is_as_good_as_done, unless Gone;
        leases::a_lost_lease_settles_nothing, unless LostLeases;
        batches::large_batches_are_split;
        batches::empty_batches_are_harmless;
        batches::a_receive_brings_at_most_what_was_asked;
        batches::an_unknown_receipt_fails_alone, unless LostLeases;
        batches::competing_consumers_get_each_message_once;
        groups::a_group_is_delivered_in_order_one_at_a_time, unless Groups;
        groups::a_released_message_stays_first_of_its_group, unless Groups;
        groups::other_groups_go_on, unless Groups;
        choosing::only_the_kinds_that_are_asked_for_come, unless Kinds;
        choosing::who_waits_for_a_kind_is_woken_by_it_alone, unless Kinds;
        choosing::what_is_more_urgent_comes_first, unless Priorities;
        choosing::a_priority_is_told_at_every_delivery, unless Priorities;
        choosing::of_the_kinds_that_are_asked_for_the_most_urgent_comes_first, unless Kinds, unless Priorities;
        choosing::a_group_keeps_its_order_whatever_is_urgent, unless Groups, unless Priorities;
        choosing::what_has_expired_does_not_come, unless Expiry, unless Groups;
        choosing::what_is_worked_on_does_not_expire, unless Expiry;
        waiting::a_waiting_receive_wakes_up_when_a_message_is_sent;
        waiting::a_receive_waits_when_there_is_nothing;
        waiting::a_dropped_receive_loses_nothing;
    }
    checks.run().await;
}
