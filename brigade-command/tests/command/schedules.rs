//! Schedules that several instances of a program share.

use std::time::{Duration, SystemTime};

use brigade::service::Schedules;
use serde_json::{Value, json};

use crate::support::{Db, Place, message};

/// 2027-01-15T08:00:00Z, and so many seconds more.
fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

/// One that is done, one that somebody is at work on, and one that was given back.
async fn fill(schedules: &impl Schedules) {
    let hour = Duration::from_secs(3600);
    for name in ["busy", "done", "given back"] {
        schedules.look(name, at(0)).await.unwrap();
        let claimed = schedules.claim(name, "host-7-a", at(60), hour).await;
        let token = claimed.unwrap().unwrap().token;
        match name {
            "done" => assert!(schedules.done(name, token, at(60)).await.unwrap()),
            "given back" => schedules.release(name, token).await.unwrap(),
            _ => {}
        }
    }
}

impl Place {
    async fn fill_schedules(&self) {
        match &self.db {
            Db::Sqlite(db) => fill(&db.schedules().open().unwrap()).await,
            Db::Postgres(db) => fill(&db.schedules().open().await.unwrap()).await,
        }
    }
}

fn lists(place: &Place) {
    let list = place.run(&["schedules", "list"]).clean();
    let lines: Vec<_> = list.lines().collect();
    assert!(lines[0].starts_with("SCHEDULE    LAST"), "{list}");
    let words = |line: usize| lines[line].split_whitespace().collect::<Vec<_>>();
    let busy = words(1);
    assert_eq!(busy[..2], ["busy", "2027-01-15T08:00:00Z"], "{list}");
    assert!(lines[1].contains("2027-01-15T08:01:00Z"), "{list}");
    assert!(
        lines[1].contains(" in 59m") || lines[1].contains(" in 1h"),
        "{list}"
    );
    assert_eq!(busy.last(), Some(&"host-7-a"), "{list}");
    assert_eq!(words(2)[..2], ["done", "2027-01-15T08:01:00Z"], "{list}");
    assert!(
        lines[2].ends_with('-') && lines[3].contains("it comes again"),
        "{list}"
    );

    let told = place.run(&["schedules", "list", "--json"]).json_lines();
    let of = |what: &str| {
        told.iter()
            .map(|line| line[what].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("schedule"),
        [json!("busy"), json!("done"), json!("given back")]
    );
    let open = json!("2027-01-15T08:01:00Z");
    assert_eq!(of("open"), [open.clone(), Value::Null, open]);
    assert_eq!(of("attempts"), [json!(1), json!(0), json!(1)]);
    assert_eq!(of("holder"), [json!("host-7-a"), Value::Null, Value::Null]);
    let left = told[0]["left_seconds"].as_f64().unwrap();
    assert!((3_000.0..=3_600.0).contains(&left), "{left}");
    assert_eq!(told[2]["left_seconds"], Value::Null);
}

#[tokio::test]
async fn schedules_in_a_file_are_listed_with_who_is_at_work_on_them() {
    let place = Place::file();
    place.fill_schedules().await;
    lists(&place);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schedules_in_postgres_are_listed_with_who_is_at_work_on_them() {
    let Some(place) = Place::server().await else {
        return;
    };
    place.send("orders", vec![message("a")]).await;
    let none = place.run(&["schedules", "list"]).clean();
    assert_eq!(none, "there are no schedules in it\n");
    place.fill_schedules().await;
    lists(&place);
}

#[tokio::test]
async fn a_file_without_a_place_for_schedules_is_told_and_gets_none() {
    let place = Place::file();
    place.send("orders", vec![message("a")]).await;
    let said = place.run(&["schedules", "list"]).said(3);
    assert!(said.contains("has no place for schedules"), "{said}");
    let file = rusqlite::Connection::open(place.path()).unwrap();
    let made = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'brigade_tick%'";
    let made: u64 = file.query_row(made, [], |row| row.get(0)).unwrap();
    assert_eq!(made, 0);
}
