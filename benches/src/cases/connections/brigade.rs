//! brigade's own contender.

use std::pin::pin;

use brigade::prelude::*;
use brigade::source::Line;
use futures::StreamExt as _;

use super::senders::Load;
use crate::case::Sample;
use crate::rt::{Consumer, runtime};

pub(super) fn run(load: Load) -> Sample {
    let runtime = runtime(2);
    let listen = source::tcp("127.0.0.1:0").connections(load.connections);
    let lines = runtime.block_on(listen.bind()).expect("a free port");
    let senders = load.connect(lines.local_addr());
    Consumer::Spawned.measure_on(&runtime, load.lines(), async move {
        let senders = senders.send();
        let lengths = pipeline! { [lines] map(|line: Line| line.text.len()) };
        let mut lengths = pin!(lengths.stream());
        let (mut lines, mut bytes) = (0, 0);
        while let Some(length) = lengths.next().await {
            lines += 1;
            bytes += length.expect("nothing fails") as u64;
        }
        load.check(lines, bytes);
        senders.join().expect("a sender panicked");
    })
}
