//! Dead letters.

use brigade::queue::{self, DeadLetter, LetterStore, Queue, Replayed};
use serde_json::json;

use crate::args::{Letters, Place, Replay, Yes};
use crate::confirm::confirm;
use crate::database::{AnyJournal, AnyLetters, Database, with_letters, with_queue};
use crate::failure::Failure;
use crate::print::{count, letter_json, say, say_json, since, stamp};
use crate::table::{Table, plain};

pub(crate) async fn run(what: Letters) -> Result<(), Failure> {
    match what {
        Letters::List { place, limit } => list(&place, limit).await,
        Letters::Show { id, place } => show(&id, &place).await,
        Letters::Delete { ids, place, yes } => delete(&ids, &place, yes).await,
        Letters::Purge { place, yes } => purge(&place, yes).await,
        Letters::Replay(asked) => replay(&asked).await,
    }
}

async fn open(place: &Place) -> Result<AnyLetters, Failure> {
    Database::open(place).await?.letters().await
}

async fn list(place: &Place, limit: usize) -> Result<(), Failure> {
    let letters = open(place).await?;
    let all = with_letters!(&letters, letters => letters.count().await).map_err(Failure::of)?;
    let oldest = with_letters!(&letters, letters => letters.oldest(limit).await);
    let oldest = oldest.map_err(Failure::of)?;
    if place.json {
        for letter in &oldest {
            say_json(&letter_json(letter)?)?;
        }
        return Ok(());
    }
    let mut table = Table::new(&["ID", "FAILED", "STAGE", "ATTEMPTS", "REPLAYS", "CAUSE"]);
    for letter in &oldest {
        table.row([
            letter.id.clone(),
            format!("{} ago", since(letter.failed_at)),
            letter.stage.clone(),
            letter.attempts.to_string(),
            letter.replays.to_string(),
            letter.cause.clone(),
        ]);
    }
    table.lines().iter().try_for_each(say)?;
    if (oldest.len() as u64) < all {
        say(format!(
            "{} of {} are shown",
            oldest.len(),
            count(all, "letter")
        ))?;
    }
    Ok(())
}

fn missing(ids: &[&str]) -> Failure {
    let ids: Vec<_> = ids.iter().map(|id| format!("`{}`", plain(id))).collect();
    Failure::Missing(format!("no dead letter of {}", ids.join(", ")))
}

async fn get(letters: &AnyLetters, id: &str) -> Result<Vec<DeadLetter>, Failure> {
    with_letters!(letters, letters => letters.get(id).await).map_err(Failure::of)
}

async fn show(id: &str, place: &Place) -> Result<(), Failure> {
    let found = get(&open(place).await?, id).await?;
    if found.is_empty() {
        return Err(missing(&[id]));
    }
    for letter in &found {
        if place.json {
            say_json(&letter_json(letter)?)?;
            continue;
        }
        let keys: Vec<_> = letter.frames.iter().map(|frame| &*frame.key).collect();
        let mut lines = vec![
            ("id", letter.id.clone()),
            ("stack", letter.to_string()),
            ("stage", letter.stage.clone()),
            ("command", letter.command.clone()),
            ("cause", letter.cause.clone()),
            ("attempts", letter.attempts.to_string()),
            ("receives", letter.receive_count.to_string()),
            ("replays", letter.replays.to_string()),
            ("sent", stamp(letter.first_seen)),
            ("failed", stamp(letter.failed_at)),
            ("task", letter.task.clone()),
            ("scope", letter.scope.clone()),
            ("group", letter.group.clone().unwrap_or_else(|| "-".into())),
            ("priority", letter.priority.to_string()),
            ("frames", keys.join(", ")),
        ];
        let attributes = letter.attributes.iter();
        lines.extend(attributes.map(|(name, value)| ("attribute", format!("{name}={value}"))));
        let original = String::from_utf8_lossy(&letter.original).into_owned();
        lines.push(("original", original));
        for (name, value) in lines {
            say(format!("{name:10}{}", plain(&value)))?;
        }
    }
    Ok(())
}

async fn delete(ids: &[String], place: &Place, yes: Yes) -> Result<(), Failure> {
    let letters = open(place).await?;
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for id in ids {
        let of_id = get(&letters, id).await?;
        if of_id.is_empty() {
            unknown.push(&**id);
        }
        found.extend(of_id);
    }
    if !found.is_empty() {
        let what = count(found.len() as u64, "dead letter");
        confirm(yes, &format!("remove {what}"))?;
    }
    let removed = with_letters!(&letters, letters => letters.remove(&found).await);
    let removed = removed.map_err(Failure::of)?;
    if place.json {
        say_json(&json!({ "removed": removed, "unknown": unknown }))?;
    } else {
        say(format!("{} removed", count(removed as u64, "dead letter")))?;
    }
    match &*unknown {
        [] => Ok(()),
        unknown => Err(missing(unknown)),
    }
}

async fn purge(place: &Place, yes: Yes) -> Result<(), Failure> {
    let letters = open(place).await?;
    let all = with_letters!(&letters, letters => letters.count().await).map_err(Failure::of)?;
    confirm(yes, &format!("remove all {}", count(all, "dead letter")))?;
    let purged = with_letters!(&letters, letters => letters.purge().await).map_err(Failure::of)?;
    if place.json {
        return say_json(&json!({ "purged": purged }));
    }
    say(format!("{} removed", count(purged, "dead letter")))
}

async fn replay(asked: &Replay) -> Result<(), Failure> {
    let db = Database::open(&asked.place).await?;
    let letters = db.letters().await?;
    let queue = db.queue(&asked.to).await?;
    let journal = if asked.journal {
        Some(db.journal().await?)
    } else {
        None
    };
    let replayed = with_letters!(&letters, letters => with_queue!(&queue, queue => {
        let replay = described(letters.replay(queue), asked);
        match &journal {
            None => replay.run().await,
            Some(AnyJournal::Sqlite(journal)) => replay.journal(journal).run().await,
            Some(AnyJournal::Postgres(journal)) => replay.journal(journal).run().await,
        }
    }));
    told(&replayed.map_err(Failure::of)?, asked)
}

/// Which letters, and how they are sent.
fn described<'a, S: LetterStore, Q: Queue>(
    mut replay: queue::Replay<'a, S, Q>,
    asked: &Replay,
) -> queue::Replay<'a, S, Q> {
    if !asked.ids.is_empty() {
        replay = replay.ids(&asked.ids);
    }
    if let Some(stage) = &asked.stage {
        replay = replay.stage(stage);
    }
    if let Some(cause) = &asked.cause {
        replay = replay.cause(cause);
    }
    if let Some(age) = asked.older_than {
        replay = replay.older_than(age);
    }
    if let Some(key) = &asked.until_frame {
        replay = replay.until(key);
    }
    for key in &asked.without_frame {
        replay = replay.without_frame(key);
    }
    replay
        .limit(asked.limit.unwrap_or(usize::MAX))
        .delay(asked.delay.unwrap_or_default())
}

fn told(replayed: &Replayed, asked: &Replay) -> Result<(), Failure> {
    if asked.place.json {
        let unsent = replayed.unsent.iter();
        let unsent = unsent.map(|left| json!({ "id": left.id, "error": left.error.to_string() }));
        say_json(&json!({
            "sent": replayed.sent, "already_done": replayed.already_done,
            "unsent": unsent.collect::<Vec<_>>(),
        }))?;
    } else {
        say(format!("{} sent", count(replayed.sent as u64, "message")))?;
        if replayed.already_done > 0 {
            let done = count(replayed.already_done as u64, "letter");
            say(format!("{done} removed of what was done already"))?;
        }
    }
    let left: Vec<_> = replayed.unsent.iter().collect();
    if left.is_empty() {
        let found = replayed.sent + replayed.already_done;
        if found == 0 && !asked.ids.is_empty() {
            return Err(missing(
                &asked.ids.iter().map(|id| &**id).collect::<Vec<_>>(),
            ));
        }
        return Ok(());
    }
    let left: Vec<_> = left
        .iter()
        .map(|left| format!("`{}`: {}", plain(&left.id), left.error))
        .collect();
    Err(Failure::Failed(format!("not sent: {}", left.join("; "))))
}
