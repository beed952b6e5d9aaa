//! Configurations that are asked for at each connection.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pipeline_connectors::database::{ConnectError, ConnectErrorKind, Postgres};
use test_servers::Cluster;
use tokio_postgres::Client;

use crate::kills::works_on_all;
use crate::support::{client, new_database, until};

/// What every password here has in it.
const MARKER: &str = "streng-geheim";

/// A role whose password is changed, and what those who connect as it are told that it is.
struct Rotating {
    url: String,
    role: String,
    database: String,
    admin: Client,
    /// What is told, and how often somebody asked.
    told: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Rotating {
    async fn new(server: &Cluster) -> Self {
        let database = new_database(server, "UTF8").await;
        let admin = client(&server.url(&database)).await;
        let role = format!("rotating_{:08x}", fastrand::u32(..));
        let make =
            format!("CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {database} TO {role}");
        admin.batch_execute(&make).await.unwrap();
        let rotating = Self {
            url: format!(
                "host=127.0.0.1 port={} user={role} dbname={database}",
                server.port()
            ),
            role,
            database,
            admin,
            told: Arc::default(),
            asked: Arc::default(),
        };
        let first = rotating.change().await;
        rotating.tell(&first);
        rotating
    }

    /// Changes the password on the server, and ends what is connected with the one before.
    async fn change(&self) -> String {
        let password = format!("{MARKER}-{:08x}", fastrand::u32(..));
        let change = format!("ALTER ROLE {} PASSWORD '{password}'", self.role);
        self.admin.batch_execute(&change).await.unwrap();
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1";
        self.admin.query(end, &[&self.role]).await.unwrap();
        password
    }

    fn tell(&self, password: &str) {
        password.clone_into(&mut self.told.lock().unwrap());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn connect(&self) -> Result<Postgres, ConnectError> {
        let (url, told, asked) = (
            self.url.clone(),
            Arc::clone(&self.told),
            Arc::clone(&self.asked),
        );
        Postgres::connect_with(move || {
            asked.fetch_add(1, Ordering::SeqCst);
            let url = format!("{url} password={}", told.lock().unwrap());
            async move { Ok::<_, String>(url) }
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_changed_under_3000_messages_is_asked_for_and_none_is_lost() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let rotating = Rotating::new(server).await;
    let db = rotating.connect().await.unwrap();
    assert_eq!(rotating.asked(), 1, "there is one connection yet");
    works_on_all(&db, async |stats| {
        let (password, before) = (rotating.change().await, rotating.asked());
        // The server knows it first, and refuses the old one.
        until("it is refused, and asked for again", async || {
            let last = stats.last_error().map(|error| format!("{error:?}"));
            let refused = last.is_some_and(|last| {
                assert!(!last.contains(MARKER), "{last}");
                last.contains("password authentication failed")
            });
            refused && rotating.asked() >= before + 3
        })
        .await;
        rotating.tell(&password);
    })
    .await;
    let said = format!("{db:?} {:?}", db.queue::<String>("orders"));
    assert!(!said.contains(MARKER), "{said}");
    let drop = format!("DROP DATABASE {} WITH (FORCE)", rotating.database);
    let admin = client(&server.url("postgres")).await;
    admin.batch_execute(&drop).await.unwrap();
}

#[tokio::test]
async fn a_password_that_is_wrong_at_the_start_is_told_at_once() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let rotating = Rotating::new(server).await;
    rotating.tell(&format!("{MARKER}-old"));
    let error = rotating.connect().await.unwrap_err();
    assert!(
        matches!(error.kind, ConnectErrorKind::Credentials(_)),
        "{error}"
    );
    assert_eq!(rotating.asked(), 1);
    let said = format!("{error:?} {error}");
    assert!(!said.contains(MARKER), "{said}");
    assert!(said.contains(&rotating.role), "{said}");
}

#[tokio::test]
async fn who_has_no_configuration_yet_is_asked_again_and_who_never_has_is_told() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let (url, asked) = (server.url("postgres"), AtomicUsize::new(0));
    let later = Postgres::connect_with(move || {
        let nth = asked.fetch_add(1, Ordering::SeqCst);
        let url = url.clone();
        async move {
            match nth {
                0 => Err("the vault is sealed"),
                1 => panic!("the vault has panicked"),
                _ => Ok(url),
            }
        }
    });
    later.await.unwrap();

    let never = || Postgres::at_with(async || Err::<String, _>("the vault is sealed"));
    assert!(format!("{:?}", never()).contains("asked for"));
    let (begun, brief) = (Instant::now(), Duration::from_millis(300));
    let error = never().connect_within(brief).connect().await.unwrap_err();
    assert!(begun.elapsed() >= brief);
    let sealed = ConnectErrorKind::Unconfigured(brief, "the vault is sealed".into());
    assert_eq!(error.kind, sealed);
    assert!(error.to_string().contains("the vault is sealed"), "{error}");

    let none =
        Postgres::connect_with(async || Ok::<_, String>(format!("host=127.0.0.1 {MARKER}=1")));
    let error = none.await.unwrap_err();
    assert!(
        matches!(error.kind, ConnectErrorKind::Configuration(_)),
        "{error}"
    );
    assert!(!format!("{error:?} {error}").contains(MARKER), "{error}");
}
