//! A queue, and what all requests to it need.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use aws_sdk_sqs::Client;
use pipeline_runtime::Name;
use pipeline_runtime::queue::{Profile, QueueError};
use tokio::sync::OnceCell;

use super::error::queue_error;
use super::limits::is_fifo;

/// A queue of Amazon SQS, standard or FIFO. Clones are the same queue.
///
/// - **At least once.** SQS may deliver a message of a standard queue twice, and a send whose answer is lost on the way
///   is sent again. Give messages ids, and keep a journal of what is done for them.
/// - **Ids.** The name that a sender gives a message travels as its attribute `brigade-id` and is its id; other messages
///   have the id that SQS gave them. On a FIFO queue the name is also the deduplication id: a message of a name that
///   was sent within five minutes is not stored again, even if the first is done, unless it has an
///   [`Outgoing::dedup`](pipeline_runtime::queue::Outgoing::dedup), which is the deduplication id then. On a standard
///   queue every message is stored, but those of one name are one task for as long as the journal knows it, unless their
///   `dedup` tells them apart, which travels as the attribute `brigade-dedup`. So a message that was sent again, since the
///   answer to the first send was cut off, is not worked on twice.
/// - **Groups** are for FIFO queues: a message's group is its message group, delivered in order and one at a time. A
///   message without one is in a group of its own, with others of its name. To have one of a group at a time, each
///   request brings one message of a FIFO queue, where it brings ten of a standard one; settling takes ten a request
///   with both.
/// - **Errors**: why a delivery has failed is not kept with its message.
/// - **Traces**: where a message would have more than ten attributes, `traceparent` and `tracestate` are left out.
/// - **Kinds** travel as the attribute `kind`; SQS cannot be asked for some only: divide them with a `match`, or have a queue
///   for each. There are no priorities, and a message that expires is refused: SQS forgets by the retention of the queue.
/// - **Leases** are visibility timeouts, in whole seconds, rounded up. SQS keeps a message from others for 12 hours
///   after it was received and no longer: what takes longer is lost and comes again, and a longer delay of a nack ends
///   then.
/// - **Redrive.** A dead-letter queue of the queue itself works as it is configured. Each receive counts, also that of a
///   message that was released when a pipeline was stopped: leave its `maxReceiveCount` room. If it is not greater than
///   the limit of [`Deliveries::poison`](pipeline_runtime::queue::Deliveries::poison), SQS moves a message first, as it
///   is, and no letter is written.
/// - **Killed processes.** A long poll that a process had under way when it was killed goes on at SQS, which may still
///   lease up to ten messages for it: they come after the lease. With a
///   [`wait`](pipeline_runtime::queue::Deliveries::wait) of a second there are few.
/// - **Lost leases.** SQS may say that it has deleted a message whose lease had ended, and deliver it again. Where it
///   tells, the entry is reported as lost.
/// - **Answers that are late.** When SQS has leased what a request that waits brings, nobody can tell: what a network has held
///   up counts as leased when it arrives, and may be as much older as such a request takes, the wait and ten seconds.
/// - **Answers that are lost.** SQS takes an acknowledgement that is made again after its answer was lost, and so does this
///   queue; a server that refuses it makes of it a lost lease, and the task's frames stay until they are too old.
/// - **Errors.** What may pass (no connection, throttling, 5xx, expired credentials) is
///   [away](pipeline_runtime::ErrorKind::Away), after the SDK's own three attempts; a queue that is not there or may
///   not be used is fatal.
///
/// A `receive` begins with one request that waits, for 20 seconds at most. While requests come back full it makes twice
/// as many the next time, up to [`requests`](super::SqsQueueBuilder::requests), and then without waiting; when they
/// come back empty it is one again. A dropped receive leaves what SQS had leased for it until that lease ends.
#[derive(Clone)]
pub struct SqsQueue(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) client: Client,
    /// As it was given: a name or a URL.
    pub(super) queue: String,
    pub(super) name: Name,
    /// Asked of SQS when it is first needed.
    pub(super) url: OnceCell<String>,
    pub(super) profile: Profile,
    /// The most receive requests at a time.
    pub(super) requests: usize,
    /// How many it makes next.
    pub(super) eager: AtomicUsize,
}

impl SqsQueue {
    /// The client it uses, for what is not done here: making a queue, reading its attributes.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The queue's URL. If only the name is known, SQS is asked once.
    ///
    /// # Errors
    ///
    /// If SQS cannot be reached, or there is no such queue.
    pub async fn url(&self) -> Result<&str, QueueError> {
        let ask = async || {
            let found = self
                .0
                .client
                .get_queue_url()
                .queue_name(&self.0.queue)
                .send()
                .await;
            let found = found.map_err(|error| queue_error(&error))?;
            found
                .queue_url
                .ok_or_else(|| QueueError::closed("SQS names no URL of the queue"))
        };
        self.0.url.get_or_try_init(ask).await.map(String::as_str)
    }

    pub(super) fn is_fifo(&self) -> bool {
        is_fifo(&self.0.queue)
    }
}

impl fmt::Debug for SqsQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqsQueue").field(&self.0.name).finish()
    }
}
