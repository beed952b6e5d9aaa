//! Futures that borrow the record, the client, or both; and everything else that can be awaited.
#![deny(warnings)]

use std::future::{Future, IntoFuture, Ready, ready};
use std::pin::Pin;

use brigade::prelude::*;

#[derive(Clone)]
struct Api;

impl Api {
    async fn get(&self, text: &str) -> usize {
        text.len()
    }

    fn boxed<'a>(&'a self, text: &'a str) -> Pin<Box<dyn Future<Output = &'a str> + Send + 'a>> {
        Box::pin(async move { &text[..1] })
    }
}

trait Geo: Send + Sync + 'static {
    fn near(&self, text: &str) -> impl Future<Output = Result<usize, String>> + Send;
}

impl Geo for Api {
    async fn near(&self, text: &str) -> Result<usize, String> {
        Ok(text.len() + 1)
    }
}

struct Request(usize);

impl IntoFuture for Request {
    type Output = usize;
    type IntoFuture = Ready<usize>;

    fn into_future(self) -> Ready<usize> {
        ready(self.0)
    }
}

async fn generic<G: Geo + Clone>(geo: G) -> Vec<usize> {
    pipeline! {
        [vec![String::from("ab")]]
        use geo;
        push_task(text),
        :async 2 mapduce(text => near, |text| geo.near(text))?,
        :async 2 mapduce(near, Request),
        map(|m| m.near),
    }
    .collect()
    .await
    .unwrap()
}

#[tokio::main]
async fn main() {
    let api = Api;
    let out: Vec<(usize, usize)> = pipeline! {
        [vec![String::from("abc")]]
        use api;
        push_task(text),
        :async 8 mapduce(text => len, |text| api.get(text)),
        :async 8 let first = api.boxed(text).await.len(),
        :async 8 tap(|m| api.get(&m.text)),
        map(|m| (m.len, m.first)),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(out, [(3, 1)]);
    let out = tokio::spawn(async move { generic(api).await })
        .await
        .unwrap();
    assert_eq!(out, [3]);
}
