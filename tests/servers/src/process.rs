//! A server that runs.

use std::fs::{File, create_dir_all};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::http::{get, request};
use crate::install::{program, target};

/// How long a server may take to start. Python compiles the package at its first start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the program until there is no one left who could write to its input, and removes its directory.
const KEEPER: &str = r#"
    trap '' HUP INT TERM
    "$@" </dev/null & server=$!
    cat >/dev/null
    kill -9 $server
    rm -rf "$HOME"
"#;

/// A server on a port of its own. It ends when it is dropped, or with the process that started it.
#[derive(Debug)]
pub struct Server {
    keeper: Child,
    port: u16,
}

impl Server {
    /// Starts the program of a package, and waits until it answers at `health`. `{port}` in an argument is its port.
    pub(crate) fn start(package: &str, arguments: &[&str], health: &str) -> Result<Self, String> {
        let program = program(package)?;
        let port = free_port()?;
        let home = target()?.join(format!("servers/run-{:016x}", fastrand::u64(..)));
        let error = |error: std::io::Error| format!("{package} does not start: {error}");
        std::fs::create_dir_all(&home).map_err(error)?;
        let log = log(package, port)?;
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "sh"])
            .arg(program)
            .args(
                arguments
                    .iter()
                    .map(|argument| argument.replace("{port}", &port.to_string()))
                    .map(|argument| argument.replace("{home}", &home.to_string_lossy())),
            )
            .env("HOME", &home)
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().map_err(error)?)
            .stderr(log)
            .spawn()
            .map_err(error)?;
        let server = Self { keeper, port };
        let deadline = Instant::now() + PATIENCE;
        while !get(port, health).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            if Instant::now() > deadline {
                return Err(format!("{package} does not answer on port {port}"));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it answers to a POST of JSON.
    ///
    /// # Panics
    ///
    /// If it does not answer.
    #[must_use]
    pub fn post(&self, path: &str, body: &str) -> String {
        let answer = request(self.port, "POST", path, body).expect("it does not answer");
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
        body.unwrap_or_default().to_owned()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input ends the keeper, and that the server.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// A port that nobody has just now.
pub(crate) fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0");
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address.map_err(|error| error.to_string())?.port())
}

pub(crate) fn log(package: &str, port: u16) -> Result<File, String> {
    let folder = target()?.join("servers");
    create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let path: PathBuf = folder.join(format!("{package}.log"));
    let opened = File::options().create(true).append(true).open(path);
    opened.map_err(|error| format!("no log for {package} on port {port}: {error}"))
}
