//! A queue as a sink.

use std::time::Duration;

use super::{Body, Outgoing, Queue};
use crate::name::Name;
use crate::place::ErrorKind;
use crate::retry::Retry;
use crate::sink::{Settles, Sink, SinkError, Stake, Written};

/// The sink that [`Queue::sink`] makes.
#[derive(Debug, Clone)]
pub struct Sends<Q>(Q);

pub(crate) fn sends<Q: Queue>(queue: Q) -> Sends<Q> {
    Sends(queue)
}

impl<Q, T> Sink<T> for Sends<Q>
where
    Q: Queue<Body: Clone>,
    T: Into<Outgoing<Q::Body>> + Send + 'static,
{
    const SETTLES: Settles = Settles::Traces;

    async fn write(&self, items: Vec<T>) -> Result<Written, SinkError<T>> {
        self.put(items.into_iter().map(Into::into)).await
    }

    async fn settle(&self, items: Vec<T>, stakes: Vec<Stake>) -> Result<Written, SinkError<T>> {
        let messages = items.into_iter().zip(stakes).map(|(item, stake)| {
            let message: Outgoing<_> = item.into();
            match stake.trace {
                Some(trace) => message.in_trace(&trace),
                None => message,
            }
        });
        self.put(messages).await
    }

    fn name(&self) -> Name {
        self.0.name()
    }
}

const LONGEST: Duration = Duration::from_secs(10);

impl<Q: Queue<Body: Clone>> Sends<Q> {
    async fn put<T>(
        &self,
        messages: impl Iterator<Item = Outgoing<Q::Body>> + Send,
    ) -> Result<Written, SinkError<T>> {
        let mut written = Written::all();
        let mut left: Vec<_> = messages.enumerate().collect();
        let (mut failures, backoff) = (0, Retry::exponential(u32::MAX));
        loop {
            let again = self.send(&mut left, &mut written).await?;
            let Some(error) = again else {
                return Ok(written);
            };
            failures += 1;
            if failures == 1 {
                tracing::warn!(queue = %self.0.name(), error, "cannot send; tried again with back-off");
            }
            tokio::time::sleep(backoff.delay(failures).unwrap_or(LONGEST)).await;
        }
    }

    /// Sends what is left. Says why there is something left to be tried again.
    async fn send<T>(
        &self,
        left: &mut Vec<(usize, Outgoing<Q::Body>)>,
        written: &mut Written,
    ) -> Result<Option<String>, SinkError<T>> {
        let messages = left.iter().map(|(_, message)| message.clone()).collect();
        let unsent = match self.0.send(messages).await {
            Ok(unsent) => unsent,
            Err(error) if error.is_away() => return Ok(Some(error.to_string())),
            Err(error) => {
                let why = format!("queue `{}`: {error}", self.0.name());
                if matches!(error.kind(), ErrorKind::Closed | ErrorKind::Ended) {
                    return Err(SinkError::closed(why));
                }
                left.drain(..)
                    .for_each(|(index, _)| written.fail(index, &*why));
                return Ok(None);
            }
        };
        let mut again = Vec::new();
        let mut why = None;
        for entry in unsent {
            let (index, message) = &left[entry.index()];
            if entry.is_away() {
                why = Some(entry.to_string());
                again.push((*index, message.clone()));
            } else {
                written.fail(*index, entry.into_error().into_error());
            }
        }
        *left = again;
        Ok(why)
    }
}

impl<B: Body> From<B> for Outgoing<B> {
    fn from(body: B) -> Self {
        Self::new(body)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::queue::{Ask, Memory, Profile, QueueError, Receipt, Received, Unsettled, memory};

    /// Fails as it is told, in order, then sends.
    struct Moody(Memory<String>, Mutex<Vec<Mood>>);

    enum Mood {
        Down,
        Gone,
        Refuses(Vec<Unsettled>),
    }

    impl Queue for Moody {
        type Body = String;
        fn name(&self) -> Name {
            "moody".into()
        }
        fn profile(&self) -> Profile {
            self.0.profile()
        }
        async fn receive(&self, _: Ask) -> Result<Vec<Received<String>>, QueueError> {
            Ok(Vec::new())
        }
        async fn ack(&self, _: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
            Ok(Vec::new())
        }
        async fn nack(&self, _: Vec<Receipt>, _: Duration) -> Result<Vec<Unsettled>, QueueError> {
            Ok(Vec::new())
        }
        async fn extend(&self, _: Vec<Receipt>, _: Duration) -> Result<Vec<Unsettled>, QueueError> {
            Ok(Vec::new())
        }
        async fn send(
            &self,
            mut messages: Vec<Outgoing<String>>,
        ) -> Result<Vec<Unsettled>, QueueError> {
            let mood = self.1.lock().unwrap().pop();
            let refused = match mood {
                Some(Mood::Down) => return Err(QueueError::away("down")),
                Some(Mood::Gone) => return Err(QueueError::closed("gone")),
                Some(Mood::Refuses(entries)) => entries,
                None => Vec::new(),
            };
            for entry in refused.iter().rev() {
                messages.remove(entry.index());
            }
            self.0.send(messages).await?;
            Ok(refused)
        }
    }

    async fn write(moods: Vec<Mood>) -> (Vec<String>, Result<Vec<usize>, String>) {
        let queue = memory();
        let sink = Moody(queue.clone(), Mutex::new(moods)).sink();
        let items = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let written = sink.write(items).await.map_err(|error| {
            assert_eq!(error.kind(), crate::ErrorKind::Closed);
            error.to_string()
        });
        let failed = written.map(|written| written.failures().map(|(index, _)| index).collect());
        let stored = queue.receive(Ask::new(100, Duration::ZERO)).await.unwrap();
        (
            stored.into_iter().map(|message| message.body).collect(),
            failed,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_sent_again_and_what_is_refused_fails_alone() {
        let later = Unsettled::away(0, "later");
        let first = Mood::Refuses(vec![later, Unsettled::refused(2, "too large")]);
        // Of what is sent again, "a" alone, nothing is stored yet.
        let second = Mood::Refuses(vec![Unsettled::away(0, "later")]);
        let (stored, failed) = write(vec![second, first, Mood::Down, Mood::Down]).await;
        assert_eq!(stored, ["b", "d", "a"]);
        assert_eq!(failed, Ok(vec![2]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_is_gone_closes_the_sink() {
        let (stored, failed) = write(vec![Mood::Gone, Mood::Down]).await;
        assert!(stored.is_empty());
        assert_eq!(failed, Err("queue `moody`: gone".to_owned()));
    }
}
