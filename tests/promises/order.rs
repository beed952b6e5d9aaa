//! Promises 1, 3, 4 and 5: what comes out, in which order, and when it ends.

use std::time::Duration;

use brigade::prelude::*;

use crate::fakes::{Count, Gate, Kept, counted, eventually, in_time};

/// Counts, and lengths of the input.
const SIZES: [(usize, u64); 5] = [(1, 0), (1, 10), (10, 10), (20, 10), (5, 1000)];

/// Runs a pipeline once for every size; it must emit the input plus one.
macro_rules! maps_in_order {
    ($($name:ident: |$n:ident, $len:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            for ($n, $len) in SIZES {
                let output: Vec<u64> = in_time($pipeline.collect()).await.unwrap();
                assert_eq!(output, (1..=$len).collect::<Vec<_>>(), "count {}, length {}", $n, $len);
            }
        }
    )*};
}

maps_in_order! {
    map_emits_the_mapped_input_in_order: |_n, len| pipeline! { [0..len] map(|x| x + 1) };
    tasks_emit_the_mapped_input_in_order: |n, len| pipeline! { [0..len] (n) map(|x| x + 1) };
    block_emits_the_mapped_input_in_order: |n, len| pipeline! { [0..len] :block (n) map(|x| x + 1) };
    block_on_the_pool_emits_the_mapped_input_in_order: |n, len| pipeline! {
        [0..len] :block (n) map(|x| x + 1) with { pool }
    };
    async_emits_the_mapped_input_in_order: |n, len| pipeline! {
        [0..len]
        :async (n) map(|x| async move {
            // Later items are ready earlier.
            for _ in 0..(7 - x % 7) {
                tokio::task::yield_now().await;
            }
            x + 1
        })
    };
    filter_keeps_the_order: |n, len| pipeline! {
        [0..2 * len] :block (n) filter(|x| x % 2 == 0), map(|x| x / 2 + 1)
    };
    filter_map_keeps_the_order: |n, len| pipeline! {
        [0..2 * len] :async (n) filter_map(|x| async move { (x % 2 == 0).then_some(x / 2 + 1) })
    };
    flat_map_keeps_the_order: |n, len| pipeline! {
        [0..len.div_ceil(3)] :block (n) flat_map(move |x| 3 * x + 1..(3 * x + 4).min(len + 1))
    };
    tap_changes_nothing: |n, len| pipeline! { [1..=len] :async (n) tap(|_x| async {}) };
    batch_keeps_the_order: |n, len| pipeline! { [1..=len] batch(n), flat_map(|batch| batch) };
    records_keep_the_order: |n, len| pipeline! {
        [0..len]
        push_task(first),
        :block (n) let second = first + 1,
        :async (n) let third = async { *second }.await,
        map(|m| m.third),
    };
    a_segment_keeps_the_order: |n, len| pipeline! { [0..len] through(add_one(n)) };
    an_inner_pipeline_keeps_the_order: |n, len| pipeline! {
        [pipeline! { [0..len] :block (n) map(|x| x * 2) }]
        (n) map(|x| x / 2 + 1)
    };
    a_chain_of_all_kinds_keeps_the_order: |n, len| pipeline! {
        [0..len]
        (n) map(|x| x * 2),
        :block (n) map(|x| x + 2),
        batch(3),
        :async (n) flat_map(|batch| async move { batch }),
        filter(|_x| true),
        (n) map(|x| x / 2),
    };
}

fn add_one(n: usize) -> Segment<u64, u64> {
    pipeline! { :block (n) map(|x| x + 1) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drive_writes_in_order_for_every_size() {
    for (n, len) in SIZES {
        let kept = Kept::open();
        let sink = kept.clone();
        in_time(pipeline! { [0..len] :block (n) map(|x| x + 1), :drive sink }.run())
            .await
            .unwrap();
        assert_eq!(kept.items.take(), (1..=len).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn uneven_service_times_leave_the_order_unchanged() {
    let times = [2000_u64, 50, 1000, 100];
    let output: Vec<u64> = pipeline! {
        [times]
        :async 2 map(|millis| async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            millis
        })
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(output, times);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocking_calls_that_end_in_reverse_are_emitted_in_order() {
    let gates: Vec<Gate> = (0..4).map(|_| Gate::closed()).collect();
    let ended = Count::default();
    let (waits, ends) = (gates.clone(), ended.clone());
    let output = tokio::spawn(
        pipeline! {
            [0..4_usize]
            use waits, ends;
            :block 4 map(|x| {
                waits[x].block();
                ends.add();
                x
            })
        }
        .collect::<Vec<usize>>(),
    );
    for (done, gate) in gates.iter().rev().enumerate() {
        gate.open();
        eventually("the call ends", || ended.get() == done + 1).await;
    }
    assert_eq!(in_time(output).await.unwrap().unwrap(), [0, 1, 2, 3]);
}

/// Up to 160 outputs for an item.
fn many(x: u64) -> impl Iterator<Item = (u64, u64)> + Send {
    (0..x % 5 * 40).map(move |y| (x, y))
}

/// Runs pipelines of [`many`] outputs for each of 20 items.
macro_rules! keeps_outputs_together {
    ($($name:ident: $pipeline:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let output: Vec<(u64, u64)> = in_time($pipeline.collect()).await.unwrap();
            assert_eq!(output, (0..20).flat_map(many).collect::<Vec<_>>());
        }
    )*};
}

keeps_outputs_together! {
    inline_outputs_of_one_item_stay_together: pipeline! { [0..20_u64] flat_map(many) };
    outputs_of_tasks_that_exceed_every_buffer_stay_together: pipeline! {
        [0..20_u64] 4 flat_map(many) with { buffer: 1, window: 4 }, 1 map(|x| x) with { buffer: 1 }
    };
    outputs_of_threads_that_exceed_every_buffer_stay_together: pipeline! {
        [0..20_u64] :block 4 flat_map(many) with { buffer: 1, window: 4 }, 1 map(|x| x) with { buffer: 1 }
    };
    outputs_of_futures_that_exceed_every_buffer_stay_together: pipeline! {
        [0..20_u64]
        :async 4 flat_map(|x| async move { many(x) }) with { buffer: 1, window: 4 },
        1 map(|x| x) with { buffer: 1 }
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_with_endless_outputs_is_emitted_within_the_bound() {
    let (endless, made) = counted(0_u64..);
    let endless = std::sync::Mutex::new(Some(endless));
    let pipeline = pipeline! {
        [0..1_u64]
        :block 1 flat_map(|_x| endless.lock().unwrap().take().unwrap()) with { window: 4 },
        1 map(|x| x) with { buffer: 4 }
    };
    let most = pipeline.plan().max_items;
    let mut stream = pipeline.stream();
    for expected in 0..1000 {
        assert_eq!(in_time(stream.next()).await.unwrap().unwrap(), expected);
        let held = made.get() - usize::try_from(expected).unwrap();
        assert!(held <= most + 1, "{held} held, at most {most} promised");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_output_ends_once_after_the_last_result() {
    let mut stream = pipeline! { [0..100_u64] :block 3 map(|x| x), 2 map(|x| x) }.stream();
    for expected in 0..100 {
        assert_eq!(in_time(stream.next()).await.unwrap().unwrap(), expected);
    }
    assert!(in_time(stream.next()).await.is_none());
    assert!(in_time(stream.next()).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_of_many_writers_is_flushed_once_after_the_last_write() {
    let kept = Kept::open();
    let sink = kept.clone();
    in_time(pipeline! { [0..1000_u64] :async 4 map(|x| async move { x }), :drive 4 sink }.run())
        .await
        .unwrap();
    assert_eq!(kept.items.len(), 1000);
    assert_eq!(kept.flushes.get(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_at_the_tail_closes_after_the_last_result() {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(3);
    let running = pipeline! { [0..50_u64] :block 2 map(|x| x), :drive sender }.spawn();
    for expected in 0..50 {
        assert_eq!(in_time(receiver.recv()).await, Some(expected));
    }
    assert_eq!(in_time(receiver.recv()).await, None);
    in_time(running).await.unwrap();
}
