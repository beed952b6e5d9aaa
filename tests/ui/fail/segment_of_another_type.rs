use brigade::prelude::*;

fn text() -> Segment<String, String> {
    pipeline! { map(|text| text + "!") }
}

fn main() {
    let _ = pipeline! {
        [0..10u64]
        through(text()),
    };
}
