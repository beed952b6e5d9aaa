//! Dead letters: what there is, and back into the pipeline with them.

use std::time::SystemTime;

use brigade::BoxError;
use brigade::queue::DeadLetter;
use serde_json::Value;

use crate::archive::Server;
use crate::args::{Crew, Dead};
use crate::crew;
use crate::ledger::Ledger;
use crate::place::{Place, archive};
use crate::run::watch;
use crate::say::print;

pub async fn dead<P: Place>(place: &P, crew: &Crew, what: &Dead) -> Result<(), BoxError> {
    if !place.is_begun().await? {
        let dir = place.home().dir().display();
        return Err(format!("there is no run in {dir}; start one first").into());
    }
    let letters = place.letters().await?;
    match what {
        Dead::List => {
            list(&letters);
            Ok(())
        }
        Dead::Show { id } => {
            print(format_args!("{:#}", readable(get(&letters, id)?)?));
            Ok(())
        }
        Dead::Replay { ids } => replay(place, crew, &letters, ids).await,
    }
}

fn list(letters: &[DeadLetter]) {
    for letter in letters {
        if !print(format_args!("{}: {letter}, {}", letter.id, age(letter))) {
            return;
        }
    }
    print(format_args!("{} dead letters", letters.len()));
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

fn get<'l>(letters: &'l [DeadLetter], id: &str) -> Result<&'l DeadLetter, BoxError> {
    let letter = letters.iter().find(|letter| letter.id == id);
    letter.ok_or_else(|| format!("there is no dead letter `{id}`; see `reports dead list`").into())
}

async fn replay<P: Place>(
    place: &P,
    asked: &Crew,
    all_letters: &[DeadLetter],
    ids: &[String],
) -> Result<(), BoxError> {
    let named = ids.iter().map(|id| get(all_letters, id));
    let mut letters = named.collect::<Result<Vec<_>, _>>()?;
    if ids.is_empty() {
        letters = all_letters.iter().collect();
    }
    let mut ledger = Ledger::open(place).await?;
    let all = ledger.done().await?;
    let before = ledger.ends().await?;
    place.replay(ids).await?;

    let server = Server::start(archive(place)?, |_| false)?;
    let mut crew = crew::Crew::start(place, server.address, asked)?;
    watch(&mut ledger, &mut crew, place, all, asked.patience).await?;
    crew.finish().await?;
    ledger.look().await?;

    let after = ledger.ends().await?;
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
