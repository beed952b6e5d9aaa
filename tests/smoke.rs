use brigade::prelude::*;
use std::time::Duration;

#[derive(Debug, Clone)]
struct Post {
    text: String,
    id: u64,
}
#[derive(Debug)]
struct Bad;
impl std::fmt::Display for Bad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bad")
    }
}
impl std::error::Error for Bad {}
fn parse_post(s: &str) -> Result<Post, Bad> {
    Ok(Post {
        text: s.to_owned(),
        id: 1,
    })
}
fn normalise(p: &Post) -> String {
    p.text.clone()
}
#[derive(Clone)]
struct Api;
impl Api {
    async fn locate(&self, s: &str) -> Result<u64, Bad> {
        Ok(s.len() as u64)
    }
}
struct Delivery {
    body: String,
}
async fn double(x: u64) -> u64 {
    x * 2
}

fn design(
    deliveries: tokio::sync::mpsc::Receiver<Delivery>,
    rows: tokio::sync::mpsc::Sender<Vec<(String, u64)>>,
    api: Api,
    errors: tokio::sync::mpsc::Sender<Failure<Delivery>>,
) {
    let _p = pipeline! {
        [deliveries, errors]
        use api;
        push_task(original),
        let post = parse_post(&original.body)?,
        filter(|m| !m.post.text.is_empty()),
        :block 2 let clean = normalise(post),
        :async 20 let place = api.locate(clean).await?
            with { timeout: Duration::from_secs(5), retry: Retry::exponential(3) },
        tap(|m| println!("{}", m.post.id)),
        map(|m| (m.clean, m.place)),
        batch(500, Duration::from_millis(200)),
        :drive rows,
    };
    let _ = api;
}

fn others(n: usize) {
    let _a = pipeline! { [0..10u64] map(|x| x + 1), filter(|x| *x > 3), filter_map(|x| Some(x)), 4 double_sync };
    let _b = pipeline! { [0..10u64, sink::each(|f| println!("{f}"))] :async 8 double, :block (n) map(|x| x.to_string()), flat_map(|s| s.chars().collect::<Vec<_>>()), filter(|c| c.is_ascii()) };
    let _c = pipeline! { [0..10u64] flat_map(|x| 0..x), :async 4 map(|x| async move { x + 1 }), batch(10), flat_map(|v| v), map(|x| x + 1), :drive sink::each(|x| println!("{}", x.count_ones())) };
    let _d =
        pipeline! { [0..10u64] through(seg()), :drive 2 sink::each(|x| println!("{}", x.len())) };
    let _e = pipeline! { [0..10u64] flat_map(|x| 0..x), flat_map(|x| 0..x), filter(|x| x % 2 == 0), map(|x| "1".parse::<u64>().map(|y| x + y))? };
    let _f = pipeline! { [vec![1u64, 2]] push_task(a), mapduce(a => b, |a| a + 1), mapduce((a, b) => c, |a, b| a + b), push_task(inner), let total = inner.a + inner.c, mapduce(total, |t| t.to_string())
    , pop_task(inner, total), forget(b), :async 2 mapduce(total, |t| async move { let x: u64 = t.parse()?; Ok(x) })? with { retry: Retry::exponential(2) }, :block 2 flat_map(|m| { let n: u64 = m.total.to_string().parse()?; Ok(0..n)})? with { timeout: Duration::from_secs(1), retry: Retry::exponential(2)}, tap(|x| println!("{x}")) };
    let _g = pipeline! { [0..10u64] push_task(t), :block 2 tap(|m| { if m.t > 3 { Err("big") } else { Ok(()) } })? with { timeout: Duration::from_secs(1), retry: Retry::exponential(2)}, pop_task(t), :drive sink::each(|x: u64| println!("{x}")) };
}
fn double_sync(x: u64) -> u64 {
    x * 2
}
fn seg() -> Segment<u64, String> {
    pipeline! { map(|x| x + 1), :block 2 map(|x| x.to_string()) }
}
#[test]
fn compiles() {}
