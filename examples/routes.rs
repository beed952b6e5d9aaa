//! Branches: the events of one queue go to three tables, each exactly once, through stages of their own; and a copy of each
//! goes into a log, as far as that keeps up.
//!
//! ```text
//! cargo run --example routes
//! ```
//!
//! The first run is cut off in the middle, the second goes on with what is left. Then the database itself is asked:
//!
//! ```text
//! orders    771 rows of   771 events
//! clicks   1500 rows of  1500 events
//! pages     300 rows of   300 events
//! letters     3, left in the queue 0
//! log      2309 lines, 636 events passed it by the second time; nothing waited for it
//! ```

use std::time::Duration;

use brigade::BoxError;
use brigade::database::Sqlite;
use brigade::prelude::*;
use brigade::queue::{Delivery, SqliteQueue};

const EVENTS: u32 = 3000;

/// For so long a message is a worker's, who extends it while it works.
const LEASE: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Event {
    Order { pieces: u32 },
    Click { x: u32, y: u32 },
    Page(String),
    Ping,
}

/// As they come: `order 3`, `click 4 5`, `page /about`, `ping`.
fn parse(text: &str) -> Result<Event, String> {
    let number = |word: &str| word.parse::<u32>().map_err(|e| format!("{word}: {e}"));
    let words: Vec<_> = text.split(' ').collect();
    match words[..] {
        ["order", pieces] => Ok(Event::Order {
            pieces: number(pieces)?,
        }),
        ["click", x, y] => Ok(Event::Click {
            x: number(x)?,
            y: number(y)?,
        }),
        ["page", path] => Ok(Event::Page(path.to_owned())),
        ["ping"] => Ok(Event::Ping),
        _ => Err(format!("no event: `{text}`")),
    }
}

fn event(n: u32) -> String {
    match n % 10 {
        0..3 => format!("order {}", n % 7),
        3..8 => format!("click {} {}", n % 640, n % 480),
        8 => format!("page /{n}"),
        _ if n % 1000 == 9 => "order many".to_owned(),
        _ => "ping".to_owned(),
    }
}

/// Somebody else's service.
async fn price(pieces: u32) -> Result<u32, std::io::Error> {
    tokio::time::sleep(Duration::from_millis(2)).await;
    Ok(pieces * 250)
}

/// A rendering that keeps a processor busy.
fn heat(x: u32, y: u32) -> u32 {
    (0..1000).fold(x * y, |heat, n| heat.wrapping_mul(31).wrapping_add(n))
}

/// The queue, and the file that it and the tables are in; and that of the log, which may be slow, or full.
struct Desk {
    events: SqliteQueue,
    db: Sqlite,
    log: Sqlite,
}

impl Desk {
    /// Moves events into their tables until the queue is empty.
    fn pipeline(&self) -> Result<Pipeline<brigade::Driven, Delivery<String>>, BoxError> {
        let table = |name: &str, second: &str, kind: &str| {
            let table = self.db.table(name).column("event", "INTEGER NOT NULL");
            let table = table.column(second, kind).create().open()?;
            Ok::<_, BoxError>(self.events.settling(&table)?)
        };
        let orders = table("orders", "price", "INTEGER NOT NULL")?;
        let clicks = table("clicks", "heat", "INTEGER NOT NULL")?;
        let pages = table("pages", "path", "TEXT NOT NULL")?;
        let letters = self.db.letters().open()?;
        let log = self.log.table("log").column("event", "TEXT NOT NULL");
        let log = log.column("text", "TEXT NOT NULL").create().open()?;
        let deliveries = self.events.clone().deliveries().until_idle();
        // Longer than a lease: also what a run has left behind that was cut off comes in time.
        let deliveries = deliveries.wait(LEASE * 3 / 2);
        Ok(pipeline! {
            [deliveries, queue::dead_letters(letters)]
            push_task(message),
            tee (message.id().to_string(), message.to_string()) {
                batch(100, Duration::from_millis(20)) with { name: "log" },
                :drive log,
            } with { lossy: 300 },
            let number = message.id().parse::<u32>()?,
            let event = parse(message)?,
            match event {
                Event::Order { pieces } if pieces > 0 => {
                    :async 20 let price = price(*pieces).await?,
                    map(|m| (m.number, m.price)),
                    :drive orders,
                }
                Event::Click { x, y } => {
                    :block 2 let heat = heat(*x, *y),
                    map(|m| (m.number, m.heat)),
                    batch(100, Duration::from_millis(20)),
                    :drive clicks,
                }
                Event::Page(path) => {
                    map(|m| (m.number, m.path)),
                    batch(100, Duration::from_millis(20)),
                    :drive pages,
                }
                Event::Order { .. } | Event::Ping => skip,
            }
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let directory = tempfile::tempdir()?;
    let db = Sqlite::open(directory.path().join("routes.db"))?;
    let events: SqliteQueue = db.queue("events").lease(LEASE).open()?;
    let message = |n| queue::Outgoing::new(event(n)).id(n.to_string());
    let unsent = events.send((0..EVENTS).map(message).collect()).await?;
    assert!(unsent.is_empty());
    let log = Sqlite::open(directory.path().join("log.db"))?;
    let desk = Desk { events, db, log };

    let first = desk.pipeline()?;
    println!("{}", first.plan());
    let running = first.spawn();
    while running.report().stage("orders")?.done < 100 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    running.abort().await;
    println!("cut off after 100 orders; and again:\n");
    let report = desk.pipeline()?.run().await?;
    println!("{report}");

    let file = rusqlite::Connection::open(desk.db.path())?;
    let count =
        |what: &str| file.query_row(&format!("SELECT {what}"), [], |row| row.get::<_, u32>(0));
    for (table, expected) in [("orders", 771), ("clicks", 1500), ("pages", 300)] {
        let rows = count(&format!("count(*) FROM {table}"))?;
        let events = count(&format!("count(DISTINCT event) FROM {table}"))?;
        println!("{table:<7} {rows:>5} rows of {events:>5} events");
        assert_eq!((rows, events), (expected, expected));
    }
    let letters = count("count(*) FROM brigade_dead_letter")?;
    let left = count("count(*) FROM brigade_queue")?;
    println!("letters {letters:>5}, left in the queue {left}");
    assert_eq!((letters, left), (3, 0));
    let (log, tee) = (report.stage("log")?, report.stage("tee")?);
    assert_eq!(log.entered + log.skipped, tee.emitted);
    let file = rusqlite::Connection::open(desk.log.path())?;
    let lines: u32 = file.query_row("SELECT count(*) FROM log", [], |row| row.get(0))?;
    let skipped = log.skipped;
    println!(
        "log     {lines:>5} lines, {skipped} events passed it by the second time; nothing waited for it"
    );
    Ok(())
}
