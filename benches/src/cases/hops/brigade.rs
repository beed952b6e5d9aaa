//! brigade's own contenders.

use std::pin::pin;

use brigade::prelude::*;
use futures::StreamExt as _;

use super::load::{Check, Load};
use crate::case::Sample;
use crate::rt::Consumer;

/// Three stages with a task each.
pub(in crate::cases) fn hops<T: Load>(consumer: Consumer, items: u64) -> Sample {
    consumer.measure(items, async move {
        let stages = pipeline! {
            [source::iter((0..items).map(T::make))]
            1 map(T::step) with { buffer: 1024 },
            1 map(T::step) with { buffer: 1024 },
            1 map(T::step) with { buffer: 1024 },
        };
        let mut stream = pin!(stages.stream());
        let mut check = Check::new();
        while let Some(item) = stream.next().await {
            check.item(item.expect("nothing fails"));
        }
        check.end(items);
    })
}
