//! Leases and schedules, by the clock of the server.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipeline_connectors::conformance;
use pipeline_connectors::database::{ConnectErrorKind, Postgres};
use pipeline_service::lease::Leases as _;
use pipeline_service::{Leader, Schedule, Schedules as _, Service, State};
use test_servers::Cluster;

use crate::support::{PATIENCE, client, database, name, until};

const HOUR: Duration = Duration::from_secs(3600);

/// A schema of its own.
async fn alone(server: &Cluster, schema: &str) -> Postgres {
    let db = Postgres::at(server.url("postgres")).schema(schema);
    db.connect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_in_postgres_are_what_leases_promise() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let schema = name();
    let open = async || alone(server, &schema).await.leases().open().await.unwrap();
    conformance::leases(open).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schedules_in_postgres_are_what_schedules_promise() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let schema = name();
    let open = async || {
        alone(server, &schema)
            .await
            .schedules()
            .open()
            .await
            .unwrap()
    };
    conformance::schedules(open).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_race_for_a_lease_in_postgres_one_has_it_at_any_instant() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let (lease, inside) = (name(), Arc::new(AtomicUsize::new(0)));
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let racing = (0..6).map(|who| {
        let (lease, inside, tokens) = (&lease, Arc::clone(&inside), Arc::clone(&tokens));
        async move {
            let leases = database(server).await.leases().open().await.unwrap();
            for _ in 0..10 {
                let mut token = 0;
                until("it has the lease", async || {
                    let claimed = leases.claim(lease, &who.to_string(), HOUR).await;
                    token = claimed.unwrap().unwrap_or_default();
                    token > 0
                })
                .await;
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                tokens.lock().unwrap().push(token);
                tokio::task::yield_now().await;
                assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                leases.release(lease, token).await.unwrap();
            }
        }
    });
    futures::future::join_all(racing).await;
    assert_eq!(*tokens.lock().unwrap(), (1..=60).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_instances_on_one_database_run_each_tick_once() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let process = name();
    let ran = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
    let mut all = Vec::new();
    for _ in 0..4 {
        let ran = Arc::clone(&ran);
        let schedules = database(server).await.schedules().open().await.unwrap();
        let schedule = Schedule::every(Duration::from_millis(200)).once_everywhere(schedules);
        let service = Service::new("instance", ()).process(process.clone(), |p| {
            p.on(schedule).task(move |cx, _| {
                let id = cx.tick().unwrap().id.clone();
                *ran.lock().unwrap().entry(id).or_default() += 1;
                std::future::ready(())
            })
        });
        all.push(service.start().await.unwrap());
    }
    until("ticks are done", async || ran.lock().unwrap().len() >= 15).await;
    for running in all {
        running.stop().await.unwrap();
    }
    let ran = ran.lock().unwrap();
    assert!(ran.values().all(|times| *times == 1), "{ran:?}");
}

/// Who has a lease is in the table; schedules are listed with who is at work.
#[tokio::test]
async fn who_is_at_work_is_told_and_for_how_long_he_has_it() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let schedules = database(server).await.schedules().open().await.unwrap();
    let (schedule, begins) = (name(), std::time::SystemTime::UNIX_EPOCH);
    schedules.look(&schedule, begins).await.unwrap();
    let told = async || {
        let list = schedules.list().await.unwrap();
        list.into_iter().find(|info| info.name == schedule).unwrap()
    };
    let info = told().await;
    assert_eq!((info.last, info.open, info.holder), (begins, None, None));
    let at = begins + HOUR;
    let claimed = schedules.claim(&schedule, "me", at, HOUR).await.unwrap();
    let info = told().await;
    assert_eq!((info.open, info.attempts), (Some(at), 1));
    assert_eq!(info.holder.as_deref(), Some("me"));
    let left = info.left.unwrap();
    assert!(left <= HOUR && left + PATIENCE > HOUR, "{left:?}");
    let token = claimed.unwrap().token;
    schedules.release(&schedule, token).await.unwrap();
    let info = told().await;
    assert_eq!((info.open, info.holder), (Some(at), None));
}

/// A call has a deadline: who is cut off from the server is not kept waiting for longer than his lease.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_ends_a_call_in_time_and_a_holder_before_another_begins() {
    let Some(server) = Cluster::new() else { return };
    let leases = database(&server).await.leases().open().await.unwrap();
    let ttl = Duration::from_secs(4);
    let token = leases.claim("writer", "me", ttl).await.unwrap().unwrap();
    let admin = client(&server.url("postgres")).await;
    // Somebody has locked the table, as it happens in a migration that went wrong.
    admin
        .batch_execute("BEGIN; LOCK TABLE brigade.lease")
        .await
        .unwrap();
    let asked = tokio::time::Instant::now();
    let error = leases.renew("writer", token, ttl).await.unwrap_err();
    assert!(
        error.to_string().contains("has not answered for 1s"),
        "{error}"
    );
    assert!(asked.elapsed() < ttl, "{:?}", asked.elapsed());
    admin.batch_execute("ROLLBACK").await.unwrap();
    // The next call has a new connection.
    let claim = async || leases.claim("writer", "me", ttl).await;
    until("it is granted again", async || {
        claim().await.is_ok_and(|token| token.is_some())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_whose_server_starts_anew_leads_on_or_another_does() {
    let Some(server) = Cluster::new() else { return };
    let (inside, led) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(Mutex::new(Vec::new())),
    );
    let mut all = Vec::new();
    for _ in 0..2 {
        let leases = database(&server).await.leases().open().await.unwrap();
        let leader = Leader::new(leases, "writer").ttl(Duration::from_secs(3));
        let (inside, led) = (Arc::clone(&inside), Arc::clone(&led));
        let service = Service::new("instance", ()).process("writes", |p| {
            p.led_by(&leader).task(move |cx, mut stop| {
                let (inside, led) = (Arc::clone(&inside), Arc::clone(&led));
                async move {
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    led.lock().unwrap().push(cx.token().unwrap());
                    stop.requested().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            })
        });
        all.push(service.start().await.unwrap());
    }
    let leads = async || inside.load(Ordering::SeqCst) == 1;
    until("one leads", leads).await;
    server.kill();
    until("nobody leads without its server", async || !leads().await).await;
    server.resume();
    until("one leads again", leads).await;
    let states: Vec<_> = all
        .iter()
        .map(pipeline_service::RunningService::status)
        .collect();
    let running = states
        .iter()
        .filter(|status| status.state("writes") == Some(&State::Running));
    assert_eq!(running.count(), 1);
    for running in all {
        running.stop().await.unwrap();
    }
    let led = led.lock().unwrap();
    assert!(led.is_sorted_by(|one, next| one < next), "{led:?}");
}

/// Tables of the first version have none: they are added, under the hands of who works with the others.
#[tokio::test]
async fn tables_of_an_earlier_version_are_given_those_of_leases_and_newer_ones_are_left_alone() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let schema = format!("v_{:08x}", fastrand::u32(..));
    let admin = client(&server.url("postgres")).await;
    let run = async |sql: &str| admin.batch_execute(&sql.replace("{schema}", &schema)).await;
    run("CREATE SCHEMA {schema}").await.unwrap();
    run(&Postgres::schema_sql(&schema)).await.unwrap();
    // As the first version has made it.
    let first = "DROP TABLE {schema}.lease, {schema}.tick;
        DROP FUNCTION {schema}.lease_claim; DROP FUNCTION {schema}.schedules;
        UPDATE {schema}.meta SET minor = 1";
    run(first).await.unwrap();
    let told = alone(server, &schema).await.contents().await.unwrap();
    assert!(told.journal && !told.schedules);
    let leases = alone(server, &schema).await.leases().open().await.unwrap();
    assert_eq!(leases.claim("a", "me", HOUR).await.unwrap(), Some(1));
    assert!(
        alone(server, &schema)
            .await
            .contents()
            .await
            .unwrap()
            .schedules
    );
    // As a later version has made them: an older program's script puts nothing of its own in their place.
    let later =
        "CREATE OR REPLACE FUNCTION {schema}.lease_release(name_ text, token_ bigint) RETURNS void
            LANGUAGE sql AS 'SELECT NULL::void';
        UPDATE {schema}.meta SET minor = 99";
    run(later).await.unwrap();
    run(&Postgres::upgrade_sql(&schema)).await.unwrap();
    let is_later = format!(
        "SELECT prosrc LIKE 'SELECT NULL%' AND minor = 99 FROM pg_proc, {schema}.meta
        WHERE proname = 'lease_release' AND pronamespace = '{schema}'::regnamespace"
    );
    let row = admin.query_one(&is_later, &[]).await.unwrap();
    assert!(row.get::<_, bool>(0), "an older function is in its place");
    let opened = alone(server, &schema).await.leases().open().await;
    assert!(opened.is_ok(), "{opened:?}");
    // Nor in those of another major version, which it does not know.
    run("UPDATE {schema}.meta SET major = 3, minor = 0")
        .await
        .unwrap();
    run(&Postgres::upgrade_sql(&schema)).await.unwrap();
    let row = admin
        .query_one(&is_later.replace("minor = 99", "minor = 0"), &[])
        .await
        .unwrap();
    assert!(row.get::<_, bool>(0), "an older function is in its place");
    let kind = alone(server, &schema)
        .await
        .leases()
        .open()
        .await
        .unwrap_err()
        .kind;
    assert_eq!(kind, ConnectErrorKind::Version { found: 3, known: 2 });
}

/// Two of one version begin at the same time, and one of a later version is done between their look and their lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_another_to_upgrade_the_tables_looks_again_what_they_are() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let schema = format!("v_{:08x}", fastrand::u32(..));
    let db = alone(server, &schema).await;
    db.leases().open().await.unwrap();
    let mut admin = client(&server.url("postgres")).await;
    let set = |minor: u32| format!("UPDATE {schema}.meta SET minor = {minor}");
    admin.batch_execute(&set(0)).await.unwrap();
    let later = admin.transaction().await.unwrap();
    let lock =
        format!("SELECT pg_advisory_xact_lock(hashtextextended('brigade tables \"{schema}\"', 0))");
    later.batch_execute(&lock).await.unwrap();
    let older = alone(server, &schema).await;
    let opening = tokio::spawn(async move { older.leases().open().await.map(drop) });
    let script = client(&server.url("postgres")).await;
    let sql = Postgres::upgrade_sql(&schema);
    let running = tokio::spawn(async move { script.batch_execute(&sql).await });
    let watching = client(&server.url("postgres")).await;
    until("both wait for the lock", async || {
        let waiting = "SELECT FROM pg_locks l WHERE locktype = 'advisory' AND NOT granted
            AND EXISTS (SELECT FROM pg_locks h WHERE h.granted AND h.pid = $1 AND h.locktype = 'advisory'
                AND (h.classid, h.objid, h.objsubid) = (l.classid, l.objid, l.objsubid))";
        let pid = later.query_one("SELECT pg_backend_pid()", &[]).await;
        let pid: i32 = pid.unwrap().get(0);
        watching.query(waiting, &[&pid]).await.unwrap().len() == 2
    })
    .await;
    let newer = format!(
        "CREATE OR REPLACE FUNCTION {schema}.lease_release(name_ text, token_ bigint) RETURNS void
        LANGUAGE sql AS 'SELECT NULL::void'; {}",
        set(99)
    );
    later.batch_execute(&newer).await.unwrap();
    later.commit().await.unwrap();
    opening.await.unwrap().unwrap();
    running.await.unwrap().unwrap();
    let is_later = format!(
        "SELECT prosrc LIKE 'SELECT NULL%' AND minor = 99 FROM pg_proc, {schema}.meta
        WHERE proname = 'lease_release' AND pronamespace = '{schema}'::regnamespace"
    );
    let row = watching.query_one(&is_later, &[]).await.unwrap();
    assert!(row.get::<_, bool>(0), "an older function is in its place");
}
