//! Programs that write under a lease, and are stopped and killed in the midst of it: looked at by plain SQL.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use brigade::prelude::*;
use pipeline_service::lease::{Lease, Leases as _};
use rustix::process::Signal;
use test_servers::Cluster;

use crate::fenced::table;
use crate::holder::{How, PROGRAM, known_as, signal};
use crate::support::{PATIENCE, Place, name, until};

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
            .args(["holder::program", "--exact", "--nocapture"])
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

    /// Stops who leads after that one, whoever it is by then, while its transaction is open.
    async fn stop_inside(&self, token: i64) -> (i64, u32) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (new, who) = self.leads_after(token).await;
            signal(who, Signal::STOP);
            if self.is_inside(who).await {
                return (new, who);
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
        let who;
        (token, who) = programs.stop_inside(token).await;
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
