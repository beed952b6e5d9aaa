//! The signals that ask a program to end.

use std::fmt;

/// A signal that asks for an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Interrupt,
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no such signal"))]
    Terminate,
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no such signal"))]
    Hangup,
}

impl Signal {
    /// What shells say of a program that such a signal has ended: 128 and its number.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
            Self::Hangup => 129,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "Ctrl-C",
            Self::Terminate => "SIGTERM",
            Self::Hangup => "SIGHUP",
        })
    }
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::future::poll_fn;
    use std::task::Poll;

    use tokio::signal::unix::{SignalKind, signal};

    use super::Signal;

    /// Takes the signals from now on: until then, they end the program.
    pub struct Signals(Vec<(Signal, tokio::signal::unix::Signal)>);

    impl Signals {
        pub fn new() -> Self {
            let mut kinds = vec![
                (Signal::Interrupt, SignalKind::interrupt()),
                (Signal::Terminate, SignalKind::terminate()),
            ];
            // Who starts this with `nohup` wants it to go on.
            if !is_ignored(SignalKind::hangup()) {
                kinds.push((Signal::Hangup, SignalKind::hangup()));
            }
            // One that cannot be taken ends the program, as it would have without this.
            let taken = |(name, kind)| Some((name, signal(kind).ok()?));
            Self(kinds.into_iter().filter_map(taken).collect())
        }

        /// Waits for the next.
        pub async fn next(&mut self) -> Signal {
            poll_fn(|cx| {
                let come = |(name, signal): &mut (Signal, tokio::signal::unix::Signal)| {
                    matches!(signal.poll_recv(cx), Poll::Ready(Some(()))).then_some(*name)
                };
                self.0
                    .iter_mut()
                    .find_map(come)
                    .map_or(Poll::Pending, Poll::Ready)
            })
            .await
        }
    }

    /// Whether who started this program has made it ignore a signal, as far as the system tells.
    fn is_ignored(kind: SignalKind) -> bool {
        let mask = || {
            let status = fs::read_to_string("/proc/self/status").ok()?;
            let mask = status
                .lines()
                .find_map(|line| line.strip_prefix("SigIgn:"))?;
            u64::from_str_radix(mask.trim(), 16).ok()
        };
        mask().is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
    }
}

#[cfg(unix)]
pub use unix::Signals;

#[cfg(not(unix))]
pub struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub fn new() -> Self {
        Self
    }

    /// Waits for the next; for ever, where there is no such thing.
    pub async fn next(&mut self) -> Signal {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Interrupt
    }
}
