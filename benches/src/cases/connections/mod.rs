//! Lines from few and from many TCP connections.

use crate::case::{Case, Contender, Goal, Size, Table};
use crate::tools::has;

mod brigade;
mod by_hand;
mod file;
mod rsyslog;
mod senders;

use senders::Load;

const RSYSLOG: &str = "rsyslog";

/// As many lines as ever, over 1 to 1,000 connections.
pub fn case(size: Size) -> Case {
    let note = "Lines of 100 bytes on average arrive over TCP, always as many in all, over 1 to 1,000 connections at a \
                time. The senders run in the same process, on a thread of their own, and are paid for in these times; \
                they are connected before, and then send all they have at once. By hand there is a task for each connection, whose lines go into one \
                channel; brigade's source is that channel already, and bounds bytes as well as lines. rsyslog, where it is \
                installed, parses each line as a message of syslog and writes it into a file, and so does brigade beside \
                it, without parsing; the time ends when all is in the file.";
    let lines = size.items(600_000);
    let mut table = Table::new("lines over 1 to 1,000 connections")
        .columns([("wall", "ns/line"), ("cpu", "CPU ns/line")])
        .baseline(by_hand(1));
    for connections in [1, 10, 100, 1_000] {
        let load = Load::new(connections, lines);
        table = table
            .contender(Contender::new(
                brigade(connections),
                "`[source::tcp(…)]`, a `map(…)`, `stream()`",
                move || brigade::run(load),
            ))
            .contender(
                Contender::new(
                    by_hand(connections),
                    "a task a connection, `LinesCodec`, `mpsc::channel(1024)`",
                    move || by_hand::run(load),
                )
                .crates(&["tokio", "tokio-util"]),
            );
    }
    let goal = Goal::within(brigade(1_000), brigade(1), 1.25);
    let case = Case::new("connections", "Connections", note).table(table.goal(goal));
    if !has("rsyslogd", "-v") {
        return case;
    }
    let load = Load::new(10, lines);
    let table = Table::new("lines over 10 connections into a file")
        .columns([("wall", "ns/line")])
        .baseline(RSYSLOG)
        .contender(Contender::new(
            "brigade, into a file",
            "`[source::tcp(…)]`, `:drive sink::each(…)` into a `BufWriter`",
            move || file::run(load),
        ))
        .contender(Contender::new(
            RSYSLOG,
            "rsyslogd 8, imtcp and omfile, a ruleset of its own, batches of 1,024",
            move || rsyslog::run(load),
        ));
    case.table(table)
}

fn brigade(connections: u64) -> String {
    format!("brigade, connections: {connections}")
}

fn by_hand(connections: u64) -> String {
    format!("tokio by hand, connections: {connections}")
}
