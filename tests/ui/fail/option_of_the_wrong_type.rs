use brigade::prelude::*;

fn store(x: u64) -> Result<u64, String> {
    Ok(x)
}

fn main() {
    let _ = pipeline! {
        [0..10u64]
        :block 2 map(store)? with { timeout: 5, retry: 3, buffer: "many" },
    };
}
