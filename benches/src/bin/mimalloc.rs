//! The same command with another allocator: what a case measures in `Place::Mimalloc` runs in it.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    brigade_benches::main();
}
