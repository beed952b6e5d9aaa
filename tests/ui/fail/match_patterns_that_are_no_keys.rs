use brigade::prelude::*;

macro_rules! some {
    ($name:ident) => { Some($name) };
}

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        push_task(n),
        let part = Some(n.to_string()),
        let shown = Some(n.to_string()),
        match part {
            Some(ref text) => { let row = text.len() }
            None => skip,
        },
        match shown {
            Some(mut text) => { let long = text.len() }
            some!(x) => { let long = x.len() }
            None => skip,
        },
        map(|m| m.row),
    };
}
