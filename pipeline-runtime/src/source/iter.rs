//! Iterators, and the collections that stand for them.

use std::ops::{Range, RangeFrom, RangeInclusive};
use std::task::{Context, Poll};

use super::{Alone, CarriedOf, Fault, Flow, Input, Pulled, Puller, Relay, SourceError};
use crate::flow::pushing::Pushing;
use crate::graph::Graph;
use crate::ticket::Carried;

/// The items of an iterator. It runs inside the workers of the first stage, in one of them at a time; what it costs is
/// counted as the source's.
///
/// An iterator that blocks belongs into a [`Source`](super::Source) with a thread of its own, or into a channel.
pub fn iter<I>(items: I) -> Iter<I::IntoIter>
where
    I: IntoIterator<IntoIter: Send + 'static, Item: Send + 'static>,
{
    Iter(items.into_iter())
}

/// The input that [`iter`] makes.
#[derive(Debug, Clone)]
pub struct Iter<I>(I);

impl<I: Iterator<Item: Send + 'static> + Send + 'static> Input for Iter<I> {
    type Item = I::Item;
    type Puller = Self;

    fn wire(self, _graph: &Graph, _failed: Relay) -> Self {
        self
    }
}

impl<I: Iterator<Item: Send + 'static> + Send + 'static> Alone for Iter<I> {}

impl<I: Iterator<Item: Send + 'static> + Send + 'static> Puller for Iter<I> {
    type Item = I::Item;
    type Ticket = ();
    const READY: bool = true;

    #[inline]
    fn poll_next(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Result<CarriedOf<Self>, Fault>>> {
        Poll::Ready(self.0.next().map(|item| Ok(Carried::plain(item))))
    }

    fn poll_pull(
        &mut self,
        _cx: &mut Context<'_>,
        max: usize,
        out: &mut Pulled<CarriedOf<Self>>,
    ) -> Poll<Result<Flow, SourceError>> {
        let before = out.items.len();
        let mut pushing = Pushing::with_room(&mut out.items, max);
        for item in self.0.by_ref().take(max) {
            pushing.push(Carried::plain(item));
        }
        drop(pushing);
        Poll::Ready(Ok(if out.items.len() - before < max {
            Flow::End
        } else {
            Flow::More
        }))
    }
}

macro_rules! stands_for_its_iterator {
    ($([$($generics:tt)*] $collection:ty $(where $bound:ty: Iterator)?),* $(,)?) => {$(
        impl<$($generics)*> Input for $collection
        where
            T: Send + 'static,
            $($bound: Iterator<Item = T>,)?
        {
            type Item = T;
            type Puller = Iter<<Self as IntoIterator>::IntoIter>;

            fn wire(self, _graph: &Graph, _failed: Relay) -> Self::Puller {
                iter(self)
            }
        }
    )*};
}

stands_for_its_iterator! {
    [T] Vec<T>,
    [T, const N: usize] [T; N],
    [T] Range<T> where Range<T>: Iterator,
    [T] RangeFrom<T> where RangeFrom<T>: Iterator,
    [T] RangeInclusive<T> where RangeInclusive<T>: Iterator,
}
