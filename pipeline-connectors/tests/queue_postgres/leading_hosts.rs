//! Instances on three hosts, of which one leads and each tick is for one: hosts are cut off, killed and stopped.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use pipeline_service::Schedule;
use rustix::process::Signal;
use test_servers::{Cluster, Cut, Host, Network};

use crate::holder::{Holder, note, signal};
use crate::support::{client, name, until};

/// Where the database is, how table and lease are called, the folder in which is said what is done, and the host.
const PROGRAM: [&str; 4] = ["HOSTS_URL", "HOSTS_NAME", "HOSTS_FOLDER", "HOSTS_HOST"];
/// The defaults are half a minute.
const TIMES: &str = "tcp_user_timeout=3&connect_timeout=3&keepalives_idle=1&keepalives_interval=1&keepalives_retries=3";

/// Writes whenever it leads, and says which ticks it begins, and which it has done. As long as there is a file that says so, it is
/// at work on one.
#[test]
fn program() {
    let [Ok(url), Ok(name), Ok(folder), Ok(host)] = PROGRAM.map(std::env::var) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let (db, holder) = Holder::open(&url, name, folder.join("log")).await;
        let schedules = db.schedules().open().await.unwrap();
        let schedule = Schedule::every(Duration::from_secs(1)).once_everywhere(schedules);
        let service = holder.leads().process("report", |p| {
            p.on(schedule).task(move |cx, mut stop| {
                let (folder, id) = (folder.clone(), cx.tick().unwrap().id.clone());
                let busy = folder.join(format!("busy {host}"));
                let say = move |what: &str, host: &str| {
                    note(&folder.join("log"), &format!("{what} {id} {host}"));
                };
                let host = host.clone();
                async move {
                    say("begin", &host);
                    let works = async {
                        while busy.exists() {
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                    };
                    tokio::select! {
                        () = works => say("end", &host),
                        () = stop.requested() => say("cut", &host),
                    }
                }
            })
        });
        let _ = service.run().await.unwrap();
    });
}

struct Programs {
    url: String,
    name: String,
    folder: tempfile::TempDir,
    all: Vec<(Host, Child)>,
}

impl Programs {
    fn start(&mut self, host: &Host) {
        let address = host.address().to_string();
        let folder = self.folder.path().to_str().unwrap();
        let values = [&self.url, &self.name, folder, &address];
        let child = host
            .command(std::env::current_exe().unwrap())
            .args(["leading_hosts::program", "--exact", "--nocapture"])
            .envs(PROGRAM.into_iter().zip(values))
            .stdout(Stdio::null())
            .spawn();
        self.all.push((host.clone(), child.unwrap()));
    }

    fn busy(&self, host: &str) -> PathBuf {
        self.folder.path().join(format!("busy {host}"))
    }

    /// The two words behind this one, of each line that begins so.
    fn said(&self, word: &str) -> Vec<(String, String)> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines = log.lines().filter_map(|line| line.strip_prefix(word));
        let words = lines.map(|line| line.trim().split_once(' ').unwrap());
        words
            .map(|(one, two)| (one.to_owned(), two.to_owned()))
            .collect()
    }

    /// The token of who leads after that one, and is not that process, and its place among all.
    async fn leads_after(&self, token: u64, but: Option<usize>) -> (u64, usize) {
        let mut found = None;
        until("another leads", async || {
            let said = self.said("leads").into_iter().rev();
            let mut said = said.map(|(token, process)| {
                let process: u32 = process.parse().unwrap();
                let mut all = self.all.iter();
                let place = all.position(|(_, child)| child.id() == process);
                (token.parse().unwrap(), place.unwrap())
            });
            found = said.find(|(new, place)| *new > token && but != Some(*place));
            found.is_some()
        })
        .await;
        found.unwrap()
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        for (_, child) in &mut self.all {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_hosts_that_are_cut_off_killed_and_stopped_one_leader_writes_and_each_tick_is_done_once()
 {
    let Some(network) = Network::new(4) else {
        return;
    };
    let [there, hosts @ ..] = network.hosts() else {
        unreachable!("there are four");
    };
    let Some(server) = Cluster::on(there) else {
        return;
    };
    let mut programs = Programs {
        url: format!("{}?{TIMES}", server.url("postgres")),
        name: name(),
        folder: tempfile::tempdir().unwrap(),
        all: Vec::new(),
    };
    let eyes = client(&server.url_here("postgres")).await;
    let tables = format!(
        "CREATE TABLE \"{0}\" (token bigint NOT NULL);
        CREATE TABLE \"{0} seen\" (token bigint PRIMARY KEY, count bigint)",
        programs.name
    );
    eyes.batch_execute(&tables).await.unwrap();
    for host in hosts {
        std::fs::write(programs.busy(&host.address().to_string()), "").unwrap();
        programs.start(host);
    }

    cuts_off_who_is_at_work(&programs, &network, hosts).await;
    let last = ends_leaders(&mut programs, &network).await;
    audit(&programs, &eyes, last).await;
}

/// The host of who is at work on a tick is cut off.
async fn cuts_off_who_is_at_work(programs: &Programs, network: &Network, hosts: &[Host]) {
    until("a tick is begun", async || {
        !programs.said("begin").is_empty()
    })
    .await;
    let (tick, at) = programs.said("begin").remove(0);
    let cut = hosts.iter().find(|host| host.address().to_string() == at);
    let cut = cut.unwrap();
    programs.leads_after(0, None).await;
    network.cut(cut, Cut::Silent);
    for host in hosts.iter().filter(|host| host.address() != cut.address()) {
        std::fs::remove_file(programs.busy(&host.address().to_string())).unwrap();
    }
    until("the tick is done elsewhere", async || {
        programs.said("end").iter().any(|(done, _)| *done == tick)
    })
    .await;
    let begun = programs.said("begin");
    assert_eq!(
        begun[1].0, tick,
        "it comes again before any other: {begun:?}"
    );
    assert_ne!(begun[1].1, at);
    let given_up = programs.said("cut");
    assert_eq!(
        given_up,
        [(tick.clone(), at.clone())],
        "who was cut off had stopped"
    );
    std::fs::remove_file(programs.busy(&at)).unwrap();
    network.mend(cut, Cut::Silent);
}

/// Who leads is cut off in two ways, stopped, and killed; the token of who leads then.
async fn ends_leaders(programs: &mut Programs, network: &Network) -> u64 {
    let (mut token, mut who) = programs.leads_after(0, None).await;
    for how in [Cut::Silent, Cut::Deaf] {
        let host = &programs.all[who].0;
        network.cut(host, how);
        let next = programs.leads_after(token, Some(who)).await;
        network.mend(host, how);
        (token, who) = next;
    }
    let stopped = programs.all[who].1.id();
    signal(stopped, Signal::STOP);
    let (token, who) = programs.leads_after(token, Some(who)).await;
    signal(stopped, Signal::CONT);
    let (host, killed) = &programs.all[who];
    signal(killed.id(), Signal::KILL);
    let host = host.clone();
    programs.start(&host);
    programs.leads_after(token, Some(who)).await.0
}

/// By plain SQL, and by what all have said.
async fn audit(programs: &Programs, eyes: &tokio_postgres::Client, last: u64) {
    let count = async |sql: &str| {
        let row = eyes.query_one(sql, &[]).await.unwrap();
        row.get::<_, i64>(0)
    };
    let name = &programs.name;
    let of_the_last = format!("SELECT count(*) FROM \"{name}\" WHERE token >= {last}");
    until("the last one writes", async || {
        count(&of_the_last).await > 100
    })
    .await;
    let done = programs.said("end").len();
    until("ticks are done", async || {
        programs.said("end").len() >= done + 3
    })
    .await;
    let stale = format!(
        "SELECT count(*) FROM \"{name} seen\" s
        WHERE s.count <> (SELECT count(*) FROM \"{name}\" r WHERE r.token < s.token)"
    );
    assert_eq!(count(&stale).await, 0, "somebody has written too late");
    let mut done: Vec<_> = programs
        .said("end")
        .into_iter()
        .map(|(tick, _)| tick)
        .collect();
    let all = done.len();
    done.sort();
    done.dedup();
    assert_eq!(done.len(), all, "one is done twice");
}
