//! Nothing in scope is used by accident, and no lint is raised.
#![deny(warnings)]
#![allow(dead_code, non_camel_case_types, missing_docs, unreachable_pub)]

mod shadows {
    pub struct Result;
    pub struct Vec;
    pub struct Option;
    pub struct Box;
    pub struct String;
    pub struct Some;
    pub struct Ok;
    pub struct Err;
    pub struct None;
    pub struct Record;
    pub struct Step;
    pub trait Clone {}
    pub trait Send {}
    pub trait Sync {}
    pub trait Fn {}
    pub trait Iterator {}
    pub trait IntoIterator {}
    pub trait Into {}
    pub trait From {}
    pub trait Drop {}
    pub struct bool;
    pub struct usize;
    pub struct u32;
    pub mod core {}
    pub mod std {}
}

mod user {
    #[allow(unused_imports)]
    use super::shadows::*;

    pub fn made(api: u8) -> impl ::core::marker::Sized {
        let errors = ::brigade::sink::each(::core::mem::drop);
        ::brigade::pipeline! {
            [0..4u64, errors]
            use api;
            push_task(original),
            let post = original + u64::from(api),
            let (_half, value, _) = (original / 2, post + 1, ()),
            :block 2 let (same, value) = (*post, _half + value),
            :async 2 let parsed = ::core::future::ready(1u64).await
                with { timeout: ::core::time::Duration::from_secs(1), retry: ::brigade::Retry::exponential(2) },
            :block 2 mapduce(parsed, |x| if x > 0 { ::core::result::Result::Ok(x) } else { ::core::result::Result::Err("no") })?
                with { timeout: ::core::time::Duration::from_secs(1), retry: ::brigade::Retry::exponential(2) },
            filter(|m| m.same + m.post > 0),
            map(|m| m.parsed),
            flat_map(|x| [x]),
            filter_map(::core::option::Option::Some),
            batch(2),
            :drive ::brigade::sink::each(|batch| ::core::mem::drop(batch)),
        }
    }

    pub fn segment() -> ::brigade::Segment<u64, u64> {
        ::brigade::pipeline! { map(|x| x + 1) }
    }
}

pub fn main() {
    let _ = user::made(1);
    let _ = user::segment();
}
