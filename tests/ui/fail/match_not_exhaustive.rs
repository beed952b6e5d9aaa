use brigade::prelude::*;

enum Event {
    Order(u64),
    Click,
    Ping,
}

fn main() {
    let _ = pipeline! {
        [source::iter([Event::Ping])]
        match |event| event {
            Event::Order(n) => map(|n| n + 1),
            Event::Click => map(|_| 0),
        }
    };
}
