//! This program as a server.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use brigade::BoxError;

/// The process; it ends when this is dropped, or with whoever started it.
pub struct Child {
    process: std::process::Child,
    url: String,
}

impl Child {
    pub fn start(seed: u64) -> Result<Self, BoxError> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--serve", &seed.to_string()])
            // Its end tells it that nobody is there any more.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        if let Some(said) = process.stdout.take() {
            BufReader::new(said).read_line(&mut url)?;
        }
        let url = url.trim().to_owned();
        if url.is_empty() {
            return Err("the server does not start".into());
        }
        Ok(Self { process, url })
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
