//! What happens, by chance from a seed, and how it has to end.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[cfg(feature = "postgres")]
use test_servers::{Cluster, Network};

use crate::audit::{self, Books, Files, Found, Ledger};
use crate::crew::Crew;
use crate::places::Places;
use crate::small_disk::SmallDisk;
use crate::trouble::{self, Trouble};
use crate::worker;

/// Messages for each second: more than are done meanwhile.
const MESSAGES: u32 = 500;

/// How long it may take until there are fewer messages, when nothing happens any more.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Story {
    places: Places,
    trouble: Box<dyn Trouble>,
    /// Where the server is, for workers and for the test.
    server: Option<(String, String)>,
    /// Those of the workers.
    hosts: Vec<test_servers::Host>,
    /// Of the files; where there are none, that of the notes.
    directory: Option<PathBuf>,
    workers: usize,
    seconds: u64,
    seed: u64,
}

impl Story {
    pub(crate) fn new(places: Places) -> Self {
        Self::of(places, trouble::Workers)
    }

    fn of(places: Places, trouble: impl Trouble + 'static) -> Self {
        let said = |name| std::env::var(name).ok().map(|value| value.parse().unwrap());
        Self {
            places,
            trouble: Box::new(trouble),
            server: None,
            hosts: Vec::new(),
            directory: None,
            workers: 3,
            seconds: said("BRIGADE_CRASH_SECONDS").unwrap_or(places.span().as_secs()),
            seed: said("BRIGADE_CRASH_SEED").unwrap_or_else(|| fastrand::u64(..)),
        }
    }

    pub(crate) fn of_a_small_disk() -> Option<Self> {
        let disk = SmallDisk::mount_of("8m")?;
        let directory = disk.file("x").parent().unwrap().to_path_buf();
        Some(Self {
            directory: Some(directory),
            ..Self::of(Places::SmallDisk, trouble::Disk { disk, full: 0 })
        })
    }

    #[cfg(feature = "sqs")]
    pub(crate) fn of_sqs(endpoint: &str) -> Self {
        let story = Self::new(Places::Sqs);
        let place = format!("{endpoint} crash-{:016x}", story.seed);
        Self {
            server: Some((place.clone(), place)),
            ..story
        }
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn of_postgres(places: Places, cluster: Cluster) -> Self {
        let server = (cluster.url("postgres"), cluster.url_here("postgres"));
        Self {
            server: Some(server),
            ..Self::of(places, trouble::Restarts::of(cluster))
        }
    }

    /// Two workers on each host but the first, where the server is.
    #[cfg(feature = "postgres")]
    pub(crate) fn of_hosts(network: Network, cluster: Cluster) -> Self {
        let server = (cluster.url("postgres"), cluster.url_here("postgres"));
        let trouble = trouble::Hosts::of(network, cluster);
        let hosts = trouble.hosts().to_vec();
        Self {
            server: Some(server),
            workers: hosts.len() * 2,
            hosts,
            ..Self::of(Places::Hosts, trouble)
        }
    }

    pub(crate) fn run(mut self) {
        let directory = tempfile::tempdir().unwrap();
        let notes = directory.path().join("notes.txt");
        let files = self.directory.clone();
        let files = files.unwrap_or_else(|| directory.path().to_path_buf());
        let messages = MESSAGES * u32::try_from(self.seconds).unwrap();
        self.say(&format!("seed {}, {messages} messages", self.seed));
        let mut books = self.prepare(&files, messages);
        let mut ledger = Ledger::open(&notes);
        let mut crew = Crew::start(&files, &notes, self.places, self.workers, &self.hosts);
        self.goes_on(&mut crew, &mut *books, &mut ledger, messages);
        self.comes_to_an_end(&mut crew, &mut *books, &mut ledger, messages);
        let (kills, jumps, has_clock) = (crew.kills, crew.jumps, crew.has_clock());
        let zombies = std::mem::take(&mut crew.zombies);
        drop(crew);
        assert!(ledger.look(&mut *books), "nobody is left who could hold it");
        let places = self.places;
        let found = audit::look(&mut *books, places, messages, &notes, &zombies, ledger);
        self.say(&format!(
            "{kills} kills, {} went on past their leases, {jumps} jumps of the clock{}",
            zombies.len(),
            self.trouble.tell(),
        ));
        assert_eq!(found, Found::default(), "seed {}", self.seed);
        assert!(
            kills > 0 && !zombies.is_empty(),
            "nothing has happened: {kills} kills, {} stops",
            zombies.len()
        );
        assert!(jumps > 0 || !has_clock, "the clock has not jumped");
    }

    fn prepare(&self, files: &Path, messages: u32) -> Box<dyn Books> {
        let [place, ..] = self.places.files(files);
        if let Some((_, outside)) = &self.server {
            std::fs::write(&place, outside).unwrap();
        }
        let mut books: Box<dyn Books> = match &self.server {
            #[cfg(feature = "postgres")]
            Some((_, outside)) if self.places.is_postgres() => {
                Box::new(audit::Server::at(outside.clone()))
            }
            _ => Box::new(Files::open(files, self.places)),
        };
        worker::prepare(files, self.places, messages);
        books.prepare();
        if let Some((inside, _)) = &self.server {
            // As workers reach it.
            std::fs::write(place, inside).unwrap();
        }
        books
    }

    /// Things happen.
    fn goes_on(
        &mut self,
        crew: &mut Crew,
        books: &mut dyn Books,
        ledger: &mut Ledger,
        messages: u32,
    ) {
        let lease = self.places.lease();
        let mut chance = fastrand::Rng::with_seed(self.seed);
        let until = Instant::now() + Duration::from_secs(self.seconds);
        self.trouble.begins(crew, lease);
        while Instant::now() < until && books.left(messages) != Some(0) {
            std::thread::sleep(Duration::from_millis(chance.u64(20..300)));
            ledger.look(books);
            self.trouble.passes(crew, false);
            crew.is_at_work();
            self.trouble.happens(crew, &mut chance, lease);
        }
        self.trouble.passes(crew, true);
        crew.jump(0);
    }

    /// Nothing happens any more, and all is done.
    fn comes_to_an_end(
        &mut self,
        crew: &mut Crew,
        books: &mut dyn Books,
        ledger: &mut Ledger,
        messages: u32,
    ) {
        let seed = self.seed;
        let (mut least, mut since) = (messages, Instant::now());
        loop {
            let left = books.left(messages);
            if left == Some(0) {
                break;
            }
            if let Some(left) = left.filter(|left| *left < least) {
                (least, since) = (left, Instant::now());
            }
            assert!(
                since.elapsed() < PATIENCE,
                "{left:?} messages are left, and no fewer for {PATIENCE:?}, seed {seed}"
            );
            ledger.look(books);
            crew.is_at_work();
            std::thread::sleep(Duration::from_millis(50));
        }
        self.trouble.ends(crew);
    }

    /// Also of a story that ends well: a run that is to be repeated may be one that did not fail.
    fn say(&self, what: &str) {
        // Not `eprintln!`, which is captured.
        let _ = writeln!(io::stderr(), "{}: {what}", self.places.name());
    }
}
