//! A run: messages are put on the queue, workers work on them and are killed, and all of it is audited.

use std::time::{Duration, Instant};

use brigade::BoxError;
use indicatif::ProgressBar;
use tokio::time::interval;

use crate::archive::{Archive, Server};
use crate::args::{self, Load, Place};
use crate::audit::{Audit, Found};
use crate::crew::Crew;
use crate::ledger::Ledger;
use crate::place::Queue;
use crate::report::{Flaw, Messages};
use crate::say::print;

/// How often to look how far it is.
const LOOK: Duration = Duration::from_millis(50);

pub async fn run(place: &Place, load: &Load, asked: &args::Crew) -> Result<(), BoxError> {
    let messages = Messages {
        count: load.messages,
        fail_rate: load.fail_rate,
    };
    place.begin()?;
    if asked.kill_every.is_some() {
        print(format_args!("seed {}", asked.seed));
    }
    let queue = place.queue().await?;
    queue.make().await?;
    let server = Server::start(move |number| messages.flaw(number) == Some(Flaw::Refused)).await?;
    place.make(Archive::at(server.address))?;

    let mut ledger = Ledger::open(place)?;
    let mut crew = Crew::start(place, server.address, asked)?;
    let producer = queue.fill(&place.spool(), messages).spawn();
    let begun = Instant::now();
    let all = u64::from(messages.count);
    watch(&mut ledger, &mut crew, &queue, all, asked.patience).await?;
    let took = begun.elapsed();
    producer.await.map_err(|failure| failure.to_string())?;
    let killed = crew.killed;
    crew.finish().await?;

    ledger.look()?;
    let found = Found {
        ends: ledger.ends()?,
        history: &ledger.history,
        shelf: server.shelf(),
        left: queue.count().await?,
        killed,
    };
    let audit = Audit::of_run(messages, &found);
    print(format_args!(
        "{} processes, {took:.1?}, {:.0} messages a second\n{audit}",
        asked.processes,
        f64::from(messages.count) / took.as_secs_f64()
    ));
    if !audit.is_clean() {
        return Err("the audit is not clean".into());
    }
    Ok(())
}

/// Waits until so many messages are rows or dead letters, and the queue is empty. Workers are killed meanwhile.
///
/// # Errors
///
/// If nothing goes on for too long, or a worker ends by itself.
pub async fn watch(
    ledger: &mut Ledger,
    crew: &mut Crew,
    queue: &Queue,
    all: u64,
    patience: Duration,
) -> Result<(), BoxError> {
    let bar = ProgressBar::new(all);
    let mut looks = interval(LOOK);
    let (mut done, mut since) = (0, Instant::now());
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = crew.is_time_to_kill() => {
                crew.kill().await?;
                // Before another begins: what is recorded by now must not run again.
                ledger.look()?;
                crew.replace()?;
            }
        }
        crew.is_at_work()?;
        ledger.look()?;
        let now = ledger.done()?;
        if now >= all && queue.count().await? == 0 {
            bar.finish_and_clear();
            return Ok(());
        }
        if now != done {
            (done, since) = (now, Instant::now());
            bar.set_position(done);
        } else if since.elapsed() > patience {
            return Err(
                format!("{done} of {all} messages are done, and no more for {patience:?}").into(),
            );
        }
    }
}
