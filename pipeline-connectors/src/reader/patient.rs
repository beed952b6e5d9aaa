//! Reading from a descriptor that may say that there is nothing yet.
//!
//! Whether a pipe, socket or terminal is non-blocking belongs to all processes that have it open, so one of them may
//! have made our standard input so. Then "nothing yet" is no end and no error.

use std::io::{self, ErrorKind, Read};
use std::thread;
use std::time::Duration;

#[cfg(unix)]
use std::os::fd::AsFd;

/// How long to wait where the system cannot say when there is something; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Reads as if the descriptor were a blocking one that no signal interrupts, so that no decoder has to know of either.
#[derive(Debug)]
pub(super) struct Patient<R>(pub(super) R);

impl<R: Read + AsFd> Read for Patient<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !is_readable(&self.0) {
                        thread::sleep(pause);
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                }
                read => return read,
            }
        }
    }
}

/// Waits until there is something to read, or an end. `false` if that cannot be waited for.
#[cfg(unix)]
fn is_readable(descriptor: &impl AsFd) -> bool {
    use rustix::event::{PollFd, PollFlags, poll};

    let mut polled = [PollFd::new(descriptor, PollFlags::IN)];
    let asked = poll(&mut polled, None);
    let ready = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
    asked.is_ok() && polled[0].revents().intersects(ready)
}

#[cfg(not(unix))]
fn is_readable<R>(_: &R) -> bool {
    false
}

#[cfg(not(unix))]
pub(super) trait AsFd {}
#[cfg(not(unix))]
impl<R> AsFd for R {}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_reader_without_bytes_waits_for_them_and_for_the_end() {
        let (mut writer, reader) = UnixStream::pair().unwrap();
        reader.set_nonblocking(true).unwrap();
        let mut reader = Patient(reader);
        let reading = thread::spawn(move || {
            let mut all = String::new();
            reader.read_to_string(&mut all).map(|_| all)
        });
        for piece in ["one", "two", "three"] {
            writer.write_all(piece.as_bytes()).unwrap();
            thread::yield_now();
        }
        drop(writer);
        assert_eq!(reading.join().unwrap().unwrap(), "onetwothree");
    }

    #[test]
    fn where_the_system_cannot_say_it_is_asked_again() {
        struct Busy(u32, std::fs::File);
        impl Read for Busy {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                self.0 += 1;
                match self.0 {
                    1 => Err(ErrorKind::Interrupted.into()),
                    2 | 3 => Err(ErrorKind::WouldBlock.into()),
                    _ => Ok(1),
                }
            }
        }
        impl AsFd for Busy {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.1.as_fd()
            }
        }
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(Patient(Busy(0, file)).read(&mut [0]).unwrap(), 1);
    }
}
