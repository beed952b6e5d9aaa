use brigade::prelude::*;

struct Image;
struct Frame;

fn resize(image: Image) -> Image {
    image
}

fn encode(_: Frame) -> u64 {
    0
}

fn main() {
    let _ = pipeline! {
        [vec![Image]]
        map(resize),
        map(encode),
    };
}
