//! What it costs to give names to intermediate results.

use std::collections::HashMap;
use std::pin::pin;

use brigade::prelude::*;
use futures::StreamExt as _;
use serde_json::Value;

use crate::case::{Case, Contender, Goal, Sample, Size, Table};
use crate::rt::Consumer;

const STRUCT: &str = "struct in a plain loop";
const MAP: &str = "`HashMap<&str, Value>` in a plain loop";
const COLLECT: &str = "brigade, `collect`";

/// Ten keys in ten `let` stages.
pub fn case(size: Size) -> Case {
    let note = "An order becomes an invoice in ten steps; each is a `let` stage that reads keys of earlier ones. The \
                last stage reads all of them. The struct is what one would write by hand, in a loop that adds up the \
                results; the map is what frameworks use whose stages are put together at run time \
                (`serde_json::Value`, room for all keys from the start).";
    let contender = |name, what, items, run: fn(u64, Sum) -> Sample| {
        let items = size.items(items);
        let mut expected = None;
        Contender::new(name, what, move || {
            run(items, *expected.get_or_insert_with(|| sum(items)))
        })
    };
    let (many, few) = (20_000_000, 200_000);
    let table = Table::new("ten keys")
        .baseline(STRUCT)
        .contender(contender(
            COLLECT,
            "`push_task`, ten `let`, `map`; collected into a sum",
            many,
            collected,
        ))
        .contender(contender(
            "brigade, `stream()`",
            "the same, polled item by item",
            many,
            streamed,
        ))
        .contender(contender(
            STRUCT,
            "a function that fills a struct",
            many,
            plain,
        ))
        .contender(contender(MAP, "ten inserts, with SipHash", few, mapped).crates(&["serde_json"]))
        .goal(Goal::within(COLLECT, STRUCT, 1.05))
        .goal(Goal::faster(COLLECT, MAP, 20.0));
    Case::new("records", "Records", note).table(table)
}

/// The pipeline of both of brigade's contenders.
macro_rules! invoices {
    ($items:ident) => {
        pipeline! {
            [0..$items]
            push_task(id),
            let count = count(*id),
            let price = price(*id),
            let gross = count * price,
            let rebate = rebate(*gross),
            let net = gross - rebate,
            let tax = net * 19 / 100,
            let total = net + tax,
            let weight = weight(*count, *price),
            let shipping = shipping(*weight),
            let due = total + shipping,
            map(|m| digest([m.id, m.count, m.price, m.gross, m.rebate, m.net, m.tax, m.total, m.weight, m.shipping, m.due])),
        }
    };
}

fn collected(items: u64, expected: Sum) -> Sample {
    Consumer::BlockOn.measure(items, async move {
        let sum = invoices!(items)
            .collect::<Sum>()
            .await
            .expect("nothing fails");
        assert_eq!(sum, expected);
    })
}

fn streamed(items: u64, expected: Sum) -> Sample {
    Consumer::BlockOn.measure(items, async move {
        let mut results = pin!(invoices!(items).stream());
        let mut sum = Sum::default();
        while let Some(item) = results.next().await {
            sum.extend([item.expect("nothing fails")]);
        }
        assert_eq!(sum, expected);
    })
}

struct Invoice {
    id: u64,
    count: u64,
    price: u64,
    gross: u64,
    rebate: u64,
    net: u64,
    tax: u64,
    total: u64,
    weight: u64,
    shipping: u64,
    due: u64,
}

impl Invoice {
    fn new(id: u64) -> Self {
        let (count, price) = (count(id), price(id));
        let gross = count * price;
        let rebate = rebate(gross);
        let net = gross - rebate;
        let tax = net * 19 / 100;
        let total = net + tax;
        let weight = weight(count, price);
        let shipping = shipping(weight);
        Self {
            id,
            count,
            price,
            gross,
            rebate,
            net,
            tax,
            total,
            weight,
            shipping,
            due: total + shipping,
        }
    }
}

fn sum(items: u64) -> Sum {
    let mut sum = Sum::default();
    for id in 0..items {
        let m = Invoice::new(id);
        let all = [
            m.id, m.count, m.price, m.gross, m.rebate, m.net, m.tax, m.total, m.weight, m.shipping,
            m.due,
        ];
        sum.extend([digest(all)]);
    }
    sum
}

fn plain(items: u64, expected: Sum) -> Sample {
    Sample::of(items, || assert_eq!(sum(items), expected))
}

type Map = HashMap<&'static str, Value>;

/// Reads keys of earlier stages, and says its own.
type Stage = fn(&Map, fn(&Map, &str) -> u64) -> (&'static str, u64);

fn mapped(items: u64, expected: Sum) -> Sample {
    const KEYS: [&str; 11] = [
        "id", "count", "price", "gross", "rebate", "net", "tax", "total", "weight", "shipping",
        "due",
    ];
    let get = |m: &Map, key: &str| m[key].as_u64().expect("it is a number");
    // One function a stage, each with the map alone.
    let stages: [Stage; 10] = [
        |m, get| ("count", count(get(m, "id"))),
        |m, get| ("price", price(get(m, "id"))),
        |m, get| ("gross", get(m, "count") * get(m, "price")),
        |m, get| ("rebate", rebate(get(m, "gross"))),
        |m, get| ("net", get(m, "gross") - get(m, "rebate")),
        |m, get| ("tax", get(m, "net") * 19 / 100),
        |m, get| ("total", get(m, "net") + get(m, "tax")),
        |m, get| ("weight", weight(get(m, "count"), get(m, "price"))),
        |m, get| ("shipping", shipping(get(m, "weight"))),
        |m, get| ("due", get(m, "total") + get(m, "shipping")),
    ];
    Sample::of(items, || {
        let mut sum = Sum::default();
        for id in 0..items {
            let mut m = Map::with_capacity(KEYS.len());
            m.insert("id", id.into());
            for stage in stages {
                let (key, value) = stage(&m, get);
                m.insert(key, value.into());
            }
            sum.extend([digest(KEYS.map(|key| get(&m, key)))]);
        }
        assert_eq!(sum, expected);
    })
}

fn count(id: u64) -> u64 {
    id % 97 + 1
}

fn price(id: u64) -> u64 {
    id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50
}

fn rebate(gross: u64) -> u64 {
    if gross > 100_000 { gross / 10 } else { 0 }
}

fn weight(count: u64, price: u64) -> u64 {
    count * (price % 13 + 1)
}

fn shipping(weight: u64) -> u64 {
    if weight > 500 { 0 } else { 499 + weight }
}

/// Something that depends on every key.
fn digest(keys: [u64; 11]) -> u64 {
    keys.into_iter()
        .fold(0, |all, key| all.rotate_left(7) ^ key)
}

/// Results, added up.
#[derive(Default, PartialEq, Debug, Clone, Copy)]
struct Sum(u64);

impl Extend<u64> for Sum {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, items: I) {
        self.0 = items.into_iter().fold(self.0, u64::wrapping_add);
    }
}
