//! rsyslog: what receives lines over TCP on most machines.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::senders::Load;
use crate::case::Sample;
use crate::place::Place;

/// How long it may take to listen, and to write all.
const PATIENCE: Duration = Duration::from_mins(1);

/// Ends with this.
struct Rsyslog(Child);

impl Drop for Rsyslog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn run(load: Load) -> Sample {
    let place = Place::new();
    let path = place.file("lines");
    let server = start(&place, load.connections);
    let port = place.file("port");
    until(|| fs::read_to_string(&port).is_ok_and(|port| !port.is_empty()));
    let port = fs::read_to_string(port).expect("it was there");
    let address = format!("127.0.0.1:{}", port.trim());
    let senders = load.connect(address.parse().expect("a port"));
    let expected = load.bytes() + load.lines();
    let sample = Sample::of(load.lines(), || {
        let senders = senders.send();
        until(|| fs::metadata(&path).is_ok_and(|file| file.len() >= expected));
        senders.join().expect("a sender panicked");
    });
    drop(server);
    load.check_file(&fs::read(path).expect("it is there"));
    sample
}

fn start(place: &Place, connections: u64) -> Rsyslog {
    let configuration = place.file("rsyslog.conf");
    fs::write(&configuration, text(place, connections)).expect("a fresh folder");
    let server = Command::new("rsyslogd")
        .arg("-n")
        .arg("-f")
        .arg(&configuration)
        .arg("-i")
        .arg(place.file("pid"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Rsyslog(server.expect("it is installed"))
}

/// The queue, its batches and the buffer of the file are larger than where nothing is said; one worker, for there is one
/// file.
fn text(place: &Place, connections: u64) -> String {
    let show = |path: &Path| path.display().to_string();
    format!(
        r#"module(load="imtcp" maxSessions="{sessions}")
main_queue(queue.type="FixedArray" queue.size="100000" queue.dequeueBatchSize="1024" queue.workerThreads="1")
template(name="line" type="string" string="%rawmsg%\n")
ruleset(name="lines") {{
    action(type="omfile" file="{file}" template="line" ioBufferSize="64k")
}}
input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="{port}" ruleset="lines")
"#,
        sessions = connections + 10,
        file = show(&place.file("lines")),
        port = show(&place.file("port")),
    )
}

fn until(holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "rsyslog takes too long");
        std::thread::sleep(Duration::from_millis(1));
    }
}
