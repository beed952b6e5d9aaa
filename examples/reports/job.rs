//! The job: from messages to rows.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use brigade::Driven;
use brigade::prelude::*;
use brigade::queue::{Delivery, Outgoing, Queue};
use sha2::{Digest as _, Sha256};

use crate::archive::Archive;
use crate::calls::Calls;
use crate::errors::{DELIVERIES, Errors};
use crate::place::{Place, Tools};
use crate::report::{Flaw, Messages, Report, body, name};
use crate::spool::Spool;

/// What a worker works with.
pub struct Desk<P: Place> {
    pub tools: Tools<P>,
    pub spool: Spool,
    pub archive: Archive,
    pub calls: Calls,
}

/// Messages in, rows out. A message is deleted when its row is written, or its dead letter.
pub fn reports<P: Place>(queue: P::Queue, desk: Desk<P>) -> Pipeline<Driven, Delivery<String>> {
    let Desk {
        tools,
        spool,
        archive,
        calls,
    } = desk;
    let Tools {
        journal,
        letters,
        rows,
    } = tools;
    let deliveries = queue
        .deliveries()
        .prefetch(256)
        // SQS answers a long poll also when who asked was killed: what it sends there is away for a lease.
        .wait(Duration::from_secs(1))
        .poison(DELIVERIES, letters.clone());
    pipeline! {
        [deliveries, Errors::new(letters)]
        journal = journal;
        use spool, archive, calls;
        tap(|message| calls.begin(message))?,
        push_task(message),
        let report = Report::parse(message)?,
        :block 2 let bytes = spool.load(report)? with { window: 256 },
        let digest = { calls.note(message, "digest")?; sha256(bytes) } with { once },
        :async 64 let link = {
            calls.note(message, "link")?;
            archive.upload(report, bytes, token).await?
        } with { once(token), timeout: Duration::from_secs(10), window: 256 },
        forget(bytes),
        :async 64 let checked = archive.check(report, digest).await?
            with { timeout: Duration::from_secs(10), window: 256 },
        map(|m| (m.report.number, m.report.customer, m.digest, m.link, m.checked)),
        :drive rows,
    }
}

/// Numbers in, messages out; the file of a report is there before its message.
pub fn messages<Q: Queue<Body = String>>(
    queue: Q,
    spool: &Spool,
    messages: Messages,
) -> Pipeline<Driven> {
    pipeline! {
        [messages.numbers()]
        use spool = spool.clone();
        :block map(|number| message(&spool, number, messages.flaw(number)))?,
        :drive queue.sink(),
    }
}

fn message(spool: &Spool, number: u32, flaw: Option<Flaw>) -> io::Result<Outgoing<String>> {
    let report = Report::new(number);
    if flaw == Some(Flaw::Lost) {
        spool.lose(&report)?;
    } else {
        spool.write(&report)?;
    }
    Ok(Outgoing::new(body(number, flaw)).id(name(number)))
}

fn sha256(bytes: &[u8]) -> String {
    let mut hex = String::new();
    for byte in Sha256::digest(bytes) {
        // Into a string it does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
