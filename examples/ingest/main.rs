//! x

#![allow(unreachable_pub, reason = "a program has no outside")]

mod args;
mod clean;
mod corpus;
mod post;
mod progress;
mod reject;
mod totals;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.len() == 3 {
        let t = std::time::Instant::now();
        let tally = corpus::write(args[1].as_ref(), args[2].parse().unwrap(), 1).unwrap();
        println!("{tally:?} {:?}", t.elapsed());
        return;
    }
    let data = std::fs::read_to_string(&args[1]).unwrap_or_else(|_| {
        String::from_utf8_lossy(&std::fs::read(&args[1]).unwrap()).into_owned()
    });
    let t = std::time::Instant::now();
    let posts: Vec<_> = data.lines().map(post::parse).collect();
    println!(
        "parse {:?} bad {}",
        t.elapsed(),
        posts.iter().filter(|p| p.is_err()).count()
    );
    let t = std::time::Instant::now();
    let n: usize = posts
        .iter()
        .flatten()
        .map(|p| {
            let c = clean::normalise(&p.text);
            c.text.len() + c.links.len()
        })
        .sum();
    println!("clean {:?} {n}, {} bytes", t.elapsed(), data.len());
}
