use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [vec![String::new()]]
        push_task(original),
        let text = original.as_str(),
        map(|m| m.text.len()),
    };
}
