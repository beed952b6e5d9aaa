//! A `weight` that is no number of bytes, and `bytes` that are none.

use brigade::prelude::*;

fn main() {
    let texts = || vec!["a".to_owned()];
    let _text = pipeline! { [texts()] batch(500, bytes: 5) with { weight: |text| text.clone() } };
    let _wide = pipeline! { [texts()] batch(500, bytes: 5) with { weight: |text| text.len() as u64 } };
    let _behind = pipeline! { [texts()] map(|text| text) with { weight: |text| text.clone() } };
    let _size = pipeline! { [texts()] batch(500, bytes: texts().len()) with { weight: |text| text.len() } };
}
