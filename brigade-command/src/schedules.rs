//! Schedules.

use crate::args::{Place, Schedules};
use crate::database::Database;
use crate::failure::Failure;
use crate::print::{left, say, say_json, schedule_json, since, stamp};
use crate::table::Table;

pub(crate) async fn run(what: Schedules) -> Result<(), Failure> {
    match what {
        Schedules::List { place } => list(&place).await,
    }
}

async fn list(place: &Place) -> Result<(), Failure> {
    let schedules = Database::open(place).await?.schedules().await?;
    if place.json {
        return schedules
            .iter()
            .map(schedule_json)
            .try_for_each(|json| say_json(&json));
    }
    if schedules.is_empty() {
        return say("there are no schedules in it");
    }
    let mut table = Table::new(&["SCHEDULE", "LAST", "OPEN", "ATTEMPTS", "UNTIL", "HOLDER"]);
    for schedule in schedules {
        let none = || "-".to_owned();
        // What nobody is at work on comes again at whoever asks next.
        let until = match (schedule.left, schedule.open) {
            (Some(time), _) => format!("in {}", left(time)),
            (None, Some(_)) => "it comes again".to_owned(),
            (None, None) => none(),
        };
        table.row([
            schedule.name,
            format!("{} ({} ago)", stamp(schedule.last), since(schedule.last)),
            schedule.open.map_or_else(none, stamp),
            schedule.attempts.to_string(),
            until,
            schedule.holder.unwrap_or_else(none),
        ]);
    }
    table.lines().iter().try_for_each(say)
}
