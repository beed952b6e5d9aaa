//! Hosts with a network of their own: namespaces of the kernel, of which nothing outside of them knows.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::or_skip;

/// When there is no one left who could write to its input, ends what runs on the hosts, and takes them away.
const KEEPER: &str = r#"
    trap '' HUP INT TERM
    cat >/dev/null
    for name; do
        for process in $(ip netns pids "$name" 2>/dev/null); do kill -KILL "$process"; done
        ip netns del "$name"
    done
"#;

/// What nobody on the network has.
const NOBODY: &str = "02:00:00:00:00:00";

/// Hosts that reach each other, and nothing else. They go when this is dropped, or with the process that made them, and
/// what runs on them ends.
#[derive(Debug)]
pub struct Network {
    keeper: Child,
    hosts: Vec<Host>,
}

/// A machine, as far as programs can tell: it has an address of its own. Files, and sockets that are files, are those of
/// this machine.
#[derive(Debug, Clone)]
pub struct Host {
    switch: Arc<str>,
    name: String,
    number: u8,
}

/// What happens to a host's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// It is unplugged, and the host knows.
    Unplugged,
    /// Whatever is sent on it is lost, both ways, and nobody is told.
    Silent,
    /// What the host sends arrives; what is sent to it is lost.
    Deaf,
}

impl Network {
    /// So many hosts, up to 200.
    #[must_use]
    pub fn new(hosts: u8) -> Option<Self> {
        or_skip(Self::make(hosts))
    }

    /// The same, for who does not skip it.
    ///
    /// # Errors
    ///
    /// If the kernel has no namespaces, or this process may not make any.
    pub fn make(hosts: u8) -> Result<Self, String> {
        let name = format!("brigade-{:08x}", fastrand::u32(..));
        let switch: Arc<str> = format!("{name}-switch").into();
        let host = |number| Host {
            switch: Arc::clone(&switch),
            name: format!("{name}-{number}"),
            number,
        };
        let hosts: Vec<_> = (1..=hosts).map(host).collect();
        let names = hosts.iter().map(|host| &*host.name);
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "sh"])
            .args(names.chain([&*switch]))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let keeper = keeper.map_err(|error| error.to_string())?;
        // From here on what is made is taken away.
        let network = Self { keeper, hosts };
        network.wire(&switch)?;
        Ok(network)
    }

    fn wire(&self, switch: &str) -> Result<(), String> {
        ip(&["netns", "add", switch])?;
        ip(&["-n", switch, "link", "add", "switch", "type", "bridge"])?;
        ip(&["-n", switch, "link", "set", "switch", "up"])?;
        for host in &self.hosts {
            let (name, port) = (&*host.name, &*host.port());
            let address = format!("{}/24", host.address());
            ip(&["netns", "add", name])?;
            ip(&[
                "link", "add", port, "netns", switch, "type", "veth", "peer", "name", "line",
                "netns", name,
            ])?;
            ip(&["-n", name, "address", "add", &address, "dev", "line"])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
            ip(&["-n", name, "link", "set", "line", "up"])?;
            host.plug_in()?;
        }
        Ok(())
    }

    /// All of them.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// Cuts a host off, which was not.
    ///
    /// # Panics
    ///
    /// If that is not done.
    pub fn cut(&self, host: &Host, how: Cut) {
        let port = host.port();
        let done = match how {
            Cut::Unplugged => ip(&["-n", &host.switch, "link", "set", &port, "down"]),
            Cut::Silent => ip(&["-n", &host.switch, "link", "set", &port, "nomaster"]),
            // What the others send to it goes to nobody.
            Cut::Deaf => self.others(host, &["replace", "lladdr", NOBODY, "nud", "permanent"]),
        };
        done.expect("a host is cut off");
    }

    /// Makes a cut undone.
    ///
    /// # Panics
    ///
    /// If that is not done.
    pub fn mend(&self, host: &Host, how: Cut) {
        let done = match how {
            Cut::Unplugged | Cut::Silent => host.plug_in(),
            Cut::Deaf => self.others(host, &["del"]),
        };
        done.expect("a cut is mended");
    }

    /// Changes what the others know of where a host is.
    fn others(&self, host: &Host, what: &[&str]) -> Result<(), String> {
        let address = host.address().to_string();
        let (verb, more) = what.split_first().expect("there is a verb");
        let others = self
            .hosts
            .iter()
            .filter(|other| other.number != host.number);
        let mut changed = others.map(|other| {
            let neighbour = ["-n", &other.name, "neighbour", verb, &address];
            ip(&[&neighbour, more, &["dev", "line"]].concat())
        });
        changed
            .all(|changed| changed.is_ok())
            .then_some(())
            .ok_or_else(|| format!("{address} stays where it is"))
    }
}

impl Host {
    /// Its address.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, self.number)
    }

    /// A command that is run there.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let [first, words @ ..] = self.words();
        let mut command = Command::new(first);
        command.args(words).arg(program);
        command
    }

    /// What stands in front of a command that is run there.
    #[must_use]
    pub fn words(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    /// Does something on a thread of its own that is there: connections that are made or accepted on it are those of the
    /// host, also when it has ended.
    ///
    /// # Panics
    ///
    /// If the host is gone, or with what panics there.
    pub fn within<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/run/netns/{}", self.name)).expect("it is there");
        let network = Some(LinkNameSpaceType::Network);
        std::thread::scope(|scope| {
            let there = scope.spawn(|| {
                let moved = move_into_link_name_space(namespace.as_fd(), network);
                moved.expect("who made a host may go there");
                act()
            });
            there
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn port(&self) -> String {
        format!("port{}", self.number)
    }

    fn plug_in(&self) -> Result<(), String> {
        let port = self.port();
        ip(&[
            "-n",
            &self.switch,
            "link",
            "set",
            &port,
            "master",
            "switch",
            "up",
        ])
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The end of its input ends the keeper, and that all there is.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

fn ip(words: &[&str]) -> Result<(), String> {
    let said = Command::new("ip").args(words).output();
    let said = said.map_err(|error| format!("hosts with a network of their own: ip: {error}"))?;
    if said.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&said.stderr);
    let asked = words.join(" ");
    Err(format!(
        "hosts with a network of their own: ip {asked}: {}",
        why.trim()
    ))
}
