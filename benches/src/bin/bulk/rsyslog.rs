//! rsyslog: what takes lines to Elasticsearch on many machines.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use brigade_benches::place::Place;

use super::server::Server;
use super::{BATCH, WRITERS};

/// Ends with this.
pub(super) struct Rsyslog(
    Child,
    #[expect(dead_code, reason = "its files are there as long as it runs")] Place,
);

impl Drop for Rsyslog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether there is one with the module for bulk servers.
pub(super) fn is_there() -> bool {
    let place = Place::new();
    let configuration = place.file("rsyslog.conf");
    let text = "module(load=\"omelasticsearch\")\n*.* /dev/null\n";
    fs::write(&configuration, text).expect("a fresh folder");
    let checked = Command::new("rsyslogd")
        .args(["-N1", "-f"])
        .arg(configuration)
        .output();
    checked.is_ok_and(|said| {
        let said = String::from_utf8_lossy(&said.stderr);
        !said.contains("could not load module")
    })
}

/// Reads and sends until what is returned is dropped.
pub(super) fn run(lines: &Path, server: &Server) -> Rsyslog {
    let place = Place::new();
    let configuration = place.file("rsyslog.conf");
    let text = text(lines, server, configuration.parent().expect("a folder"));
    fs::write(&configuration, text).expect("a fresh folder");
    let started = Command::new("rsyslogd")
        .args(["-n", "-f"])
        .arg(&configuration)
        .arg("-i")
        .arg(place.file("pid"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Rsyslog(started.expect("it is installed"), place)
}

/// It reads the whole file when it starts. Its queue and its batches are larger than where nothing is said.
fn text(lines: &Path, server: &Server, place: &Path) -> String {
    format!(
        r#"global(workDirectory="{place}" maxMessageSize="64k")
module(load="imfile")
module(load="omelasticsearch")
template(name="document" type="string" string="{{\"message\":\"%msg:::json%\"}}")
ruleset(name="lines" queue.type="FixedArray" queue.size="100000" queue.dequeueBatchSize="{BATCH}" queue.workerThreads="{WRITERS}" queue.workerThreadMinimumMessages="{BATCH}") {{
    action(type="omelasticsearch" server="{address}" serverport="{port}" searchIndex="lines" searchType="" bulkmode="on" template="document")
}}
input(type="imfile" file="{lines}" tag="lines" ruleset="lines")
"#,
        place = place.display(),
        address = server.address.ip(),
        port = server.address.port(),
        lines = lines.display(),
    )
}
