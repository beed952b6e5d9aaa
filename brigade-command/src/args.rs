//! What can be asked.

use std::path::PathBuf;
use std::time::Duration;

use brigade::queue::MessageState;
use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};

/// Looks into the queues, dead letters and schedules of brigade, and acts on them.
#[derive(Parser, Debug)]
#[command(name = "brigade", version, max_term_width = 100, after_help = CODES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) what: What,
}

const CODES: &str = "Exit codes: 0 done; 1 failed; 2 wrong usage, or not confirmed; \
    3 there is no such file, queue, message or letter.";

const POSTGRES: &str = "A PostgreSQL database: postgres://user:password@host:5432/database. \
    The default is what BRIGADE_POSTGRES says, which nobody else on the machine sees";

#[derive(Subcommand, Debug)]
pub(crate) enum What {
    /// Queues: their messages, and who gets them
    Queue {
        #[command(subcommand)]
        what: Queue,
    },
    /// Dead letters: what was given up on, and its way back
    Letters {
        #[command(subcommand)]
        what: Letters,
    },
    /// Schedules that several instances of a program share: which ticks are done, and who is at work on one
    Schedules {
        #[command(subcommand)]
        what: Schedules,
    },
}

/// Where the queues are.
#[derive(Group, Debug, Clone)]
pub(crate) struct Place {
    /// A SQLite file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["postgres", "schema"])]
    pub(crate) db: Option<PathBuf>,

    #[arg(long, value_name = "URL", help = POSTGRES)]
    pub(crate) postgres: Option<String>,

    /// The schema of the tables there
    #[arg(long, value_name = "NAME", default_value = "brigade")]
    pub(crate) schema: String,

    /// Write JSON: an object for a result, one a line for a list
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Group, Debug, Clone)]
pub(crate) struct Of {
    /// The queue
    pub(crate) name: String,

    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Group, Debug, Clone, Copy)]
pub(crate) struct Yes {
    /// Do it without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Queue {
    /// How many messages there are, and how old the oldest is; of all queues, if none is named
    Stats {
        /// The queue
        name: Option<String>,

        #[command(flatten)]
        place: Place,
    },
    /// The messages, those first that were sent first
    List {
        #[command(flatten)]
        of: Of,

        /// Only those in this state
        #[arg(long)]
        state: Option<State>,

        /// Only those of this group
        #[arg(long)]
        group: Option<String>,

        /// Only those behind the one of this number
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        after: u64,

        /// At most so many
        #[arg(long, short = 'n', value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// The messages of an id, with all that is known of them
    Show {
        #[command(flatten)]
        of: Of,

        /// The id
        id: String,
    },
    /// Removes messages, also while they are worked on
    Cancel {
        #[command(flatten)]
        of: Of,

        /// Their ids
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,

        #[command(flatten)]
        yes: Yes,
    },
    /// Makes delayed messages ready
    Retry {
        #[command(flatten)]
        of: Of,

        /// Their ids
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Removes all messages, those too that are worked on
    Purge {
        #[command(flatten)]
        of: Of,

        #[command(flatten)]
        yes: Yes,
    },
    /// Gives no messages to anybody, on any machine, until it is resumed
    Pause {
        #[command(flatten)]
        of: Of,

        /// For so long: 90s, 10m, 1h 30m
        #[arg(long = "for", value_name = "TIME", value_parser = span, conflicts_with = "until")]
        time: Option<Duration>,

        /// Until then: 2026-11-30T18:00:00Z
        #[arg(long, value_name = "TIMESTAMP")]
        until: Option<Timestamp>,
    },
    /// Gives messages again
    Resume {
        #[command(flatten)]
        of: Of,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum Letters {
    /// What was given up on first
    List {
        #[command(flatten)]
        place: Place,

        /// At most so many
        #[arg(long, short = 'n', value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// The letters of a message, with all that is known of them
    Show {
        /// The id of the message
        id: String,

        #[command(flatten)]
        place: Place,
    },
    /// Removes the letters of messages
    Delete {
        /// The ids of the messages
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,

        #[command(flatten)]
        place: Place,

        #[command(flatten)]
        yes: Yes,
    },
    /// Removes all letters
    Purge {
        #[command(flatten)]
        place: Place,

        #[command(flatten)]
        yes: Yes,
    },
    /// Sends messages back to a queue, and removes their letters
    Replay(Box<Replay>),
}

#[derive(Subcommand, Debug)]
pub(crate) enum Schedules {
    /// All of them, by name
    List {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Group, Debug)]
pub(crate) struct Replay {
    /// The ids of the messages; of all, if none is given
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,

    /// The queue; it lies where the letters do, and so does the journal
    #[arg(long, value_name = "QUEUE")]
    pub(crate) to: String,

    #[command(flatten)]
    pub(crate) place: Place,

    /// Only of messages that failed at this stage: its path, or the end of it
    #[arg(long)]
    pub(crate) stage: Option<String>,

    /// Only of failures with this in their cause
    #[arg(long, value_name = "TEXT")]
    pub(crate) cause: Option<String>,

    /// Only what was given up on so long ago: 1h
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(crate) older_than: Option<Duration>,

    /// At most so many
    #[arg(long, short = 'n', value_name = "N")]
    pub(crate) limit: Option<usize>,

    /// The messages come no sooner than after this
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(crate) delay: Option<Duration>,

    /// Gives back to the journal there what the letters know: the tasks go on behind it
    #[arg(long)]
    pub(crate) journal: bool,

    /// Runs the stage again that made this key
    #[arg(long, value_name = "KEY", requires = "journal")]
    pub(crate) without_frame: Vec<String>,

    /// Runs that stage again, and all that were recorded behind it
    #[arg(long, value_name = "KEY", requires = "journal")]
    pub(crate) until_frame: Option<String>,
}

#[derive(ValueEnum, Debug, Clone, Copy)]
pub(crate) enum State {
    /// It can be received
    Ready,
    /// It waits for the end of a delay
    Delayed,
    /// Somebody works on it
    Taken,
    /// It waits for another of its group
    Behind,
}

impl From<State> for MessageState {
    fn from(state: State) -> Self {
        match state {
            State::Ready => Self::Ready,
            State::Delayed => Self::Delayed,
            State::Taken => Self::Taken,
            State::Behind => Self::Behind,
        }
    }
}

fn span(text: &str) -> Result<Duration, String> {
    let span: SignedDuration = text
        .parse()
        .map_err(|_| "write it as 90s, 10m or 1h 30m".to_owned())?;
    Duration::try_from(span).map_err(|_| "it must not be negative".to_owned())
}
