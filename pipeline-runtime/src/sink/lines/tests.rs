use std::io;
use std::sync::{Arc, Mutex};

use super::*;
use crate::place::ErrorKind;

/// A writer with room for so many bytes.
#[derive(Debug, Clone, Default)]
struct Small(Arc<Mutex<(Vec<u8>, usize)>>);

impl Small {
    fn of(room: usize) -> Self {
        let small = Self::default();
        small.0.lock().unwrap().1 = room;
        small
    }

    fn grow(&self, room: usize) {
        self.0.lock().unwrap().1 = room;
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap()
    }
}

impl Write for Small {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (written, room) = &mut *self.0.lock().unwrap();
        let taken = bytes.len().min(*room - written.len());
        if taken == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        written.extend(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn whatever_room_there_is_each_line_is_written_once_and_whole() {
    for room in 0..12 {
        let small = Small::of(room);
        let mut output = Output::new(small.clone(), "it".into());
        let error = output.write(vec!["one", "two", "three"]).unwrap_err();
        assert!(error.is_away(), "{error:?}");
        let left = error.into_parts().2;
        if room > 8 {
            // The last of them is begun, and so it counts; but it is not there before its rest is.
            assert!(left.is_empty());
            assert_eq!(
                output.flush().unwrap_err().io().kind(),
                io::ErrorKind::StorageFull
            );
        }
        small.grow(99);
        let written = output.write(left).unwrap();
        assert_eq!(written.failures().count(), 0);
        output.flush().unwrap();
        assert_eq!(small.text(), "one\ntwo\nthree\n", "with room for {room}");
    }
}

#[test]
fn what_is_no_line_fails_alone_before_and_behind_what_has_no_room() {
    let small = Small::of(4);
    let mut output = Output::new(small.clone(), "it".into());
    let error = output
        .write(vec!["a\nb", "one", "c\nd", "two", "e\nf"])
        .unwrap_err();
    let (_, written, left) = error.into_parts();
    let failed: Vec<_> = written.failures().map(|(index, _)| index).collect();
    assert_eq!((&*failed, &*left), (&[0, 2, 4][..], &["two", "e\nf"][..]));
    small.grow(99);
    let written = output.write(left).unwrap();
    assert_eq!(written.failures().count(), 1);
    assert_eq!(small.text(), "one\ntwo\n");
}

#[test]
fn a_place_that_will_not_take_more_is_told_from_one_without_room() {
    struct Broken(io::ErrorKind);
    impl Write for Broken {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            panic!("fell")
        }
    }
    for (io, kind) in [
        (io::ErrorKind::StorageFull, ErrorKind::Away),
        (io::ErrorKind::PermissionDenied, ErrorKind::Closed),
        (io::ErrorKind::BrokenPipe, ErrorKind::Closed),
    ] {
        let mut output = Output::new(Broken(io), "it".into());
        let error = output.write(vec![1]).unwrap_err();
        assert_eq!((error.kind(), error.items()), (kind, &[1][..]));
        let cause = error.error().downcast_ref::<LinesError>().unwrap();
        assert_eq!(cause.io().kind(), io);
    }
    let mut output = Output::new(Broken(io::ErrorKind::Other), "it".into());
    assert_eq!(
        output.flush().unwrap_err().to_string(),
        "it: panicked: fell"
    );
}

#[test]
fn a_writer_that_would_block_now_and_then_loses_no_line() {
    /// Would block twice before each byte that it takes.
    #[derive(Default)]
    struct Slow(Vec<u8>, usize);
    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            if !self.1.is_multiple_of(3) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.0.push(bytes[0]);
            Ok(1)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut output = Output::new(Slow::default(), "it".into());
    let mut left = vec!["one", "two", "three"];
    while let Err(error) = output.write(left) {
        assert!(error.is_away(), "{error:?}");
        left = error.into_parts().2;
    }
    while let Err(error) = output.flush() {
        assert_eq!(error.io().kind(), io::ErrorKind::WouldBlock);
    }
    assert_eq!(output.writer().0, b"one\ntwo\nthree\n");
}
