use brigade::prelude::*;

#[derive(Debug)]
struct Post {
    lang: Option<String>,
}

fn main() {
    let _ = pipeline! {
        [source::iter([1])]
        push_task(n),
        let post = Post { lang: Some(n.to_string()) },
        match post.lang {
            Some(lang) => { let row = lang.len() }
            None => skip,
        },
        map(|m| (m.row, m.post)),
    };
}
