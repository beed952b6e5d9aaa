//! What is put on the queue.

use std::io;

use brigade::Driven;
use brigade::prelude::*;
use brigade::queue::{Outgoing, Queue};

use crate::report::{Flaw, Messages, Report, body, name};
use crate::spool::Spool;

/// Numbers in, messages out; the file of a report is there before its message.
pub fn messages<Q: Queue<Body = String>>(
    queue: Q,
    spool: &Spool,
    messages: Messages,
) -> Pipeline<Driven> {
    pipeline! {
        [messages.numbers()]
        use spool = spool.clone();
        :block map(|number| message(&spool, number, messages))?,
        :drive queue.sink(),
    }
}

fn message(spool: &Spool, number: u32, messages: Messages) -> io::Result<Outgoing<String>> {
    let (report, flaw) = (Report::new(number), messages.flaw(number));
    if flaw == Some(Flaw::Lost) {
        spool.lose(&report)?;
    } else {
        spool.write(&report)?;
    }
    let message = Outgoing::new(body(number, flaw)).id(name(number));
    Ok(message.kind(messages.kind(number).name()))
}
