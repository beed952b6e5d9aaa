//! All cases, with the allocator of the system.

fn main() {
    brigade_benches::main();
}
