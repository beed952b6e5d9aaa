use brigade::prelude::*;

fn main() {
    let journal = ();
    let _ = pipeline! {
        [0..10u64]
        journal = journal;
        push_task(original, id = |n| n) with { once },
        :async 2 tap(|m| async { println!("{}", m.original) }) with { once },
        let post = original * 2,
        mapduce(post, |post| post + 1) with { once },
        map(|m| m.post) with { once },
        :drive sink::each(|_| ()) with { once },
    };
}
