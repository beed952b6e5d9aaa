use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [[1u32]]
        :async 2 map(|n| async move { n }) with { timeout: 5, retry: 3 },
        :block 2 map(|n| n + 1) with { buffer = 3 },
        :block 2 map(|n| n + 1) with { buffer: "many" },
        :drive sink::each(|_n| ()),
    };
}
