//! The system: what a worker process runs, whole, on one page.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use brigade::link::Link;
use brigade::prelude::*;
use brigade::queue::Delivery;
use brigade::service::{Broadcast, Noticed, Schedule, Service};

use crate::archive::Archive;
use crate::calls::Calls;
use crate::errors::{DELIVERIES, Errors, Unknown};
use crate::place::Place;
use crate::report::{Report, User, sha256};
use crate::say::say;
use crate::spool::Spool;

/// What the processes share.
pub struct Desk<P: Place> {
    pub queue: P::Queue,
    pub journal: P::Journal,
    pub letters: P::Letters,
    pub rows: P::Rows,
    pub totals: P::Totals,
    pub schedules: P::Schedules,
    /// Signals: what one process has for another.
    pub reports: Link<Delivery<String>>,
    pub customers: Link<Delivery<String>>,
    pub users: Link<User>,
    /// What other programs hear.
    pub outside: Broadcast<u32>,
    pub spool: Spool,
    pub archive: Archive,
    pub calls: Calls,
    /// How many users came by here.
    pub passed: Arc<AtomicU32>,
}

/// A night of this program is short.
const NIGHT: Duration = Duration::from_secs(1);

/// Messages in, rows out: a message is deleted when its row is written, or its dead letter.
pub fn system<P: Place>(desk: Desk<P>) -> Service<Desk<P>> {
    let nightly = Schedule::every(NIGHT).once_everywhere(desk.schedules.clone());
    Service::new("reports", desk)
        .grace(Duration::from_secs(30))
        .on_failure(|noted| {
            // What becomes of an item its errors end says.
            if noted.what != Noticed::Item {
                say(format!("a worker: {noted}"));
            }
        })
        // Whoever has a user signals it here. Its row is written with the acknowledgement of the message that it came of.
        .process("users", |p| p.pipeline(|cx| pipeline! {
            [cx.users.input(), cx.errors(Errors::new(cx.letters.clone()))]
            use outside = cx.outside, passed = cx.passed;
            tap(|user| outside.send(user.number)),
            tap(|_user| passed.fetch_add(1, Relaxed)),
            map(User::row),
            :drive cx.rows.clone(),
        }))
        .process("reports", |p| p.pipeline(|cx| pipeline! {
            [cx.reports.input(), cx.errors(Errors::new(cx.letters.clone()))]
            journal = cx.journal.clone();
            use spool = cx.spool, archive = cx.archive, calls = cx.calls;
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
            map(|m| User::of(m.report, m.digest, m.link, m.checked)),
            :drive cx.users.sink(),
        }))
        // A customer who signs up is a user without a report.
        .process("customers", |p| p.pipeline(|cx| pipeline! {
            [cx.customers.input(), cx.errors(Errors::new(cx.letters.clone()))]
            journal = cx.journal.clone();
            use calls = cx.calls;
            tap(|message| calls.begin(message))?,
            push_task(message),
            let report = Report::parse(message)?,
            let digest = { calls.note(message, "digest")?; sha256(report.customer.as_bytes()) } with { once },
            map(|m| User::of(m.report, m.digest, String::new(), "signed up".to_owned())),
            :drive cx.users.sink(),
        }))
        // One queue, and to each who knows its kind.
        .process("dispatch", |p| p.pipeline(|cx| {
            let deliveries = cx.queue.clone().deliveries();
            // SQS answers a long poll also when who asked was killed: what it sends there is away for a lease.
            let deliveries = deliveries.prefetch(256).wait(Duration::from_secs(1));
            pipeline! {
                [deliveries.poison(DELIVERIES, cx.letters.clone()), cx.errors(Errors::new(cx.letters.clone()))]
                match |message| message.kind() {
                    Some("report") => { :drive cx.reports.sink() },
                    Some("customer") => { :drive cx.customers.sink() },
                    // A newer worker may know it: it comes again, each minute, and is a dead letter after 20.
                    _ => { tap(|_message| Err::<(), _>(Unknown))?, :drive sink::discard() },
                },
            }
        }))
        // Of all workers one; its row is there once for each night.
        .process("nightly", move |p| p.on(nightly.clone()).pipeline(|cx| {
            let tick = cx.tick().map(|tick| tick.id.clone());
            let delivery = format!("{}:{}", process::id(), cx.run());
            let passed = cx.passed.load(Relaxed);
            pipeline! {
                [tick.into_iter().collect::<Vec<_>>()]
                journal = cx.journal.clone();
                use calls = cx.calls, delivery;
                tap(|_tick| calls.line(&delivery))?,
                push_task(tick, id = String::clone),
                let users = { calls.line(&format!("{delivery} {tick}/users"))?; passed } with { once },
                map(|m| (m.tick, m.users)),
                :drive cx.totals.clone(),
            }
        }))
}
