//! Segments: stages without ends, wired into several pipelines and tested alone.
//!
//! ```text
//! cargo run --example segments
//! cargo test --example segments
//! ```
use brigade::prelude::*;

/// A segment is used up by being wired; the function is what is used again.
fn words() -> Segment<String, String> {
    pipeline! {
        flat_map(|line: String| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()),
        filter(|word| word.chars().all(char::is_alphabetic)),
        2 map(|word| word.to_lowercase()) with { name: "lower" },
    }
}

/// Segments are wired into segments.
fn long_words(least: usize) -> Segment<String, String> {
    pipeline! {
        through(words()),
        filter(move |word| word.len() >= least) with { name: "long" },
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let text = || {
        vec![
            "Of a Bucket Brigade".to_owned(),
            "4 buckets a minute".to_owned(),
        ]
    };

    let all: Vec<String> = pipeline! { [text()] through(words()) }.collect().await?;
    println!("{all:?}");

    let long = pipeline! {
        [text()]
        through(long_words(4)),
        batch(2),
        :drive sink::each(|words| println!("{words:?}")),
    };
    println!("\n{}", long.plan());
    println!("\n{}", long.run().await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn words_are_alphabetic_and_lower_case() {
        let words = words().run_on(["Two 2 TWOS".to_owned()]).await.unwrap();
        assert_eq!(words, ["two", "twos"]);
    }
}
