//! Asking before something is gone for good.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::args::Yes;
use crate::failure::Failure;

/// Goes on if that is wanted: `what` is what will be done, as in `remove 3 messages`.
pub(crate) fn confirm(yes: Yes, what: &str) -> Result<(), Failure> {
    if yes.yes {
        return Ok(());
    }
    let (stdin, mut stderr) = (io::stdin(), io::stderr());
    if !stdin.is_terminal() {
        let why = format!("this would {what}; say `--yes` to do it");
        return Err(Failure::Usage(why));
    }
    write!(stderr, "This will {what}. Go on? [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::Usage("nothing was done".into())),
    }
}
