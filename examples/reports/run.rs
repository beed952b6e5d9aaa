//! A run: messages are put on the queue, workers work on them and are killed, and all of it is audited.

use std::time::{Duration, Instant};

use brigade::BoxError;
use indicatif::ProgressBar;
use tokio::time::interval;

use crate::archive::Server;
use crate::args::{self, Load};
use crate::audience::Audience;
use crate::audit::{Audit, Found};
use crate::calls::Calls;
use crate::crew::{Crew, Trouble};
use crate::ledger::Ledger;
use crate::place::{Books, Place, archive, hosts};
use crate::producer;
use crate::report::{Flaw, Messages};
use crate::say::print;

/// How often to look how far it is.
const LOOK: Duration = Duration::from_millis(50);

pub async fn run<P: Place>(place: &P, load: &Load, asked: &args::Crew) -> Result<(), BoxError> {
    let messages = Messages {
        count: load.messages,
        fail_rate: load.fail_rate,
    };
    if asked.kill_every.or(asked.cut_every).is_some() {
        print(format_args!("seed {}", asked.seed));
    }
    let queue = place.begin().await?;
    let refuses = move |number| messages.flaw(number) == Some(Flaw::Refused);
    let server = Server::start(archive(place)?, refuses)?;
    // The ledger reads it from here on.
    Calls::open(&place.home().calls())?;

    let mut ledger = Ledger::open(place).await?;
    let audience = Audience::start(place, asked.patience).await?;
    let mut crew = Crew::start(place, server.address, asked)?;
    let producer = producer::messages(queue, &place.home().spool(), messages).spawn();
    let begun = Instant::now();
    let all = u64::from(messages.count);
    watch(&mut ledger, &mut crew, place, all, asked.patience).await?;
    let took = begun.elapsed();
    producer.await.map_err(|failure| failure.to_string())?;
    let (killed, cut) = (crew.killed, crew.cuts.done);
    crew.finish().await?;

    ledger.look().await?;
    let (heard, told) = audience.finish(&ledger).await?;
    let found = Found {
        ends: ledger.ends().await?,
        history: &ledger.history,
        shelf: server.shelf(),
        left: place.left().await?,
        killed,
        cut,
        heard,
        told,
    };
    let audit = Audit::of_run(messages, &found);
    print(format_args!(
        "{} processes{}, {took:.1?}, {:.0} messages a second\n{audit}",
        asked.processes,
        on(hosts(place).len()),
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
pub async fn watch<P: Place>(
    ledger: &mut Ledger<impl Books>,
    crew: &mut Crew<'_, P>,
    place: &P,
    all: u64,
    patience: Duration,
) -> Result<(), BoxError> {
    let bar = ProgressBar::new(all);
    let mut looks = interval(LOOK);
    let (mut done, mut since) = (0, Instant::now());
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            trouble = crew.trouble() => match trouble {
                Trouble::Kill => {
                    let host = crew.kill().await?;
                    // Before another begins: what is recorded by now must not run again.
                    ledger.look().await?;
                    crew.replace(host)?;
                }
                Trouble::Cut => crew.cut(),
            },
        }
        crew.cuts.mend(false);
        crew.is_at_work()?;
        ledger.look().await?;
        let now = ledger.done().await?;
        if now >= all && place.left().await? == 0 {
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

/// Where they are, if not here.
fn on(hosts: usize) -> String {
    match hosts {
        0 => String::new(),
        hosts => format!(" on {hosts} hosts"),
    }
}
