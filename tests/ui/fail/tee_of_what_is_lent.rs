use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(["a".to_owned()])]
        tee |text| text { :drive sink::discard() },
        tee |text| &text[1..] { :drive sink::discard() },
        push_task(text),
        tee text { :drive sink::discard() },
        tee |m| m.text.as_str() { :drive sink::discard() },
        map(|m| m.text),
    };
}
