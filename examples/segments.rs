//! Segments: stages without ends, wired into several pipelines and tested alone.
//!
//! ```text
//! cargo run --example segments
//! cargo test --example segments
//! ```
//!
//! Prints:
//!
//! ```text
//! ["of", "a", "bucket", "brigade", "buckets", "a", "minute"]
//!
//! stages                                              runs  window     items at most
//! source                                            source       0                 0
//! long_words/words/flat_map                           task    8192  8193 (automatic)
//! long_words/words/filter, long_words/words/lower  2 tasks    8192  8192 (automatic)
//! long_words/long                                     task    8192  8192 (automatic)
//! batch                                               task       2     4 (automatic)
//! sink                                              writer    8192  8192 (automatic)
//! 0 threads; at most 32773 items in memory at once
//!
//! ["bucket", "brigade"]
//! ["buckets", "minute"]
//!
//! stage                      in  done  filtered  failed  emitted  retries  busy  starved  blocked
//! source                      2     2         0       0        2        0   0 %      0 %    100 %
//! long_words/words/flat_map   2     2         0       0        8        0   1 %      0 %      0 %
//! long_words/words/filter     8     7         1       0        7        0
//! long_words/words/lower      7     7         0       0        7        0  38 %      0 %      0 %
//! long_words/long             7     4         3       0        4        0  38 %      1 %      0 %
//! batch                       4     4         0       0        2        0  38 %      1 %      1 %
//! sink                        2     2         0       0        0        0  39 %      1 %      0 %
//! 19.541ms, bottleneck: sink; in = done + filtered + failed in every row
//! ```
//!
//! The plan comes before anything runs: which stages share workers, and how many items they may hold. Stages of segments
//! have paths: `long_words/long` is the stage `long` of what `long_words` returned.

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
