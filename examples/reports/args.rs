//! What can be asked for.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

/// Puts report messages on a queue, and works on them with processes that may be killed at any time.
///
/// A message names a file. Its report is read, sent to an archive (a small HTTP server that this program starts), checked
/// there, and written into a SQLite table; only then is the message deleted. A message that cannot become a row ends as a
/// dead letter. At the end everything is audited.
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
    /// Directory of the queue, the table, the dead letters and the files of the reports. A run begins it anew
    #[arg(
        long,
        value_name = "DIR",
        default_value = "reports-data",
        global = true
    )]
    pub dir: PathBuf,

    /// Where the messages are
    #[arg(long, value_enum, default_value = "sqlite", global = true)]
    pub queue: QueueKind,

    /// Where SQS is, or what speaks its protocol
    #[arg(long, value_name = "URL", global = true)]
    pub endpoint: Option<String>,

    /// The name of the SQS queue; it is made if there is none
    #[arg(long, value_name = "NAME", default_value = "reports", global = true)]
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QueueKind {
    Sqlite,
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

    /// Decides by chance which is killed: the same number, the same order. Without it, any; it is printed
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

SQS (needs `--features sqs`): start a server, `pip install ministack && ministack`, and say
  AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test reports --queue sqs --endpoint http://127.0.0.1:4566
For a queue of AWS the endpoint is that of its region, `https://sqs.eu-west-1.amazonaws.com`.

Examples:
  reports --processes 3 --kill-every 1           an audit under fire
  reports dead list                              what could not become rows
  reports dead show 'report 300'                 why, and how far it got
  reports dead replay 'report 300'               from where it failed";

impl Place {
    /// For a worker process, which is to work in the same place.
    pub fn arguments(&self) -> Vec<String> {
        let kind = self.queue.to_possible_value();
        let mut arguments = vec![
            "--dir".into(),
            self.dir.display().to_string(),
            "--queue".into(),
            kind.map(|kind| kind.get_name().into()).unwrap_or_default(),
            "--name".into(),
            self.name.clone(),
        ];
        if let Some(endpoint) = &self.endpoint {
            arguments.extend(["--endpoint".into(), endpoint.clone()]);
        }
        arguments
    }
}

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
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    #[test]
    fn the_options_are_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_worker_is_told_the_same_place() {
        let asked = [
            "reports",
            "--queue",
            "sqs",
            "--endpoint",
            "http://[::1]:1",
            "--dir",
            "a b",
        ];
        let place = Args::parse_from(asked).place;
        let arguments = place.arguments();
        let told = [
            "reports".to_owned(),
            "worker".into(),
            "--archive".into(),
            "127.0.0.1:1".into(),
        ];
        let worker = Args::parse_from(told.into_iter().chain(arguments));
        assert_eq!(format!("{:?}", worker.place), format!("{place:?}"));
        assert!(matches!(worker.command, Some(Command::Worker { .. })));
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
