use brigade::prelude::*;

async fn send(n: u32) -> u32 {
    n
}

fn main() {
    let _ = pipeline! {
        [[1u32]]
        push_task(n),
        :async 4 let sent = send(*n),
        map(|m| m.n),
        :drive sink::each(|_n| ()),
    };
}
