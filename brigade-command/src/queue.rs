//! Queues.

use std::collections::HashSet;
use std::time::Duration;

use brigade::queue::{Admin, Filter, MessageInfo, Pause};
use jiff::Timestamp;
use serde_json::json;

use crate::args::{Of, Place, Queue, State, Yes};
use crate::confirm::confirm;
use crate::database::{AnyQueue, Database, with_queue};
use crate::failure::Failure;
use crate::print::{
    count, message_json, paused, preview, say, say_json, since, span, stamp, stats_json, waits,
};
use crate::table::{Table, plain};

/// So many messages are asked for at once.
const PART: usize = 1_000;

pub(crate) async fn run(what: Queue) -> Result<(), Failure> {
    match what {
        Queue::Stats { name, place } => stats(name, &place).await,
        Queue::List {
            of,
            state,
            group,
            after,
            limit,
        } => {
            let filter = filter(state, group);
            with_queue!(open(&of).await?, queue => list(&queue, &of, &filter, after, limit).await)
        }
        Queue::Show { of, id } => {
            with_queue!(open(&of).await?, queue => show(&queue, &of, &id).await)
        }
        Queue::Cancel { of, ids, yes } => {
            with_queue!(open(&of).await?, queue => cancel(&queue, &of, once(ids), yes).await)
        }
        Queue::Retry { of, ids } => {
            with_queue!(open(&of).await?, queue => retry(&queue, &of, once(ids)).await)
        }
        Queue::Purge { of, yes } => {
            with_queue!(open(&of).await?, queue => purge(&queue, &of, yes).await)
        }
        Queue::Pause { of, time, until } => {
            let pause = pause_of(time, until)?;
            with_queue!(open(&of).await?, queue => pause_it(&queue, &of, pause).await)
        }
        Queue::Resume { of } => {
            with_queue!(open(&of).await?, queue => resume(&queue, &of).await)
        }
    }
}

async fn open(of: &Of) -> Result<AnyQueue, Failure> {
    Database::open(&of.place).await?.queue(&of.name).await
}

async fn stats(name: Option<String>, place: &Place) -> Result<(), Failure> {
    let db = Database::open(place).await?;
    let names: Vec<_> = match name {
        Some(name) => vec![name],
        None => db.queues().map(str::to_owned).collect(),
    };
    if names.is_empty() && !place.json {
        return say("there are no queues in it");
    }
    let mut table = Table::new(&[
        "QUEUE", "READY", "DELAYED", "TAKEN", "BEHIND", "OLDEST", "PAUSED",
    ]);
    for name in names {
        let queue = db.queue(&name).await?;
        let stats = with_queue!(queue, queue => queue.stats().await).map_err(Failure::of)?;
        if place.json {
            say_json(&stats_json(&name, &stats))?;
            continue;
        }
        let counts = [stats.ready, stats.delayed, stats.taken, stats.behind];
        let counts = counts.iter().map(u64::to_string);
        let oldest = stats.oldest.map_or_else(|| "-".into(), span);
        table.row(
            [name]
                .into_iter()
                .chain(counts)
                .chain([oldest, paused(&stats)]),
        );
    }
    if place.json {
        return Ok(());
    }
    table.lines().iter().try_for_each(say)
}

fn filter(state: Option<State>, group: Option<String>) -> Filter {
    let mut filter = Filter::default();
    if let Some(state) = state {
        filter = filter.state(state.into());
    }
    match group {
        Some(group) => filter.group(group),
        None => filter,
    }
}

async fn list(
    queue: &impl Admin,
    of: &Of,
    filter: &Filter,
    mut after: u64,
    limit: usize,
) -> Result<(), Failure> {
    let mut left = limit;
    let mut shown = 0;
    loop {
        let most = left.min(PART);
        let part = queue.list(filter.clone().after(after), most).await;
        let part = part.map_err(Failure::of)?;
        let is_last = part.len() < most || most == 0;
        after = part.last().map_or(after, |message| message.seq);
        left -= part.len();
        shown += part.len();
        print_all(&part, of.place.json)?;
        if is_last {
            return Ok(());
        }
        if left == 0 {
            // For people: a program sees the last number itself.
            if !of.place.json {
                say(format!(
                    "{shown} are shown; there may be more: --after {after}"
                ))?;
            }
            return Ok(());
        }
    }
}

fn print_all(part: &[MessageInfo], is_json: bool) -> Result<(), Failure> {
    if is_json {
        return part
            .iter()
            .try_for_each(|message| say_json(&message_json(message)));
    }
    let mut table = Table::new(&[
        "SEQ", "ID", "STATE", "SENT", "RECEIVES", "GROUP", "SIZE", "BODY",
    ]);
    for message in part {
        table.row([
            message.seq.to_string(),
            message.id.clone(),
            waits(message),
            format!("{} ago", since(message.sent)),
            message.receives.to_string(),
            message.group.clone().unwrap_or_else(|| "-".into()),
            message.size.to_string(),
            preview(message),
        ]);
    }
    table.lines().iter().try_for_each(say)
}

async fn show(queue: &impl Admin, of: &Of, id: &str) -> Result<(), Failure> {
    let found = queue.get(id).await.map_err(Failure::of)?;
    if found.is_empty() {
        return Err(missing(of, &[id.to_owned()]));
    }
    for message in &found {
        if of.place.json {
            say_json(&message_json(message))?;
            continue;
        }
        let none = || "-".to_owned();
        let mut lines = vec![
            ("id", message.id.clone()),
            ("seq", message.seq.to_string()),
            ("state", waits(message)),
            ("due", message.due.map_or_else(none, stamp)),
            ("sent", stamp(message.sent)),
            (
                "receives",
                format!("{} ({} begun)", message.receives, message.begun),
            ),
            ("error", message.last_error.clone().unwrap_or_else(none)),
            ("priority", message.priority.to_string()),
            ("group", message.group.clone().unwrap_or_else(none)),
            ("dedup", message.dedup.clone().unwrap_or_else(none)),
            ("size", message.size.to_string()),
        ];
        let attributes = message.attributes.iter();
        lines.extend(attributes.map(|(name, value)| ("attribute", format!("{name}={value}"))));
        let body = String::from_utf8_lossy(&message.body).into_owned();
        lines.push(("body", body));
        for (name, value) in lines {
            say(format!("{name:10}{}", plain(&value)))?;
        }
    }
    Ok(())
}

fn missing(of: &Of, ids: &[String]) -> Failure {
    let ids: Vec<_> = ids.iter().map(|id| format!("`{}`", plain(id))).collect();
    let name = plain(&of.name);
    Failure::Missing(format!(
        "no message {} in the queue `{name}`",
        ids.join(", ")
    ))
}

/// An id that is named twice is one.
fn once(mut ids: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    ids
}

async fn cancel(queue: &impl Admin, of: &Of, ids: Vec<String>, yes: Yes) -> Result<(), Failure> {
    let asked = ids.len();
    let name = plain(&of.name);
    let what = format!(
        "remove {} of the queue `{name}`",
        count(asked as u64, "message")
    );
    confirm(yes, &what)?;
    let unknown = queue.cancel(ids).await.map_err(Failure::of)?;
    told(of, "cancelled", asked - unknown.len(), &unknown)?;
    if unknown.is_empty() {
        return Ok(());
    }
    Err(missing(of, &unknown))
}

/// What was done, and with what it was not.
fn told(of: &Of, what: &str, done: usize, unknown: &[String]) -> Result<(), Failure> {
    if of.place.json {
        return say_json(&json!({ what: done, "unknown": unknown }));
    }
    say(format!("{} {what}", count(done as u64, "message")))
}

async fn retry(queue: &impl Admin, of: &Of, ids: Vec<String>) -> Result<(), Failure> {
    let asked = ids.len();
    let unknown = queue.retry_now(ids).await.map_err(Failure::of)?;
    told(of, "retried", asked - unknown.len(), &unknown)?;
    if unknown.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = unknown
        .iter()
        .map(|id| format!("`{}`", plain(id)))
        .collect();
    let name = plain(&of.name);
    Err(Failure::Missing(format!(
        "nothing is delayed of {} in the queue `{name}`",
        ids.join(", ")
    )))
}

async fn purge(queue: &impl Admin, of: &Of, yes: Yes) -> Result<(), Failure> {
    let stats = queue.stats().await.map_err(Failure::of)?;
    let name = plain(&of.name);
    let all = count(stats.total(), "message");
    confirm(yes, &format!("remove all {all} of the queue `{name}`"))?;
    let purged = queue.purge().await.map_err(Failure::of)?;
    if of.place.json {
        return say_json(&json!({ "purged": purged }));
    }
    say(format!("{} removed", count(purged, "message")))
}

fn pause_of(time: Option<Duration>, until: Option<Timestamp>) -> Result<Pause, Failure> {
    match (time, until) {
        (Some(time), _) => Ok(Pause::For(time)),
        (None, Some(until)) => {
            let time = Duration::try_from(until.duration_since(Timestamp::now()));
            let is_over = |_| Failure::Failed(format!("{until} is over"));
            Ok(Pause::For(time.map_err(is_over)?))
        }
        (None, None) => Ok(Pause::UntilResumed),
    }
}

async fn pause_it(queue: &impl Admin, of: &Of, pause: Pause) -> Result<(), Failure> {
    queue.pause(pause).await.map_err(Failure::of)?;
    let stats = queue.stats().await.map_err(Failure::of)?;
    if of.place.json {
        return say_json(&stats_json(&of.name, &stats));
    }
    let name = plain(&of.name);
    say(format!("the queue `{name}` is paused: {}", paused(&stats)))
}

async fn resume(queue: &impl Admin, of: &Of) -> Result<(), Failure> {
    queue.resume().await.map_err(Failure::of)?;
    let stats = queue.stats().await.map_err(Failure::of)?;
    if of.place.json {
        return say_json(&stats_json(&of.name, &stats));
    }
    let (name, ready) = (plain(&of.name), count(stats.ready, "message"));
    say(format!(
        "the queue `{name}` gives messages again; {ready} ready"
    ))
}
