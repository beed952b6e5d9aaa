//! A program that runs as long as somebody wants it to.

use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use crate::install::target;

/// Runs the program until there is no one left who could write to its input, then removes its directory. On `kill` it is
/// killed at once, and its processes notice that; on `stop` it lets nobody finish, on `quit` it tidies up nothing either; on
/// `start` it runs again, unless it does. Each is answered when it is done.
const KEEPER: &str = r#"
    trap '' HUP INT TERM
    cd "$PLACE"
    server=none
    runs() { read -r _ _ state _ 2>/dev/null </proc/$server/stat && [ "$state" != Z ]; }
    start() { setsid "$@" </dev/null >>"$LOG" 2>&1 & server=$!; }
    end() { kill -$1 $2$server; wait $server; }
    while read -r word; do
        case $word in
            start) runs || start "$@" ;;
            stop) end INT ;;
            quit) end QUIT ;;
            kill) end KILL - ;;
        esac
        echo $word
    done
    kill -KILL -$server
    wait $server
    cd /
    rm -rf "$PLACE"
"#;

/// It ends when this is dropped, or with the process that made it.
#[derive(Debug)]
pub(super) struct Kept(Mutex<Child>);

impl Kept {
    /// Of a program and its arguments, which are given to the shell; its directory, and the name of its log.
    pub(super) fn new(
        place: &Path,
        log: &str,
        words: impl FnOnce(&mut Command),
    ) -> io::Result<Self> {
        let servers = target().map_err(io::Error::other)?.join("servers");
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "sh"]);
        words(&mut keeper);
        let keeper = keeper
            .env("PLACE", place)
            .env("LOG", servers.join(log))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        Ok(Self(Mutex::new(keeper.spawn()?)))
    }

    pub(super) fn tell(&self, word: &str) {
        let mut keeper = self.0.lock().expect("nobody panics with it");
        let input = keeper.stdin.as_mut().expect("it has an input");
        writeln!(input, "{word}").expect("it reads");
        let mut answer = [0; 16];
        let output = keeper.stdout.as_mut().expect("it has an output");
        let read = output.read(&mut answer).expect("it answers");
        assert_eq!(String::from_utf8_lossy(&answer[..read]).trim(), word);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Ok(keeper) = self.0.get_mut() {
            // The end of its input ends the keeper, and that the program.
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }
}
