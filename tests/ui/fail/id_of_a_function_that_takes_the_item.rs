use brigade::journal;
use brigade::prelude::*;

#[derive(Clone)]
struct Report {
    id: u32,
}

fn id_of(report: Report) -> u32 {
    report.id
}

fn main() {
    let journal = journal::memory();
    let _ = pipeline! {
        [[Report { id: 1 }]]
        journal = journal;
        push_task(report, id = id_of),
        let next = report.id + 1 with { once },
        map(|m| m.next),
        :drive sink::each(|_n| ()),
    };
}
