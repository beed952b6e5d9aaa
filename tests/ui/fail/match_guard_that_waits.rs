use brigade::prelude::*;

async fn ask() -> bool {
    true
}

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        match |n| n {
            n if ask().await => skip,
            _ => {}
        },
    };
}
