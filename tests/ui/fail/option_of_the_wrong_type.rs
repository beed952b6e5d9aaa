use brigade::prelude::*;

fn store(x: u64) -> Result<u64, String> {
    Ok(x)
}

fn main() {
    let (seconds, times, room) = (5, 3, "many");
    let _ = pipeline! {
        [0..10u64]
        :block 2 map(store)? with { timeout: seconds, retry: times, buffer: room },
    };
}
