//! Promises 4, 15 and 23 where items become many and are tried again: the head of the line waits for another attempt while
//! what is behind it has taken all places and all room, and waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;

use crate::fakes::{Level, in_time};

const COPIES: u64 = 20;

/// Every other item fails twice before it becomes many; how many calls run at the same time.
#[derive(Debug, Clone, Default)]
struct Work {
    tried: Arc<Mutex<HashMap<u64, u32>>>,
    calls: Level,
}

impl Work {
    fn attempt(&self, item: u64) -> Result<impl Iterator<Item = u64> + use<>, String> {
        let mut tried = self.tried.lock().unwrap();
        let attempt = tried.entry(item).or_default();
        *attempt += 1;
        if item.is_multiple_of(2) && *attempt < 3 {
            return Err(format!("{item} is to be tried again"));
        }
        Ok((0..COPIES).map(move |copy| item * COPIES + copy))
    }

    fn call(&self, item: u64) -> Result<impl Iterator<Item = u64> + use<>, String> {
        let _running = self.calls.enter();
        self.attempt(item)
    }

    async fn call_async(&self, item: u64) -> Result<impl Iterator<Item = u64> + use<>, String> {
        let _running = self.calls.enter();
        // Longer than an attempt waits for.
        tokio::time::sleep(Duration::from_millis(60 * (item % 3))).await;
        self.attempt(item)
    }
}

const SOON: Duration = Duration::from_millis(100);

/// Whatever its count: the output is whole and in order, and never more calls run than that.
macro_rules! goes_on {
    ($($name:ident: |$items:ident, $work:ident, $count:ident, $buffer:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            for ($count, $buffer) in [(1_usize, 1_usize), (2, 1), (3, 2), (5, 7)] {
                let ($items, work) = (source::iter(0..16_u64), Work::default());
                let $work = work.clone();
                let out: Vec<u64> = in_time($pipeline.collect()).await.unwrap();
                assert_eq!(out, (0..16 * COPIES).collect::<Vec<_>>());
                let peak = work.calls.peak();
                assert!(peak <= $count, "{peak} calls instead of {}", $count);
            }
        }
    )*};
}

goes_on! {
    futures_try_the_head_of_the_line_again: |items, work, count, buffer| pipeline! {
        [items]
        use work;
        :async (count) flat_map(|item| async move { work.call_async(item).await })? with { retry: Retry::fixed(3, SOON), buffer: buffer, window: count },
    };
    threads_try_the_head_of_the_line_again: |items, work, count, buffer| pipeline! {
        [items]
        :block (count) flat_map(move |item| work.call(item))? with { retry: Retry::fixed(3, SOON), buffer: buffer, window: count + 3 },
    };
    threads_of_the_pool_try_the_head_of_the_line_again: |items, work, count, buffer| pipeline! {
        [items]
        :block (count) flat_map(move |item| work.call(item))? with { retry: Retry::fixed(3, SOON), pool, buffer: buffer, window: count },
    };
    tasks_try_the_head_of_the_line_again: |items, work, count, buffer| pipeline! {
        [items]
        (count) flat_map(move |item| work.call(item))? with { retry: Retry::fixed(3, SOON), buffer: buffer, window: count + 1 },
    };
}
