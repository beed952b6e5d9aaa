//! What an operator may rely on.

mod changing;
mod looking;
mod pauses;
mod support;
mod times;

use std::fmt::Debug;

use pipeline_runtime::queue::{Admin, Queue};

use super::support::Handles;
use crate::conformance::checks::Checks;

/// Checks what an operator asks of a queue: that its messages are counted and listed by state and group, part after part,
/// and shown as they are, with why they have failed last; that they are cancelled, also under the hands of a worker, who is told; that what is delayed comes
/// when that is asked for; that a purge leaves nothing; and that a pause holds for every handle, and loses nothing.
///
/// `make` is that of [`queue`](super::queue()). All of it is checked at the same time.
///
/// # Panics
///
/// If something does not hold; the message names each check that fails, and says what it found.
pub async fn admin<Q>(make: impl AsyncFn() -> (Q, Q))
where
    Q: Queue<Body: From<String> + Clone + PartialEq + Debug> + Admin,
{
    let mut checks = Checks::default();
    macro_rules! check {
        ($($check:path;)*) => {$(
            let (one, other) = make().await;
            checks.add(stringify!($check), || $check(Handles { one, other }));
        )*};
    }
    check! {
        looking::messages_are_counted_by_state;
        looking::what_is_past_its_time_has_an_age;
        times::what_has_expired_is_counted;
        times::why_a_message_has_failed_last_is_shown;
        looking::messages_are_listed_in_order_part_after_part;
        looking::messages_are_listed_by_state_and_group;
        looking::a_message_is_shown_as_it_is;
        changing::a_message_that_is_cancelled_never_comes;
        changing::who_works_on_a_cancelled_message_is_told;
        changing::a_group_goes_on_behind_a_cancelled_message;
        changing::what_is_delayed_comes_when_it_is_retried_now;
        changing::a_purge_leaves_nothing_and_takes_nothing_that_is_sent_later;
        pauses::a_paused_queue_gives_nothing_and_loses_nothing;
        pauses::a_pause_ends_by_itself;
        pauses::a_receive_that_waits_is_held_by_a_pause_and_woken_by_its_end;
        pauses::what_is_in_hand_is_settled_during_a_pause;
    }
    checks.run().await;
}
