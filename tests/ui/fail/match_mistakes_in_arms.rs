use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        push_task(n),
        let kind = n % 2,
        match kind {
            0 => { fliter(|m| m.n > 1), let row = 1 }
            1 => { mapduce(kidn => row, |k| *k) }
            _ => { :block 0 let row = 2, forget(n) }
        },
        map(|m| m.row),
    };
}
