//! What happens, by chance from a seed, and how it has to end.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::crew::Crew;
use crate::small_disk::SmallDisk;
use crate::{audit, worker};

const WORKERS: usize = 3;

/// For how many leases things happen, if nothing else is said.
const LEASES: u32 = 20;

/// Messages for each second: more than are done meanwhile.
const MESSAGES: u32 = 500;

/// How long the rest may take when nothing happens any more.
const PATIENCE: Duration = Duration::from_secs(90);

const DAY: i64 = 24 * 3600;

/// What lies in which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Places {
    /// Queue and table are one database.
    OneFile,
    /// The table is in the journal's.
    QueueElsewhere,
    /// As in one file, where workers are two pipelines that a link joins.
    Linked,
    /// As in one file, with little room.
    SmallDisk,
    /// The queue is SQS, the table in the journal's file.
    Sqs,
}

impl Places {
    const ALL: [Self; 5] = [
        Self::OneFile,
        Self::Linked,
        Self::QueueElsewhere,
        Self::SmallDisk,
        Self::Sqs,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneFile => "one-file",
            Self::Linked => "linked",
            Self::QueueElsewhere => "queue-elsewhere",
            Self::SmallDisk => "small-disk",
            Self::Sqs => "sqs",
        }
    }

    pub(crate) fn of(name: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|places| places.name() == name).unwrap()
    }

    /// A worker has a message for so long, unless it says that it still works on it. SQS knows whole seconds.
    pub(crate) fn lease(self) -> Duration {
        match self {
            Self::OneFile | Self::Linked | Self::QueueElsewhere | Self::SmallDisk => {
                Duration::from_millis(500)
            }
            Self::Sqs => Duration::from_secs(1),
        }
    }

    /// The files of queue, table, journal and letters; where the queue is none, what says where it is.
    pub(crate) fn files(self, directory: &Path) -> [PathBuf; 4] {
        let names = match self {
            Self::OneFile | Self::Linked | Self::SmallDisk => {
                ["work.db", "work.db", "tasks.db", "dead.db"]
            }
            Self::QueueElsewhere => ["queue.db", "work.db", "work.db", "dead.db"],
            Self::Sqs => ["sqs.txt", "work.db", "work.db", "dead.db"],
        };
        names.map(|name| directory.join(name))
    }
}

pub(crate) struct Story {
    places: Places,
    /// Where SQS is.
    endpoint: Option<String>,
    seconds: u64,
    seed: u64,
}

impl Story {
    pub(crate) fn new(places: Places) -> Self {
        let said = |name| std::env::var(name).ok().map(|value| value.parse().unwrap());
        let seconds = (places.lease() * LEASES).as_secs();
        Self {
            places,
            endpoint: None,
            seconds: said("BRIGADE_CRASH_SECONDS").unwrap_or(seconds),
            seed: said("BRIGADE_CRASH_SEED").unwrap_or_else(|| fastrand::u64(..)),
        }
    }

    #[cfg(feature = "sqs")]
    pub(crate) fn of_sqs(endpoint: &str) -> Self {
        Self {
            endpoint: Some(endpoint.to_owned()),
            ..Self::new(Places::Sqs)
        }
    }

    pub(crate) fn run(&self) {
        let Self {
            places,
            seconds,
            seed,
            ..
        } = *self;
        let lease = places.lease();
        let directory = tempfile::tempdir().unwrap();
        let disk = (places == Places::SmallDisk).then(|| SmallDisk::mount_of("8m"));
        let Some(disk) = disk.map_or(Some(None), |disk| disk.map(Some)) else {
            return;
        };
        let files = match &disk {
            Some(disk) => disk.file("x").parent().unwrap().to_path_buf(),
            None => directory.path().to_path_buf(),
        };
        let notes = directory.path().join("notes.txt");
        let messages = MESSAGES * u32::try_from(seconds).unwrap();
        self.say(&format!("seed {seed}, {messages} messages"));
        if let Some(endpoint) = &self.endpoint {
            let [queue, ..] = places.files(&files);
            std::fs::write(queue, format!("{endpoint} crash-{seed:016x}")).unwrap();
        }
        worker::prepare(&files, places, messages);
        audit::prepare(&files, places);
        let mut ledger = audit::Ledger::open(&files, places, &notes);
        let mut crew = Crew::start(&files, &notes, places, WORKERS);
        let mut chance = fastrand::Rng::with_seed(seed);
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut full = 0;
        // Chance may leave these out.
        crew.stop(0, lease * 2, lease);
        crew.kill(1);
        crew.jump(DAY);
        while Instant::now() < until && audit::left(&files, places, messages) != Some(0) {
            std::thread::sleep(Duration::from_millis(chance.u64(20..300)));
            ledger.look();
            crew.go_on(false);
            crew.is_at_work();
            match &disk {
                Some(disk) if full == 0 || chance.u8(0..4) == 0 => {
                    full += 1;
                    let rest = disk.fill();
                    std::thread::sleep(lease.mul_f64(chance.f64() * 3.0));
                    std::fs::remove_file(rest).unwrap();
                }
                _ => happens(&mut crew, &mut chance, lease),
            }
        }
        crew.go_on(true);
        let (kills, jumps) = (crew.kills, crew.jumps);
        crew.jump(0);
        let patience = Instant::now() + PATIENCE;
        while audit::left(&files, places, messages) != Some(0) {
            assert!(
                Instant::now() < patience,
                "{:?} messages are left for {PATIENCE:?}, seed {seed}",
                audit::left(&files, places, messages)
            );
            ledger.look();
            crew.is_at_work();
            std::thread::sleep(Duration::from_millis(50));
        }
        let has_clock = crew.has_clock();
        let zombies = std::mem::take(&mut crew.zombies);
        drop(crew);
        assert!(ledger.look(), "nobody is left who could hold it");
        let found = audit::look(&files, places, messages, &notes, &zombies, ledger);
        self.say(&format!(
            "{kills} kills, {} went on past their leases, {jumps} jumps of the clock, {full} times full; {} calls by zombies",
            zombies.len(),
            found.by_zombies.len()
        ));
        assert_eq!(found, audit::Found::default(), "seed {seed}");
        assert!(
            kills > 0 && !zombies.is_empty(),
            "nothing has happened: {kills} kills, {} stops",
            zombies.len()
        );
        assert!(jumps > 0 || !has_clock, "the clock has not jumped");
        assert!(full > 0 || disk.is_none(), "the disk was never full");
    }

    /// Also of a story that ends well: a run that is to be repeated may be one that did not fail.
    fn say(&self, what: &str) {
        // Not `eprintln!`, which is captured.
        let _ = writeln!(io::stderr(), "{}: {what}", self.places.name());
    }
}

fn happens(crew: &mut Crew, chance: &mut fastrand::Rng, lease: Duration) {
    let which = chance.usize(0..WORKERS);
    match chance.u8(0..10) {
        0..4 => crew.kill(which),
        4..8 => crew.stop(which, lease.mul_f64(0.5 + chance.f64() * 2.5), lease),
        _ => crew.jump(
            *chance
                .choice(&[-30 * DAY, -3600, 0, 3600, 30 * DAY])
                .unwrap(),
        ),
    }
}
