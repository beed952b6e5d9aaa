use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        push_task(n),
        let kind = Some(n % 2),
        let other = 1,
        match kind {
            Some(0) => { let place = 1 }
            Some(row) => { let other = 'c' }
            None => {}
        },
        mapduce(place => a, |p| *p),
        mapduce(kind => c, |p| *p),
        mapduce(row => d, |p| *p),
        mapduce(other => e, |p| *p),
    };
}
