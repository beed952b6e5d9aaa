//! Everything in one PostgreSQL database, for any number of machines: rows settle their messages.

mod books;

use std::env;
use std::sync::Arc;

use brigade::BoxError;
use brigade::database::{Postgres, PostgresSchedules};
use brigade::journal::{PostgresCompleting, PostgresJournal};
use brigade::queue::{DeadLetter, PostgresLetters, PostgresQueue, PostgresSettling};
use brigade::service::Broadcast;
use test_servers::{Cluster, Network};
use tokio::process::Command;
use tokio_postgres::{Client, NoTls};

use self::books::ServerBooks;
use super::{LEASE, Place, Tools, all_sent};
use crate::args;
use crate::home::Home;

/// Where a worker is told of the server: there may be a password in it, and arguments are seen by all who list processes.
const TOLD: &str = "REPORTS_POSTGRES";

const NONE: &str = "install PostgreSQL (`apt-get install postgresql`), or say `--postgres URL`";

/// A server of somebody's, or our own. What is asked of it by SQL goes over a connection that the library knows nothing of.
pub struct Server {
    home: Home,
    /// Of the schema that everything is in.
    name: String,
    /// How workers reach it.
    url: String,
    db: Postgres,
    client: Arc<Client>,
    own: Option<Own>,
}

/// A server that ends with this process; its data are kept. On a machine of its own, if there are several.
struct Own {
    _cluster: Cluster,
    network: Option<Network>,
}

impl Server {
    pub async fn at(asked: &args::Place) -> Result<Self, BoxError> {
        let home = Home::at(&asked.dir);
        let given = asked.postgres.clone().or_else(|| env::var(TOLD).ok());
        let (url, here, own) = match given {
            Some(_) if asked.hosts > 0 => {
                let problem = "`--hosts` needs a server on their network; leave out `--postgres`, and one is started there";
                return Err(problem.into());
            }
            Some(url) => (url.clone(), url, None),
            None => {
                let (own, url, here) = Own::start(&home, asked.hosts)?;
                (url, here, Some(own))
            }
        };
        let db = Postgres::at(&here).schema(&asked.name).connect().await?;
        let (client, connection) = tokio_postgres::connect(&here, NoTls).await?;
        tokio::spawn(connection);
        Ok(Self {
            home,
            name: asked.name.clone(),
            url,
            db,
            client: Arc::new(client),
            own,
        })
    }

    /// With the name of the schema.
    fn sql(&self, text: &str) -> String {
        text.replace("{schema}", &format!("\"{}\"", self.name))
    }

    async fn one<T: for<'r> tokio_postgres::types::FromSql<'r>>(
        &self,
        sql: &str,
    ) -> Result<T, BoxError> {
        let row = self.client.query_one(&self.sql(sql), &[]).await?;
        Ok(row.try_get(0)?)
    }

    async fn journal(&self) -> Result<PostgresJournal, BoxError> {
        Ok(self.db.journal().open().await?)
    }

    async fn dead_letters(&self) -> Result<PostgresLetters, BoxError> {
        Ok(self.db.letters().open().await?)
    }
}

impl Own {
    /// Starts it, on the first of one host more than is asked for, or here; and how workers, and this process, reach it.
    fn start(home: &Home, hosts: u8) -> Result<(Self, String, String), BoxError> {
        let network = match hosts {
            0 => None,
            hosts => Some(Network::make(hosts + 1).map_err(|problem| {
                format!("{problem}; hosts are network namespaces, which root makes on Linux")
            })?),
        };
        let host = network.as_ref().map(|network| &network.hosts()[0]);
        let cluster = Cluster::kept_in(&home.file("postgres"), host);
        let cluster = cluster.map_err(|problem| format!("{problem}; {NONE}"))?;
        let (url, here) = (cluster.url("postgres"), cluster.url_here("postgres"));
        let own = Self {
            _cluster: cluster,
            network,
        };
        Ok((own, url, here))
    }
}

impl Place for Server {
    type Queue = PostgresQueue;
    type Journal = PostgresJournal;
    type Letters = PostgresLetters;
    type Rows = PostgresSettling;
    type Totals = PostgresCompleting;
    type Schedules = PostgresSchedules;
    type Books = ServerBooks;

    fn home(&self) -> &Home {
        &self.home
    }

    async fn begin(&self) -> Result<PostgresQueue, BoxError> {
        let there = "SELECT count(*) > 0 FROM pg_namespace WHERE nspname = $1";
        let there: bool = self
            .client
            .query_one(there, &[&self.name])
            .await?
            .try_get(0)?;
        let name = &self.name;
        if there && self.own.is_none() {
            let problem = format!(
                "there is a schema `{name}`; name another with `--name`, or drop it if it is of an earlier run"
            );
            return Err(problem.into());
        }
        let drop = self.sql("DROP SCHEMA IF EXISTS {schema} CASCADE");
        self.client.batch_execute(&drop).await?;
        self.home.begin(&[])?;
        self.tools().await?;
        self.queue().await
    }

    async fn is_begun(&self) -> Result<bool, BoxError> {
        self.one("SELECT to_regclass('{schema}.reports') IS NOT NULL")
            .await
    }

    async fn queue(&self) -> Result<PostgresQueue, BoxError> {
        Ok(self.db.queue("jobs").lease(LEASE).open().await?)
    }

    async fn tools(&self) -> Result<Tools<Self>, BoxError> {
        // What is opened first makes the schema.
        let (queue, journal) = (self.queue().await?, self.journal().await?);
        // No key: a report that is written twice is there twice, and the audit sees it.
        let table = self
            .db
            .table("reports")
            .schema(&self.name)
            .column("number", "bigint NOT NULL")
            .column("customer", "text NOT NULL")
            .column("digest", "text NOT NULL")
            .column("link", "text NOT NULL")
            .column("checked", "text NOT NULL")
            .create()
            .open()
            .await?;
        let totals = self
            .db
            .table("totals")
            .schema(&self.name)
            .column("tick", "text NOT NULL")
            .column("users", "bigint NOT NULL")
            .create()
            .open()
            .await?;
        Ok(Tools {
            letters: self.dead_letters().await?,
            rows: queue.settling(&table)?,
            totals: journal.completing(&totals)?,
            schedules: self.db.schedules().open().await?,
            journal,
        })
    }

    async fn outside(&self) -> Result<Broadcast<u32>, BoxError> {
        // Who listens may be behind by all of a run.
        let broadcast = self.db.broadcast("users").capacity(10_000);
        Ok(broadcast.keep(100_000).open().await?)
    }

    async fn left(&self) -> Result<u64, BoxError> {
        let count: i64 = self.one("SELECT count(*) FROM {schema}.queue").await?;
        Ok(count.unsigned_abs())
    }

    async fn letters(&self) -> Result<Vec<DeadLetter>, BoxError> {
        Ok(self.dead_letters().await?.oldest(usize::MAX).await?)
    }

    async fn replay(&self, ids: &[String]) -> Result<(), BoxError> {
        let (letters, queue) = (self.dead_letters().await?, self.queue().await?);
        let journal = self.journal().await?;
        let mut replay = letters.replay(&queue).journal(&journal);
        if !ids.is_empty() {
            replay = replay.ids(ids);
        }
        all_sent(replay.run().await?)
    }

    async fn books(&self) -> Result<ServerBooks, BoxError> {
        ServerBooks::open(Arc::clone(&self.client), |text| self.sql(text)).await
    }

    fn network(&self) -> Option<&Network> {
        self.own.as_ref().and_then(|own| own.network.as_ref())
    }

    fn tell(&self, worker: &mut Command) {
        worker.arg("--dir").arg(self.home.dir());
        worker.args(["--queue", "postgres", "--name", &self.name]);
        worker.env(TOLD, &self.url);
    }
}
