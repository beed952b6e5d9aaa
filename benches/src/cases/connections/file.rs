//! brigade, into a file.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::sync::{Arc, Mutex};

use brigade::prelude::*;
use brigade::source::Line;

use super::senders::Load;
use crate::case::Sample;
use crate::place::Place;
use crate::rt::{Consumer, runtime};

pub(super) fn run(load: Load) -> Sample {
    let (place, runtime) = (Place::new(), runtime(2));
    let listen = source::tcp("127.0.0.1:0").connections(load.connections);
    let lines = runtime.block_on(listen.bind()).expect("a free port");
    let senders = load.connect(lines.local_addr());
    let path = place.file("lines");
    let file = File::create(&path).expect("a fresh folder");
    let sample = Consumer::Spawned.measure_on(&runtime, load.lines(), async move {
        let senders = senders.send();
        let file = Arc::new(Mutex::new(BufWriter::with_capacity(65_536, file)));
        let written = Arc::clone(&file);
        pipeline! {
            [lines]
            :drive sink::each(move |line: Line| {
                let mut file = written.lock().expect("nobody panics");
                file.write_all(line.text.as_bytes())?;
                file.write_all(b"\n")
            }),
        }
        .run()
        .await
        .expect("nothing fails");
        let flushed = file.lock().expect("nobody panics").flush();
        flushed.expect("there is room");
        senders.join().expect("a sender panicked");
    });
    load.check_file(&fs::read(path).expect("it is there"));
    sample
}
