//! Programs that write under a lease, and are stopped and killed in the midst of it: looked at by plain SQL.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use brigade::prelude::*;
use pipeline_connectors::database::{Postgres, PostgresLeases};
use pipeline_connectors::sink::PostgresTable;
use pipeline_service::lease::{Lease, Leases as _};
use pipeline_service::{Leader, Service};
use rustix::process::{Pid, Signal, kill_process};
use test_servers::Cluster;
use tokio_postgres::{Config, NoTls};

use crate::fenced::{TTL, table};
use crate::support::{PATIENCE, Place, name, until};

/// What the program, which these tests start themselves as, is to do: how, where, with which table and lease, and where it says
/// what it does.
const PROGRAM: [&str; 4] = ["FENCED_HOW", "FENCED_URL", "FENCED_NAME", "FENCED_LOG"];

/// A holder that is stopped where it says so, or a leader that writes all the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// Between the look whether it has the lease and the write.
    Between {
        is_fenced: bool,
    },
    /// Behind the write, in front of the commit.
    Inside {
        is_fenced: bool,
    },
    /// The same, but it is killed.
    Killed,
    Leads,
}

impl How {
    const ALL: [(&'static str, Self); 6] = [
        ("between, plain", Self::Between { is_fenced: false }),
        ("between, fenced", Self::Between { is_fenced: true }),
        ("inside, plain", Self::Inside { is_fenced: false }),
        ("inside, fenced", Self::Inside { is_fenced: true }),
        ("killed", Self::Killed),
        ("leads", Self::Leads),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, how)| *how == self).unwrap().0
    }

    fn of(word: &str) -> Self {
        Self::ALL.iter().find(|(of, _)| *of == word).unwrap().1
    }
}

pub(crate) fn note(log: &Path, line: &str) {
    let log = OpenOptions::new().append(true).create(true).open(log);
    let line = format!("{line}\n");
    // One write: of several programs none writes into the line of another.
    log.unwrap().write_all(line.as_bytes()).unwrap();
}

pub(crate) fn signal(who: u32, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(who).unwrap()).unwrap();
    kill_process(id, signal).unwrap();
}

fn number(token: u64) -> i64 {
    i64::try_from(token).unwrap()
}

#[test]
fn program() {
    let [Ok(how), Ok(url), Ok(name), Ok(log)] = PROGRAM.map(std::env::var) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let (_, holder) = Holder::open(&url, name, log.into()).await;
        match How::of(&how) {
            How::Leads => drop(holder.leads().run().await.unwrap()),
            how => holder.writes(how).await,
        }
    });
}

fn known_as(process: u32) -> String {
    format!("fenced {process}")
}

#[derive(Clone)]
pub(crate) struct Holder {
    leases: PostgresLeases,
    table: PostgresTable,
    config: Config,
    name: String,
    log: PathBuf,
}

impl Holder {
    pub(crate) async fn open(url: &str, name: String, log: PathBuf) -> (Postgres, Self) {
        let mut config: Config = url.parse().unwrap();
        config.application_name(known_as(std::process::id()));
        let db = Postgres::connect(config.clone()).await.unwrap();
        let holder = Self {
            leases: db.leases().open().await.unwrap(),
            table: table(&db, &name).await,
            config,
            name,
            log,
        };
        (db, holder)
    }

    async fn client(&self) -> tokio_postgres::Client {
        let (client, connection) = self.config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// Takes the lease, and writes one row under it, in the midst of which something happens.
    async fn writes(self, how: How) {
        let token = self.leases.claim(&self.name, "program", TTL).await;
        let token = token.unwrap().unwrap();
        let lease = Lease::new(self.name.clone(), token, TTL);
        let happens = |what| {
            note(&self.log, "checked");
            signal(std::process::id(), what);
            // It may take a moment until this thread stops, too.
            while !self.log.with_extension("on").exists() {
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        let ended = if let How::Between { is_fenced } = how {
            let renewed = self.leases.renew(&self.name, token, TTL).await;
            assert!(renewed.unwrap(), "it has the lease");
            happens(Signal::STOP);
            let rows = if is_fenced {
                self.table.fenced(&self.leases, &lease)
            } else {
                self.table.clone()
            };
            let run = pipeline! { [vec![(number(token),)]] :drive rows }.run();
            run.await.map(drop).map_err(|failure| failure.to_string())
        } else {
            let mut client = self.client().await;
            let transaction = client.transaction().await.unwrap();
            if how != (How::Inside { is_fenced: false }) {
                self.leases.fence(&transaction, &lease).await.unwrap();
            }
            let insert = format!("INSERT INTO \"{}\" VALUES ($1)", self.name);
            let token = number(token);
            transaction.execute(&insert, &[&token]).await.unwrap();
            happens(if how == How::Killed {
                Signal::KILL
            } else {
                Signal::STOP
            });
            let committed = transaction.commit().await;
            committed.map_err(|error| error.to_string())
        };
        note(&self.log, &format!("ended {ended:?}"));
    }

    /// Writes rows whenever it leads. First it notes what the leaders before it had written.
    pub(crate) fn leads(self) -> Service<()> {
        let leader = Leader::new(self.leases.clone(), self.name.clone()).ttl(TTL);
        Service::new("program", ()).process("writes", |p| {
            p.led_by(&leader).task(move |cx, stop| {
                let (holder, lease) = (self.clone(), cx.lease().unwrap().clone());
                async move {
                    let token = number(lease.token());
                    let seen = format!(
                        "INSERT INTO \"{0} seen\" SELECT $1, count(*) FROM \"{0}\" WHERE token < $1",
                        holder.name
                    );
                    let client = holder.client().await;
                    client.execute(&seen, &[&token]).await.unwrap();
                    note(&holder.log, &format!("leads {token} {}", std::process::id()));
                    let rows = holder.table.fenced(&holder.leases, &lease);
                    while !stop.is_requested() {
                        let rows = rows.clone();
                        let run = pipeline! { [vec![(token,); 20]] :drive rows }.run().await;
                        if let Err(failure) = run {
                            note(&holder.log, &format!("refused {failure}"));
                            return Err(failure);
                        }
                    }
                    Ok(())
                }
            })
        })
    }
}

struct Programs {
    place: Place,
    url: String,
    folder: tempfile::TempDir,
    all: Vec<Child>,
}

impl Programs {
    async fn new(server: &Cluster) -> Self {
        let place = Place::of(server, name()).await;
        let _ = table(&place.db, &place.name).await;
        let seen = format!(
            "CREATE TABLE \"{} seen\" (token bigint PRIMARY KEY, count bigint)",
            place.name
        );
        place.client.batch_execute(&seen).await.unwrap();
        Self {
            place,
            url: server.url("postgres"),
            folder: tempfile::tempdir().unwrap(),
            all: Vec::new(),
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn start(&mut self, how: How) -> u32 {
        let log = self.log();
        let values = [
            how.word(),
            &self.url,
            &self.place.name,
            log.to_str().unwrap(),
        ];
        let program = Command::new(std::env::current_exe().unwrap())
            .args(["fenced_killed::program", "--exact", "--nocapture"])
            .envs(PROGRAM.into_iter().zip(values))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let id = program.id();
        self.all.push(program);
        id
    }

    /// The rest of each line that begins so.
    fn said(&self, word: &str) -> Vec<String> {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let rest = log.lines().filter_map(|line| line.strip_prefix(word));
        rest.map(|rest| rest.trim().to_owned()).collect()
    }

    async fn until_said(&self, word: &str) -> String {
        until(&format!("it is said: {word}"), async || {
            !self.said(word).is_empty()
        })
        .await;
        self.said(word).remove(0)
    }

    /// The token of who leads after that one, and its process.
    async fn leads_after(&self, token: i64) -> (i64, u32) {
        let mut found = None;
        until("another leads", async || {
            let said = self.said("leads");
            let said = said.iter().map(|line| {
                let (token, who) = line.split_once(' ').unwrap();
                (token.parse::<i64>().unwrap(), who.parse::<u32>().unwrap())
            });
            found = said.into_iter().rfind(|(new, _)| *new > token);
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    async fn count(&self, sql: &str) -> i64 {
        let row = self.place.client.query_one(sql, &[]).await.unwrap();
        row.get(0)
    }

    /// Whether a transaction of this process is open, which waits for what it says next.
    async fn is_inside(&self, who: u32) -> bool {
        let open = "SELECT FROM pg_stat_activity WHERE application_name = $1 AND state = 'idle in transaction'";
        let open = self.place.client.query(open, &[&known_as(who)]).await;
        !open.unwrap().is_empty()
    }

    /// Stops a process while its transaction is open.
    async fn stop_inside(&self, who: u32) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            signal(who, Signal::STOP);
            if self.is_inside(who).await {
                return;
            }
            signal(who, Signal::CONT);
            assert!(Instant::now() < deadline, "it is never inside");
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        for program in &mut self.all {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

/// What a holder says that goes on when another has the lease, and how many rows it has written then.
async fn goes_on(how: How) -> Option<(String, i64)> {
    let server = test_servers::postgres()?;
    let mut programs = Programs::new(server).await;
    let old = programs.start(how);
    programs.until_said("checked").await;
    if matches!(how, How::Inside { .. }) {
        until("it is seen inside its transaction", async || {
            programs.is_inside(old).await
        })
        .await;
    }
    let leases = programs.place.db.leases().open().await.unwrap();
    let lease = programs.place.name.clone();
    let mut new = None;
    until("another has the lease", async || {
        new = leases.claim(&lease, "test", PATIENCE * 10).await.unwrap();
        new.is_some()
    })
    .await;
    let new = Lease::new(lease.clone(), new.unwrap(), PATIENCE * 10);
    assert_eq!(new.token(), 2);
    let of_the_old = format!("SELECT count(*) FROM \"{lease}\" WHERE token < 2");
    assert_eq!(programs.count(&of_the_old).await, 0);
    let rows = table(&programs.place.db, &lease)
        .await
        .fenced(&leases, &new);
    pipeline! { [vec![(2_i64,)]] :drive rows }
        .run()
        .await
        .unwrap();
    if how == How::Killed {
        return Some((String::new(), programs.count(&of_the_old).await));
    }
    std::fs::write(programs.log().with_extension("on"), "").unwrap();
    signal(old, Signal::CONT);
    let ended = programs.until_said("ended").await;
    Some((ended, programs.count(&of_the_old).await))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_stopped_between_its_look_at_the_lease_and_its_write_is_refused() {
    let Some((said, written)) = goes_on(How::Between { is_fenced: true }).await else {
        return;
    };
    assert!(said.contains("has token 2, and this is token 1"), "{said}");
    assert_eq!(written, 0);
    // A lease alone lets it through: that is what these tests see.
    let plain = goes_on(How::Between { is_fenced: false }).await;
    assert_eq!(plain, Some(("Ok(())".to_owned(), 1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_stopped_inside_its_transaction_has_none_when_it_goes_on() {
    let Some((said, written)) = goes_on(How::Inside { is_fenced: true }).await else {
        return;
    };
    assert!(said.starts_with("Err"), "{said}");
    assert_eq!(written, 0);
    let plain = goes_on(How::Inside { is_fenced: false }).await;
    assert_eq!(plain, Some(("Ok(())".to_owned(), 1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_who_is_killed_inside_its_transaction_nothing_is_written() {
    if let Some((_, written)) = goes_on(How::Killed).await {
        assert_eq!(written, 0);
    }
}

/// What the leaders before it had written, a leader has noted when it began: that is all they ever write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaders_that_are_stopped_and_killed_inside_their_writes_write_nothing_after_the_next_began()
 {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let mut programs = Programs::new(server).await;
    for _ in 0..3 {
        programs.start(How::Leads);
    }
    let mut token = 0;
    for round in 0..4 {
        let (new, who) = programs.leads_after(token).await;
        token = new;
        programs.stop_inside(who).await;
        if round % 2 == 1 {
            signal(who, Signal::KILL);
            programs.start(How::Leads);
            continue;
        }
        programs.leads_after(token).await;
        signal(who, Signal::CONT);
    }
    let (last, _) = programs.leads_after(token).await;
    let name = &programs.place.name;
    let of_the_last = format!("SELECT count(*) FROM \"{name}\" WHERE token = {last}");
    until("the last one writes", async || {
        programs.count(&of_the_last).await > 100
    })
    .await;
    let stale = format!(
        "SELECT count(*) FROM \"{name} seen\" s
        WHERE s.count <> (SELECT count(*) FROM \"{name}\" r WHERE r.token < s.token)"
    );
    assert_eq!(
        programs.count(&stale).await,
        0,
        "somebody has written too late"
    );
    let leaders = format!("SELECT count(*) FROM \"{name} seen\"");
    assert!(programs.count(&leaders).await >= 5);
}
