//! The same stages, written in three ways.

/// How the stages are wired.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wiring {
    Macro,
    /// Each in an arm of one `match`, whose outputs come back in order.
    Arms,
    Hand,
}

impl Wiring {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Macro => "macro",
            Self::Arms => "arms",
            Self::Hand => "hand",
        }
    }
}

/// What the stages call, so that each has a function of its own, as in a real program.
fn functions(stages: usize) -> String {
    let function = |number| match number % 5 {
        3 => format!(
            "async fn f{number}(x: u64) -> u64 {{ tokio::task::yield_now().await; x ^ {number} }}\n"
        ),
        4 => format!("fn f{number}(x: &u64) -> bool {{ *x % 1009 != {number} }}\n"),
        _ => format!("fn f{number}(x: u64) -> u64 {{ x.wrapping_mul({number}) + 1 }}\n"),
    };
    (0..stages).map(function).collect()
}

/// A program with a pipeline of so many stages.
pub(super) fn program(wiring: Wiring, stages: usize) -> String {
    let (uses, body) = match wiring {
        Wiring::Macro => (
            "use brigade::prelude::*;",
            (0..stages).map(by_macro).collect::<String>(),
        ),
        Wiring::Arms => (
            "use brigade::prelude::*;",
            format!(
                "        match |x| x % {stages} {{\n{}            _ => skip,\n        }},\n",
                (0..stages).map(by_arm).collect::<String>()
            ),
        ),
        Wiring::Hand => (
            "use futures::StreamExt as _;\nuse tokio::sync::mpsc;",
            (0..stages).map(by_hand).collect(),
        ),
    };
    let main = match wiring {
        Wiring::Macro | Wiring::Arms => format!(
            "    let report = pipeline! {{\n        [0..1_000u64]\n{body}        :drive sink::each(|x: u64| drop(x)),\n    }}\n\
             \x20   .run()\n    .await;\n    println!(\"{{}}\", report.expect(\"nothing fails\"));\n"
        ),
        Wiring::Hand => format!(
            "    let (tx, rx) = mpsc::channel(64);\n    tokio::spawn(async move {{\n        for x in 0..1_000u64 {{\n\
             \x20           if tx.send(x).await.is_err() {{\n                break;\n            }}\n        }}\n    }});\n\
             {body}    let mut rx = rx;\n    while let Some(x) = rx.recv().await {{\n        drop(x);\n    }}\n"
        ),
    };
    format!(
        "{uses}\n\n{}\n#[tokio::main]\nasync fn main() {{\n{main}}}\n",
        functions(stages)
    )
}

fn by_macro(number: usize) -> String {
    let stage = match number % 5 {
        0 => format!("1 map(f{number})"),
        1 => format!("map(f{number})"),
        2 => format!(":block 2 map(f{number})"),
        3 => format!(":async 8 map(f{number})"),
        _ => format!("filter(f{number})"),
    };
    format!("        {stage},\n")
}

fn by_arm(number: usize) -> String {
    format!(
        "            {number} => {{ {} }}\n",
        by_macro(number).trim()
    )
}

/// The second and the last of each five belong to the one before, as the macro has it.
fn by_hand(number: usize) -> String {
    match number % 5 {
        0 => task(&format!("f{}(f{number}(x))", number + 1)),
        2 => buffered(
            2,
            &format!(
                "async move {{ tokio::task::spawn_blocking(move || f{number}(x)).await.expect(\"it does not panic\") }}"
            ),
            None,
        ),
        3 => buffered(8, &format!("f{number}(x)"), Some(number + 1)),
        _ => String::new(),
    }
}

fn task(call: &str) -> String {
    format!(
        "    let rx = {{\n        let mut before = rx;\n        let (tx, rx) = mpsc::channel(64);\n\
         \x20       tokio::spawn(async move {{\n            while let Some(x) = before.recv().await {{\n\
         \x20               if tx.send({call}).await.is_err() {{\n                    break;\n                }}\n\
         \x20           }}\n        }});\n        rx\n    }};\n"
    )
}

fn buffered(count: usize, future: &str, filter: Option<usize>) -> String {
    let condition = filter.map_or_else(String::new, |number| format!("f{number}(&x) && "));
    format!(
        "    let rx = {{\n        let mut before = rx;\n        let (tx, rx) = mpsc::channel(64);\n\
         \x20       tokio::spawn(async move {{\n\
         \x20           let items = futures::stream::poll_fn(move |cx| before.poll_recv(cx));\n\
         \x20           let mut results = std::pin::pin!(items.map(|x| {future}).buffered({count}));\n\
         \x20           while let Some(x) = results.next().await {{\n\
         \x20               if {condition}tx.send(x).await.is_err() {{\n                    break;\n                }}\n\
         \x20           }}\n        }});\n        rx\n    }};\n"
    )
}
