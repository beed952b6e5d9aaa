//! The program as a server.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};

use super::Ended;

/// The program while it listens; killed when dropped.
pub struct Listening {
    child: Child,
    stderr: BufReader<ChildStderr>,
    pub address: String,
}

impl Listening {
    /// Waits until the program says where it listens.
    pub fn start(mut command: Command) -> Self {
        command
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut listening = Self {
            child,
            stderr,
            address: String::new(),
        };
        let line = listening.wait_for("listening on ");
        listening.address = line.trim_end().replace("listening on ", "");
        listening
    }

    /// What Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal("-INT");
    }

    pub fn signal(&self, name: &str) {
        send_signal(&self.child, name);
    }

    /// Waits for its end without reading what it says.
    pub fn unheard(mut self) -> Option<i32> {
        self.child.wait().expect("it can be waited for").code()
    }

    /// Waits for a line of standard error with these words.
    pub fn wait_for(&mut self, words: &str) -> String {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            let read = self.stderr.read_line(&mut line).expect("UTF-8");
            assert_ne!(read, 0, "it ended without {words:?}");
        }
        line
    }

    /// Takes everything from it at once, as a crash does.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Ended {
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).expect("UTF-8");
        let mut stdout = String::new();
        let piped = self.child.stdout.as_mut().expect("it is piped");
        piped.read_to_string(&mut stdout).expect("UTF-8");
        let status = self.child.wait().expect("it can be waited for");
        Ended {
            code: status.code(),
            stdout,
            stderr,
        }
    }
}

pub fn send_signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(status.is_ok_and(|status| status.success()));
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
