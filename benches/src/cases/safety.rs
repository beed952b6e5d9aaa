//! What it costs that panics are contained, items counted and times told.

use std::pin::pin;

use brigade::prelude::*;
use futures::StreamExt as _;

use super::hops::load::{Check, Load as _};
use crate::case::{Case, Contender, Goal, Place, Sample, Size, Table};
use crate::rt::{Consumer, runtime};

const SAFE: &str = "brigade";
const BARE: &str = "brigade without it";

/// Hops with and without it.
pub fn case(size: Size) -> Case {
    let note = "The hops once more, and beside them the same pipeline over a copy of brigade whose sources were changed \
                before it was compiled: a panic is not caught, what becomes of items is not added up, and no clock is \
                read to tell who works and who waits ([bare.rs](benches/src/bare.rs) lists the changed functions). \
                There is no such switch in brigade. Each sample is of a fresh process, with one worker thread, so that \
                no wake-up between threads hides the difference. With items that cost anything it is smaller still. \
                A few percent in either direction are where the compiler happens to put the code.";
    let items = size.items(20_000_000);
    let table = |buffer: usize| {
        let contender = |name, what, place| {
            Contender::new(name, what, move || hops(buffer, items)).place(place)
        };
        Table::new(format!("`buffer: {buffer}`"))
            .columns([("cpu", "CPU ns/item"), ("wall", "ns/item")])
            .baseline(BARE)
            .contender(contender(SAFE, "three `1 map(…)`", Place::Process))
            .contender(contender(BARE, "the same", Place::Bare))
    };
    let goal = Goal::within(SAFE, BARE, 1.03).column("cpu");
    Case::new("safety", "The cost of safety", note)
        .table(table(1024).goal(goal))
        .table(table(64))
}

fn hops(buffer: usize, items: u64) -> Sample {
    Consumer::Spawned.measure_on(&runtime(1), items, async move {
        let stages = pipeline! {
            [0..items]
            1 map(u64::step) with { buffer: buffer },
            1 map(u64::step) with { buffer: buffer },
            1 map(u64::step) with { buffer: buffer },
        };
        let mut stream = pin!(stages.stream());
        let mut check = Check::new();
        while let Some(item) = stream.next().await {
            check.item(item.expect("nothing fails"));
        }
        check.end(items);
    })
}
