//! The clocks of processors.

use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The time that this thread has had on a processor; `None` where the system has no such clock.
///
/// To read it takes about a microsecond, for it is a call into the kernel.
pub(crate) fn of_thread() -> Option<Duration> {
    clock::of_thread()
}

/// The same of all threads of the process.
pub(crate) fn of_process() -> Option<Duration> {
    clock::of_process()
}

#[cfg(target_os = "linux")]
mod clock {
    use std::time::Duration;

    use rustix::time::{ClockId, Timespec, clock_gettime};

    #[expect(clippy::unnecessary_wraps, reason = "other systems have none")]
    pub(super) fn of_thread() -> Option<Duration> {
        Some(read(clock_gettime(ClockId::ThreadCPUTime)))
    }

    #[expect(clippy::unnecessary_wraps, reason = "other systems have none")]
    pub(super) fn of_process() -> Option<Duration> {
        Some(read(clock_gettime(ClockId::ProcessCPUTime)))
    }

    #[allow(
        clippy::useless_conversion,
        reason = "they are narrower on some machines"
    )]
    fn read(at: Timespec) -> Duration {
        let whole = u64::try_from(i64::from(at.tv_sec)).unwrap_or(0);
        let rest = u64::try_from(i64::from(at.tv_nsec)).unwrap_or(0);
        Duration::from_secs(whole) + Duration::from_nanos(rest)
    }
}

#[cfg(not(target_os = "linux"))]
mod clock {
    use std::time::Duration;

    pub(super) fn of_thread() -> Option<Duration> {
        None
    }

    pub(super) fn of_process() -> Option<Duration> {
        None
    }
}

/// How many processors the process may use at the same time.
pub(crate) fn cores() -> usize {
    // To ask takes some reads of files, and a report may be asked for often.
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get))
}

/// What workers had of a processor, measured for a part of their work that stands for all of it.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    /// Nanoseconds on a processor.
    cpu: AtomicU64,
    /// How much work that was: of calls how many, of drivers nanoseconds.
    of: AtomicU64,
}

impl Probes {
    pub(crate) fn add(&self, cpu: Duration, of: u64) {
        // Relaxed: nothing else is read by these numbers, and one that is read without the other is wrong by one probe of many.
        self.cpu.fetch_add(nanos(cpu), Ordering::Relaxed);
        self.of.fetch_add(of, Ordering::Relaxed);
    }

    /// What all the work had; `None` where none was measured.
    pub(crate) fn of(&self, all: u64) -> Option<Duration> {
        // Relaxed: see `add`.
        let of = self.of.load(Ordering::Relaxed);
        let cpu = u128::from(self.cpu.load(Ordering::Relaxed));
        let cpu = (cpu * u128::from(all)).checked_div(u128::from(of))?;
        Some(Duration::from_nanos(u64::try_from(cpu).unwrap_or(u64::MAX)))
    }
}

pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_computes_has_a_processor_and_one_that_sleeps_has_none() {
        let began = of_thread().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        let slept = of_thread().unwrap();
        assert!(slept.saturating_sub(began) < Duration::from_millis(10));
        let since = Instant::now();
        while of_thread().unwrap().saturating_sub(slept) < Duration::from_millis(5) {
            assert!(since.elapsed() < Duration::from_secs(60));
        }
        assert!(of_process().unwrap() >= of_thread().unwrap());
    }

    #[test]
    fn what_was_measured_stands_for_all() {
        let probes = Probes::default();
        assert_eq!(probes.of(100), None);
        probes.add(Duration::from_nanos(30), 100);
        probes.add(Duration::from_nanos(10), 100);
        assert_eq!(probes.of(1_000), Some(Duration::from_nanos(200)));
        assert_eq!(probes.of(u64::MAX).map(nanos), Some(u64::MAX / 5));
    }
}
