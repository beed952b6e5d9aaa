use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        push_task(n),
        match *n {
            0 => { let row = 1u8 }
            _ => { let row = "many" }
        },
        map(|m| m.n),
    };
    let _ = pipeline! {
        [source::iter(0..9u32)]
        push_task(n),
        match *n {
            0 => { :block let row = 1u8 }
            _ => { :async let row = async { String::new() }.await }
        },
        map(|m| m.n),
    };
}
