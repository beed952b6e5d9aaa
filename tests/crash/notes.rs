//! What the workers' functions do, noted in a file before they do it. It survives the process.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use brigade::queue::Delivery;

pub(crate) struct Notes(File);

impl Notes {
    pub(crate) fn open(path: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Self(file.expect("the file of notes opens"))
    }

    /// A delivery begins.
    pub(crate) fn begin(&self, message: &Delivery<String>) {
        self.line(&format!(
            "{} begins {} {}\n",
            Self::delivery(message),
            message.id(),
            Self::thread()
        ));
    }

    /// A stage is called.
    pub(crate) fn call(&self, message: &Delivery<String>, key: &str) {
        let delivery = Self::delivery(message);
        let (message, thread) = (message.id(), Self::thread());
        self.line(&format!("{delivery} {message}/{key} {thread}\n"));
    }

    /// In one write, so that lines of several processes stay whole.
    fn line(&self, line: &str) {
        let written = (&self.0).write_all(line.as_bytes());
        written.expect("notes are kept where there is room");
    }

    /// One word for one delivery: the process, and where it has the message.
    fn delivery(message: &Delivery<String>) -> String {
        let place = std::ptr::from_ref(message.body()).addr();
        let count = message.receive_count();
        format!("{}:{place:x}.{count}", std::process::id())
    }

    /// One word, of its process, for the thread that calls.
    fn thread() -> String {
        format!("{:?}", std::thread::current().id())
    }
}
