//! Programs that write under a lease, as tests start them.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use brigade::prelude::*;
use pipeline_connectors::database::{Postgres, PostgresLeases};
use pipeline_connectors::sink::PostgresTable;
use pipeline_service::lease::{Lease, Leases as _};
use pipeline_service::{Leader, Service};
use rustix::process::{Pid, Signal, kill_process};
use tokio_postgres::{Config, NoTls};

use crate::fenced::{TTL, table};

/// What the program, which these tests start themselves as, is to do: how, where, with which table and lease, and where it says
/// what it does.
pub(crate) const PROGRAM: [&str; 4] = ["FENCED_HOW", "FENCED_URL", "FENCED_NAME", "FENCED_LOG"];

/// A holder that is stopped where it says so, or a leader that writes all the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
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

    pub(crate) fn word(self) -> &'static str {
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

pub(crate) fn known_as(process: u32) -> String {
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
