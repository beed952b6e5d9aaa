use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        journal = brigade::journal::memory();
        push_task(n, id = |n: &u32| n.to_string()),
        match n % 2 {
            0 => { :block let place = n + 1 with { once } }
            _ => { :block let place = n + 2 with { once } }
        },
        :drive sink::discard(),
    };
}
