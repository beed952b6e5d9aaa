use brigade::prelude::*;

fn main() {
    let numbers = queue::memory::<u64>();
    let _ = pipeline! {
        [numbers.deliveries()]
        stateful(0, |sum, number| { *sum += *number; None }, |sum| Some(sum)),
        :drive sink::each(|sum: u64| println!("{sum}")),
    };
    let _: Segment<u64, u64> = pipeline! {
        fold(0, |sum, number| *sum += number),
    };
}
