//! The books on a server.

use std::collections::HashSet;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls, Row};

use super::books::{Books, Taken, Turn};
use crate::worker::postgres::process;

/// Notes in the transaction that does it what is recorded, which messages are taken, and by whom, and which of groups are gone.
const NOTES: &str = "
    CREATE TABLE rows (seq bigserial, number bigint NOT NULL);
    CREATE SCHEMA audit;
    CREATE TABLE audit.recorded (
        tx xid8 NOT NULL DEFAULT pg_current_xact_id(), seq bigserial, frame text NOT NULL
    );
    CREATE INDEX ON audit.recorded (tx);
    CREATE FUNCTION audit.note_recorded() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO audit.recorded (frame) VALUES (new.task || '/' || new.key);
        RETURN NULL;
    END $$;
    CREATE TRIGGER note_recorded AFTER INSERT ON brigade.frame FOR EACH ROW EXECUTE FUNCTION audit.note_recorded();

    CREATE TABLE audit.taken (worker text NOT NULL, message text NOT NULL, receives integer NOT NULL);
    CREATE FUNCTION audit.note_delivery() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO audit.taken VALUES (current_setting('application_name'), new.id, new.receives);
        RETURN NULL;
    END $$;
    CREATE TRIGGER note_delivery AFTER UPDATE OF token ON brigade.queue FOR EACH ROW
        WHEN (new.token IS DISTINCT FROM old.token) EXECUTE FUNCTION audit.note_delivery();

    CREATE TABLE audit.turn (seq bigserial, grp text NOT NULL, message text NOT NULL, gone boolean NOT NULL);
    CREATE FUNCTION audit.note_taken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO audit.turn (grp, message, gone) VALUES (new.grp, new.id, false);
        RETURN NULL;
    END $$;
    CREATE FUNCTION audit.note_gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO audit.turn (grp, message, gone) VALUES (old.grp, old.id, true);
        RETURN NULL;
    END $$;
    CREATE TRIGGER note_taken AFTER UPDATE OF token ON brigade.queue FOR EACH ROW
        WHEN (new.grp IS NOT NULL AND new.token IS DISTINCT FROM old.token) EXECUTE FUNCTION audit.note_taken();
    CREATE TRIGGER note_gone AFTER DELETE ON brigade.queue FOR EACH ROW
        WHEN (old.grp IS NOT NULL) EXECUTE FUNCTION audit.note_gone();
";

/// How long an answer may take while things happen.
const ANSWER: Duration = Duration::from_secs(5);

pub(crate) struct Server {
    runtime: Runtime,
    url: String,
    client: Option<Client>,
    /// No transaction before this one is still under way when the next frames are read.
    open: String,
}

impl Server {
    pub(crate) fn at(url: String) -> Self {
        Self {
            runtime: Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
            url,
            client: None,
            open: "0".to_owned(),
        }
    }

    /// What it answers; `None` if it is away.
    pub(crate) fn ask(&mut self, sql: &str) -> Option<Vec<Row>> {
        let Self {
            runtime,
            url,
            client,
            ..
        } = self;
        let asking = async { connected(client, url).await?.query(sql, &[]).await };
        let answer = runtime.block_on(async { timeout(ANSWER, asking).await });
        match answer {
            Ok(Ok(rows)) => Some(rows),
            Ok(Err(error)) => {
                // It shuts down, starts up, or is not there: not that it does not understand.
                let code = error.code().map_or("57", |code| code.code());
                let passes = code.starts_with("57") || code.starts_with("08");
                assert!(passes, "{sql}: {error:?}");
                self.client = None;
                None
            }
            Err(_) => {
                self.client = None;
                None
            }
        }
    }

    /// The same of one that is not away.
    fn all(&mut self, sql: &str) -> Vec<Row> {
        self.ask(sql)
            .expect("nothing happens to the server any more")
    }
}

impl Books for Server {
    fn prepare(&mut self) {
        let Self {
            runtime,
            url,
            client,
            ..
        } = self;
        let noting = async { connected(client, url).await?.batch_execute(NOTES).await };
        runtime.block_on(noting).unwrap();
    }

    fn left(&mut self, _: u32) -> Option<u32> {
        let rows = self.ask("SELECT count(*) FROM brigade.queue")?;
        Some(u32::try_from(rows[0].get::<_, i64>(0)).unwrap())
    }

    fn recorded(&mut self) -> Option<Vec<String>> {
        // What is committed late may have been written early: so it is asked by transactions.
        let new = format!(
            "SELECT (SELECT pg_snapshot_xmin(pg_current_snapshot())::text), frame
            FROM (SELECT) AS one LEFT JOIN audit.recorded ON tx >= '{}'::xid8 ORDER BY tx, seq",
            self.open
        );
        let rows = self.ask(&new)?;
        self.open = rows[0].get(0);
        Some(rows.iter().filter_map(|row| row.get(1)).collect())
    }

    fn rows(&mut self) -> Vec<u32> {
        let rows = self.all("SELECT number FROM rows ORDER BY seq");
        let numbers = rows.iter().map(|row| row.get::<_, i64>(0));
        numbers
            .map(|number| u32::try_from(number).unwrap())
            .collect()
    }

    fn letters(&mut self) -> Vec<String> {
        let letters = "SELECT id || ': ' || stage || ': ' || cause FROM brigade.letter";
        let rows = self.all(letters);
        rows.iter().map(|row| row.get(0)).collect()
    }

    fn taken(&mut self) -> Option<HashSet<Taken>> {
        let rows = self.all("SELECT worker, message, receives FROM audit.taken");
        let taken = |row: &Row| Taken {
            process: process(row.get(0)).to_owned(),
            message: row.get(1),
            count: u32::try_from(row.get::<_, i32>(2)).unwrap(),
        };
        Some(rows.iter().map(taken).collect())
    }

    fn turns(&mut self) -> Vec<Turn> {
        let rows = self.all("SELECT grp, message, gone FROM audit.turn ORDER BY seq");
        let turn = |row: &Row| Turn {
            group: row.get(0),
            message: row.get(1),
            is_gone: row.get(2),
        };
        rows.iter().map(turn).collect()
    }
}

async fn connected<'c>(
    client: &'c mut Option<Client>,
    url: &str,
) -> Result<&'c Client, tokio_postgres::Error> {
    if client.as_ref().is_none_or(Client::is_closed) {
        let (new, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        *client = Some(new);
    }
    Ok(client.as_ref().expect("it is made above"))
}
