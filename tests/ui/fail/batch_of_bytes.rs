//! `bytes` and `weight` of a batch, as they are not written.

use brigade::prelude::*;

fn main() {
    let texts = || vec!["a".to_owned()];
    let _none = pipeline! { [texts()] batch(500, bytes: 0) with { weight: |text| text.len() } };
    let _other = pipeline! { [texts()] batch(500, byte: 5 << 20) };
    let _twice = pipeline! { [texts()] batch(500, bytes: 5, bytes: 6) };
    let _alone = pipeline! { [texts()] batch(bytes: 5 << 20) };
    let _uncounted = pipeline! { [texts()] batch(500) with { weight: |text| text.len() } };
    let _number = pipeline! { [texts()] batch(500, bytes: 5) with { weight: 7 } };
    let _waits = pipeline! { [texts()] batch(500, bytes: 5) with { weight: async |text| text.len() } };
    let _elsewhere = pipeline! { [texts()] tap(|_| ()) with { weight: 7 } };
    let _option = pipeline! { [texts()] batch(500) with { bytes: 5 << 20 } };
    let _no_key = pipeline! {
        [texts()]
        push_task(text),
        batch(500, bytes: 5) with { weight: txet.len() },
    };
}
