//! Every way to write a function.
#![deny(warnings)]

use brigade::prelude::*;

struct Codec;

impl Codec {
    fn encode(&self, x: u64) -> String {
        x.to_string()
    }
}

fn by(n: u64) -> impl Fn(u64) -> u64 + Send + Sync + 'static {
    move |x| x * n
}

#[tokio::main]
async fn main() {
    let codec = Codec;
    let local = |x: u64| x + 1;
    let out: Vec<u64> = pipeline! {
        [0..3u64]
        map(local),
        map(by(2)),
        map(|x: u64| -> u64 { x + 1 }),
        :block 2 map(move |x| codec.encode(x)),
        map(|text: String| text),
        mapped::<String>,
        <String as Length>::length,
        map(Some),
        filter_map(|x| x),
        map(|x| (x, x)),
        filter(|(a, b)| a == b),
        map(|(a, _)| a),
        :async map(|x| { let y = x + 1; async move { y } }),
        :async map(async move |x| { x }),
        :async map(|text: u64| async move { let x: u8 = text.to_string().parse()?; Ok(x) })?,
        map(|x| { let y: u64 = x.to_string().parse()?; println!("{y}"); Ok(y) })?,
        map(u64::from),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(out, [2, 2, 2]);
}

fn mapped<T>(x: T) -> T {
    x
}

trait Length {
    fn length(self) -> u64;
}

impl Length for String {
    fn length(self) -> u64 {
        self.len() as u64
    }
}
