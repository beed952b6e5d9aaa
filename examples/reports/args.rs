//! What can be asked for.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

/// Puts report messages on a queue, and works on them with processes that may be killed at any time.
///
/// A message names a file. Its report is read, sent to an archive (a small HTTP server that this program starts), checked
/// there, and becomes a user in a table; only then is the message deleted. Some messages are customers, who are users without
/// a report. A message that cannot become a row ends as a dead letter. A second program hears of each user, and once a second,
/// which stands for a night, one of the processes writes a total. At the end everything is audited.
#[derive(Debug, Parser)]
#[command(name = "reports", after_help = AFTER)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,

    #[command(flatten)]
    pub load: Load,

    #[command(flatten)]
    pub crew: Crew,

    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Where the messages are, and everything else.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// Directory of everything that is in files: the reports, and the queue, the table and the dead letters, or the data of
    /// the server. A run begins it anew
    #[arg(
        long,
        value_name = "DIR",
        default_value = "reports-data",
        global = true
    )]
    pub dir: PathBuf,

    /// Where the messages are, and with PostgreSQL all else
    #[arg(long, value_enum, default_value = "sqlite", global = true)]
    pub queue: QueueKind,

    /// A PostgreSQL database, as `postgres://user:password@host/database`. Without it a server is started, whose data are in
    /// the directory
    #[arg(long, value_name = "URL", global = true)]
    pub postgres: Option<String>,

    /// Where SQS is, or what speaks its protocol
    #[arg(long, value_name = "URL", global = true)]
    pub sqs: Option<String>,

    /// The name of the SQS queue, which is made if there is none, or of the PostgreSQL schema
    #[arg(long, value_name = "NAME", default_value = "reports", global = true)]
    pub name: String,

    /// Run the worker processes on so many hosts, each with an address of its own, and the PostgreSQL server on one more.
    /// They are network namespaces: this takes Linux, root and `ip`. 0 is this machine
    #[arg(long, value_name = "COUNT", default_value = "0", value_parser = clap::value_parser!(u8).range(..=100), global = true)]
    pub hosts: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QueueKind {
    /// Files of this machine
    Sqlite,
    /// A database, for any number of machines
    Postgres,
    /// Amazon SQS; the rest is in files
    Sqs,
}

/// What is put on the queue.
#[derive(Debug, clap::Args)]
pub struct Load {
    /// How many messages
    #[arg(long, value_name = "COUNT", default_value = "2000")]
    pub messages: u32,

    /// The share of them, 0 to 1, that cannot become rows: unreadable, without their file, or refused by the archive
    #[arg(long, value_name = "SHARE", default_value = "0.01", value_parser = share)]
    pub fail_rate: f64,
}

/// Who works on it.
#[derive(Debug, clap::Args)]
pub struct Crew {
    /// Worker processes
    #[arg(long, value_name = "COUNT", default_value = "2", global = true)]
    pub processes: NonZeroUsize,

    /// Kill one of them, any, with SIGKILL whenever this time has passed, and start another
    #[arg(long, value_name = "SECONDS", value_parser = seconds, global = true)]
    pub kill_every: Option<Duration>,

    /// Cut one of the hosts off, any, whenever this time has passed and none is: for up to three leases, 15 seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, requires = "hosts", global = true)]
    pub cut_every: Option<Duration>,

    /// Decides by chance which is killed or cut off: the same number, the same order. Without it, any; it is printed
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = fastrand::u64(..),
        hide_default_value = true,
        global = true
    )]
    pub seed: u64,

    /// Give up when nothing was finished for this long
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds, global = true)]
    pub patience: Duration,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Looks at the dead letters of a run, and sends them back
    Dead {
        #[command(subcommand)]
        what: Dead,
    },
    /// Works on messages until its standard input ends
    #[command(hide = true)]
    Worker {
        /// Where the archive is
        #[arg(long)]
        archive: SocketAddr,
    },
    /// Writes down what the workers tell, until its standard input ends
    #[command(hide = true)]
    Listen,
}

#[derive(Debug, Subcommand)]
pub enum Dead {
    /// Lists them
    List,
    /// Shows all that is known of one, as JSON
    Show {
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Sends them back to the queue and works on them. Each goes on at the stage that failed. The archive refuses none now
    Replay {
        /// Which; without any, all
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
}

const AFTER: &str = "\
Exit status: 0 when the audit is clean, 1 when it is not or the work could not be done, 2 for a wrong option.

PostgreSQL (needs `--features postgres`): where it is installed, `reports --queue postgres` starts a server of its own.
With `--postgres URL` all is in a schema there, `reports` unless `--name` says otherwise.

SQS (needs `--features sqs`): start a server, `pip install ministack && ministack`, and say
  AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test reports --queue sqs --sqs http://127.0.0.1:4566
For a queue of AWS the URL is that of its region, `https://sqs.eu-west-1.amazonaws.com`.

Examples:
  reports --processes 3 --kill-every 1           an audit under fire
  reports --queue postgres --hosts 3 --processes 6 --kill-every 2 --cut-every 2
                                                 the same on several machines
  reports dead list                              what could not become rows
  reports dead show 'report 300'                 why, and how far it got
  reports dead replay 'report 300'               from where it failed";

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(Duration::ZERO) => Err("no time at all".into()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("not a share between 0 and 1".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_options_are_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_share_is_between_0_and_1() {
        for wrong in ["-0.1", "1.1", "NaN", "x"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
        assert_eq!(share("0.25"), Ok(0.25));
        assert!(seconds("0").is_err());
    }
}
