//! What is wrong with the arguments, without what may be a password.

use std::env;
use std::process::ExitCode;

use clap::Error;

/// Tells what is wrong; an argument that may be the address of a database is not repeated, wherever it was written.
pub(crate) fn refused(error: &Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let mut said = error.render().to_string();
    for argument in env::args_os().skip(1) {
        let argument = argument.to_string_lossy();
        let value = argument.split_once('=').map_or("", |(_, value)| value);
        // The longest first: the others are parts of it.
        for part in [&*argument, value] {
            if may_have_a_password(part) {
                said = said.replace(part, "<an address>");
            }
        }
    }
    eprint!("{said}");
    ExitCode::from(2)
}

fn may_have_a_password(text: &str) -> bool {
    text.contains("://") || text.contains("password")
}
