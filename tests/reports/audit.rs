//! The program's own audit, of files that are not as they should be.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::support::Place;

/// Writes a second row for a message that has one, as soon as any has. Which it is.
fn double(place: &Place) -> u32 {
    let copy = "INSERT INTO reports SELECT * FROM reports LIMIT 1 RETURNING number";
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        // Before the run has made the file and the table there is nothing to read.
        let reports = place.path("reports.db");
        if reports.exists()
            && let Ok(reports) = Connection::open(reports)
            && reports.busy_timeout(Duration::from_secs(30)).is_ok()
            && let Ok(number) = reports.query_row(copy, [], |row| row.get(0))
        {
            return number;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("there are no rows");
}

#[test]
fn a_row_that_is_there_twice_is_found() {
    let place = Place::new();
    let mut number = 0;
    let ended = place.run_while(&["--messages", "3000", "--fail-rate", "0"], || {
        number = double(&place);
    });
    let twice = "SELECT number FROM reports GROUP BY number HAVING count(*) > 1";
    assert_eq!(place.query::<u32>("reports.db", twice), [number]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let problem = format!("audit: 1 problems\n  report {number}: 2 rows, not 1 rows\n");
    assert!(ended.stdout.ends_with(&problem), "{ended:?}");
    assert!(ended.stderr.contains("the audit is not clean"), "{ended:?}");
}
