use brigade::prelude::*;

fn end(kind: u32) -> impl Fn(u32) -> Option<u32> {
    move |_| Some(kind)
}

fn main() {
    let _ = pipeline! {
        [0..3u32]
        stateful(0, |sum, x| { *sum += x; [*sum] }),
        4 stateful(0, |sum, x| { *sum += x; [*sum] }, |_| None),
        stateful(0, |sum, x| { *sum += x; [*sum] }, end(3)),
        stateful(0, |sum, x| { *sum += x; [*sum] }, |_| None) with { held: 0 },
        stateful(0, |sum, x| { *sum += x; [*sum] }, |_| None) with { most: 3 },
        map(|x| x) with { held: 3 },
        fold(0),
        :async 2 fold(0, |sum, x| *sum += x),
        fold(0, |sum, x| *sum += x) with { groups: 3 },
        fold(0, |sum, x| *sum += x) with { by: |x| *x },
        fold(0, |sum, x| *sum += x) with { by: x, groups: 2, most: 0 },
    };
}
