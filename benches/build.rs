//! Tells the report which compiler built what it measured.

use std::env;
use std::process::Command;

fn main() {
    let rustc = env::var_os("RUSTC").expect("cargo names the compiler");
    let output = Command::new(rustc)
        .arg("-V")
        .output()
        .expect("the compiler tells its version");
    println!(
        "cargo:rustc-env=RUSTC_VERSION={}",
        String::from_utf8_lossy(&output.stdout).trim()
    );
    println!("cargo:rerun-if-changed=build.rs");
}
