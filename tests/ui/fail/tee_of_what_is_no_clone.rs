use brigade::prelude::*;

struct Post(u32);

fn main() {
    let _ = pipeline! {
        [source::iter((0..9).map(Post))]
        tee { :drive sink::discard() },
        map(|post| post.0),
    };
    let _ = pipeline! {
        [source::iter(0..9)]
        push_task(n),
        let post = Post(*n),
        tee { :drive sink::discard() },
        map(|m| m.post.0),
    };
}
