//! Dead letters: what there is, and back into the pipeline with them.

use std::time::SystemTime;

use brigade::BoxError;
use brigade::queue::{DeadLetter, SqliteLetters};
use serde_json::Value;

use crate::archive::Server;
use crate::args::{Crew, Dead, Place};
use crate::crew;
use crate::ledger::Ledger;
use crate::run::watch;
use crate::say::print;

pub async fn dead(place: &Place, crew: &Crew, what: Dead) -> Result<(), BoxError> {
    place.is_begun()?;
    let letters = place.letters()?;
    match what {
        Dead::List => list(&letters).await,
        Dead::Show { id } => {
            let letter = get(&letters, &id).await?.remove(0);
            print(format_args!("{:#}", readable(&letter)?));
            Ok(())
        }
        Dead::Replay { ids } => replay(place, crew, &letters, &ids).await,
    }
}

async fn list(letters: &SqliteLetters) -> Result<(), BoxError> {
    for letter in letters.oldest(usize::MAX).await? {
        if !print(format_args!("{}: {letter}, {}", letter.id, age(&letter))) {
            return Ok(());
        }
    }
    print(format_args!("{} dead letters", letters.count().await?));
    Ok(())
}

/// With the values as their stages made them.
fn readable(letter: &DeadLetter) -> Result<Value, BoxError> {
    let mut readable = serde_json::to_value(letter)?;
    for (place, frame) in letter.frames.iter().enumerate() {
        readable["frames"][place]["value"] = frame.read()?.unwrap_or_default();
    }
    Ok(readable)
}

fn age(letter: &DeadLetter) -> String {
    match SystemTime::now().duration_since(letter.failed_at) {
        Ok(age) => format!("{} s ago", age.as_secs()),
        Err(_) => "just now".into(),
    }
}

/// All that there are, which is one at most: there is one queue.
async fn get(letters: &SqliteLetters, id: &str) -> Result<Vec<DeadLetter>, BoxError> {
    let letters = letters.get(id).await?;
    if letters.is_empty() {
        return Err(format!("there is no dead letter `{id}`; see `reports dead list`").into());
    }
    Ok(letters)
}

async fn replay(
    place: &Place,
    asked: &Crew,
    store: &SqliteLetters,
    ids: &[String],
) -> Result<(), BoxError> {
    let mut letters = Vec::new();
    for id in ids {
        letters.extend(get(store, id).await?);
    }
    if ids.is_empty() {
        letters = store.oldest(usize::MAX).await?;
    }
    let mut ledger = Ledger::open(place)?;
    let all = ledger.done()?;
    let before = ledger.ends()?;
    let queue = place.queue().await?;
    // If this is killed in the midst of it, it can be done again.
    queue.replay(store, ids, &place.journal()?).await?;

    let server = Server::start(|_| false).await?;
    let mut crew = crew::Crew::start(place, server.address, asked)?;
    watch(&mut ledger, &mut crew, &queue, all, asked.patience).await?;
    crew.finish().await?;
    ledger.look()?;

    let after = ledger.ends()?;
    let again = letters
        .iter()
        .filter(|letter| after.letters.contains_key(&letter.id))
        .count();
    let rows = after.rows.len() - before.rows.len();
    for letter in &letters {
        match after.letters.get(&letter.id) {
            Some(stage) => print(format_args!("{}: dead again, at {stage}", letter.id)),
            None => print(format_args!(
                "{}: done, from {} on",
                letter.id, letter.stage
            )),
        };
    }
    print(format_args!(
        "{} letters replayed: {rows} rows, {again} dead again; {} recorded stages ran again",
        letters.len(),
        ledger.history.again.len(),
    ));
    if rows + again != letters.len() || !ledger.history.again.is_empty() {
        return Err(format!("that does not add up: {:?}", ledger.history.again).into());
    }
    Ok(())
}
