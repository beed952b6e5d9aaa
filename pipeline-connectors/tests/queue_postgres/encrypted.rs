//! Connections that are encrypted, to a server whose certificates are made here.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use pipeline_connectors::database::{ConnectError, ConnectErrorKind, Postgres, SslMode};
use pipeline_connectors::queue::PostgresQueue;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use test_servers::Cluster;
use tokio_postgres::Client;

use crate::support::{client, message, name, open, put, receive, texts, until};

const MARKER: &str = "streng-geheim";

/// Who signs.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// A file with its certificate.
    file: PathBuf,
    _folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.crt");
        std::fs::write(&file, issuer.pem()).unwrap();
        Self {
            issuer,
            file,
            _folder: folder,
        }
    }

    /// A certificate for the name `localhost`, and its key.
    fn signs(&self, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let mut params = params();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn root(&self) -> String {
        format!("sslrootcert='{}'", self.file.display())
    }
}

fn params() -> CertificateParams {
    CertificateParams::new(vec!["localhost".to_owned()]).unwrap()
}

struct Server {
    cluster: Cluster,
    admin: Client,
}

impl Server {
    /// A server that can encrypt, with a certificate for `localhost` that this CA has signed.
    async fn new(ca: &Authority) -> Option<Self> {
        let cluster = Cluster::new()?;
        let admin = client(&(cluster.url("postgres") + "?sslmode=disable")).await;
        let server = Self { cluster, admin };
        server.certify(ca.signs(|_| {})).await;
        Some(server)
    }

    async fn certify(&self, (certificate, key): (String, String)) {
        let plain = self.cluster.url("postgres") + "?sslmode=disable";
        // A new connection has what the process has read that makes all of them.
        let loaded = async || {
            let row = client(&plain)
                .await
                .query_one("SELECT pg_conf_load_time()", &[])
                .await;
            row.unwrap().get::<_, SystemTime>(0)
        };
        let before = loaded().await;
        self.cluster.certify(&certificate, &key);
        let reload = "SELECT pg_reload_conf()";
        self.admin.query(reload, &[]).await.unwrap();
        until("it has its certificate", async || loaded().await > before).await;
    }

    /// Words that lead to it, by this name.
    fn words(&self, host: &str, more: &str) -> String {
        let password = "a password of tests";
        format!(
            "host={host} hostaddr=127.0.0.1 port={} user=postgres password='{password}' {more}",
            self.cluster.port()
        )
    }

    async fn refuses(&self, host: &str, more: &str) -> String {
        refused(Postgres::connect(self.words(host, more)).await)
    }
}

/// What is said of the encryption that cannot be had; at once.
fn refused(connected: Result<Postgres, ConnectError>) -> String {
    let error = connected.unwrap_err();
    assert!(
        matches!(error.kind, ConnectErrorKind::Encryption(_)),
        "{error:?}"
    );
    let said = error.to_string();
    assert!(!said.contains("a password of tests"), "{said}");
    assert!(said.contains("(database"), "it does not say where: {said}");
    said
}

/// Messages come and go over encrypted connections, and over none that is not.
async fn is_encrypted(server: &Server, db: &Postgres) {
    let (one, other): (PostgresQueue, PostgresQueue) = {
        let name = name();
        (open(db, &name).await, open(db, &name).await)
    };
    put(&one, vec![message("1")]).await;
    assert_eq!(
        texts(&receive(&other, Duration::from_secs(20)).await),
        ["1"]
    );
    let plain = "SELECT count(*) FILTER (WHERE ssl), count(*) FILTER (WHERE NOT ssl)
        FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'brigade'";
    let row = server.admin.query_one(plain, &[]).await.unwrap();
    let counts: (i64, i64) = (row.get(0), row.get(1));
    assert!(
        counts.0 >= 2 && counts.1 == 0,
        "encrypted and not: {counts:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_verified_or_required_is_encrypted_and_stays_so() {
    let ca = Authority::new();
    let Some(server) = Server::new(&ca).await else {
        return;
    };
    let root = ca.root();
    for (host, ssl) in [
        ("localhost", format!("sslmode=verify-full {root}")),
        ("db.example", format!("sslmode=verify-ca {root}")),
        ("db.example", format!("sslmode=require {root}")),
        ("db.example", "sslmode=require".into()),
        ("db.example", "sslmode=prefer".into()),
        ("db.example", String::new()),
    ] {
        let db = Postgres::connect(server.words(host, &ssl)).await;
        let db = db.unwrap_or_else(|error| panic!("{ssl}: {error}"));
        is_encrypted(&server, &db).await;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'brigade'";
        server.admin.query(end, &[]).await.unwrap();
        until("they are made again", async || db.contents().await.is_ok()).await;
        is_encrypted(&server, &db).await;
    }
    // The same of a configuration that has no words for it.
    let mut config = tokio_postgres::Config::new();
    let config = config.host("localhost").port(server.cluster.port());
    let config = config.user("postgres").password("a password of tests");
    let db = Postgres::at(&*config)
        .sslmode(SslMode::VerifyFull)
        .sslrootcert(&ca.file);
    is_encrypted(&server, &db.connect().await.unwrap()).await;
}

#[tokio::test]
async fn a_server_of_another_name_or_another_ca_is_told_and_not_worked_with() {
    let ca = Authority::new();
    let Some(server) = Server::new(&ca).await else {
        return;
    };
    let full = format!("sslmode=verify-full {}", ca.root());
    for host in ["db.example", "127.0.0.1"] {
        let said = server.refuses(host, &full).await;
        for part in [host, "localhost", "subjectAltName"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    let stranger = Authority::new();
    for mode in ["require", "verify-ca", "verify-full"] {
        let ssl = format!("sslmode={mode} {}", stranger.root());
        let said = server.refuses("localhost", &ssl).await;
        assert!(said.contains("sslrootcert"), "{said}");
    }
    // The system knows neither.
    let said = server.refuses("localhost", "sslmode=verify-full").await;
    assert!(said.contains("sslrootcert"), "{said}");
}

#[tokio::test]
async fn a_certificate_that_is_no_good_is_told_with_what_to_do() {
    let ca = Authority::new();
    let Some(server) = Server::new(&ca).await else {
        return;
    };
    let full = format!("sslmode=verify-full {}", ca.root());
    let key = KeyPair::generate().unwrap();
    let own = params().self_signed(&key).unwrap().pem();
    server.certify((own, key.serialize_pem())).await;
    let said = server.refuses("localhost", &full).await;
    assert!(said.contains("signed by itself"), "{said}");

    let expired = ca.signs(|params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    });
    server.certify(expired).await;
    let said = server.refuses("localhost", &full).await;
    assert!(said.contains("expired") && said.contains("clock"), "{said}");
    let other = Authority::new();
    let own = (other.issuer.pem(), other.issuer.key().serialize_pem());
    server.certify(own).await;
    let said = server.refuses("localhost", &full).await;
    assert!(said.contains("that of a CA itself"), "{said}");
}

#[tokio::test]
async fn a_certificate_that_is_its_own_root_is_trusted_for_its_name_and_time() {
    let ca = Authority::new();
    let Some(server) = Server::new(&ca).await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.crt");
    let full = format!("sslmode=verify-full sslrootcert='{}'", file.display());
    let certify = async |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = params();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap().pem();
        std::fs::write(&file, &own).unwrap();
        server.certify((own, key.serialize_pem())).await;
    };
    let is_ca = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    };
    let plain = |_: &mut CertificateParams| {};
    let changes: [&dyn Fn(&mut CertificateParams); 2] = [&plain, &is_ca];
    for change in changes {
        certify(change).await;
        let trusted = Postgres::connect(server.words("localhost", &full)).await;
        trusted.unwrap();
        let said = server.refuses("db.example", &full).await;
        assert!(said.contains("subjectAltName"), "{said}");
        let any = full.replace("verify-full", "verify-ca");
        let trusted = Postgres::connect(server.words("db.example", &any)).await;
        trusted.unwrap();
    }
    certify(&|params| {
        is_ca(params);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    })
    .await;
    let said = server.refuses("localhost", &full).await;
    assert!(said.contains("clock"), "{said}");
    // That of another CA is not.
    certify(&is_ca).await;
    let other = format!("sslmode=verify-full {}", ca.root());
    server.refuses("localhost", &other).await;
}

#[tokio::test]
async fn where_encryption_is_only_preferred_a_server_of_old_protocols_is_used_without() {
    let ca = Authority::new();
    let Some(server) = Server::new(&ca).await else {
        return;
    };
    for set in [
        "ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1'",
        "ALTER SYSTEM SET ssl_max_protocol_version = 'TLSv1.1'",
    ] {
        server.admin.batch_execute(set).await.unwrap();
    }
    server.certify(ca.signs(|_| {})).await;
    let said = server.refuses("localhost", "sslmode=require").await;
    assert!(said.contains("no connection can be encrypted"), "{said}");
    let db = Postgres::connect(server.words("localhost", "sslmode=prefer")).await;
    db.unwrap();
}

#[tokio::test]
async fn a_server_without_tls_is_told_where_it_is_required_and_used_where_it_is_not() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    for more in ["?sslmode=require", "?sslmode=verify-full"] {
        let said = refused(Postgres::connect(server.url("postgres") + more).await);
        assert!(said.contains("ssl = on"), "{said}");
    }
    for more in ["?sslmode=prefer", "?sslmode=disable"] {
        Postgres::connect(server.url("postgres") + more)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn root_certificates_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (none, empty) = (folder.path().join("none"), folder.path().join("empty"));
    std::fs::write(&empty, "no certificate").unwrap();
    for file in [none, empty] {
        let words = format!(
            "host=localhost user=a password={MARKER} sslmode=verify-full sslrootcert='{}'",
            file.display()
        );
        let said = refused(Postgres::connect(words).await);
        assert!(said.contains(&*file.to_string_lossy()), "{said}");
        assert!(!said.contains(MARKER), "{said}");
    }
}
