use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        match |n| n {
            0 => { skip }
            1 => drop,
            2 => ,
            3 => { continue }
            _ => {}
        }
    };
}
