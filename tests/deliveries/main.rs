//! What becomes of the deliveries of a queue: promises 34 to 38 and 41, and the pipeline's side of 40.

#[path = "../support/absent.rs"]
mod absent;
mod away;
mod backoff;
mod choosing;
mod dead_letters;
mod failures;
mod fakes;
mod fates;
#[path = "../support/heard.rs"]
mod heard;
mod idle;
mod json;
mod keeping;
mod last_errors;
mod leases;
mod links;
mod lost;
#[path = "../support/noted.rs"]
#[expect(dead_code, reason = "each of the tests takes what it needs")]
mod noted;
mod operated;
mod parts;
mod poison;
mod property;
mod rate;
mod receiving;
#[path = "../support/spans.rs"]
mod spans;
mod stopping;
mod traces;
