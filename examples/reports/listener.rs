//! A second program, which hears what the workers tell.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;

use brigade::BoxError;

use crate::place::Place;
use crate::worker::told_to_stop;

/// What it says first: from then on it hears everything.
const BEGINS: &str = "listens";

/// Writes down what it hears, and what it has missed, until standard input ends.
pub async fn listen<P: Place>(place: &P) -> Result<(), BoxError> {
    let outside = place.outside().await?;
    let mut events = outside.subscribe();
    let mut options = OpenOptions::new();
    let mut file = options
        .create(true)
        .append(true)
        .open(place.home().heard())?;
    writeln!(file, "{BEGINS}")?;
    let mut stop = std::pin::pin!(told_to_stop());
    loop {
        let heard = tokio::select! {
            heard = events.next() => heard,
            () = &mut stop => return Ok(()),
        };
        match heard {
            Some(Ok(number)) => writeln!(file, "{number}")?,
            Some(Err(gap)) => writeln!(file, "missed {}", gap.events())?,
            None => return Ok(()),
        }
    }
}

/// What it has written down.
#[derive(Debug, Default)]
pub struct Heard {
    pub begun: bool,
    /// Numbers of users, as often as they were told.
    pub numbers: Vec<u32>,
    pub missed: u64,
}

impl Heard {
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut heard = Self::default();
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(heard),
            file => file?,
        };
        for line in BufReader::new(file).lines() {
            let line = line?;
            if line == BEGINS {
                heard.begun = true;
            } else if let Some(missed) = line.strip_prefix("missed ") {
                heard.missed += missed.parse::<u64>().unwrap_or_default();
            } else if let Ok(number) = line.parse() {
                // Of a line that is not yet whole the number is wrong: it is read again.
                heard.numbers.push(number);
            }
        }
        Ok(heard)
    }

    /// How many events it knows of.
    pub fn all(&self) -> u64 {
        self.numbers.len() as u64 + self.missed
    }
}
