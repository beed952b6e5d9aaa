//! The same command with another allocator: what a case measures in [`Place::Mimalloc`] runs in it.
//!
//! [`Place::Mimalloc`]: brigade_benches::case::Place::Mimalloc

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    brigade_benches::main();
}
