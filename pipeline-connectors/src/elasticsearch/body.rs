//! What is sent of a request, in pieces, and how much of it is not sent yet.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use hyper::body::{Frame, SizeHint};

/// The most that is handed on at once. What is larger would be taken from here as a whole, however much of it is sent.
const PIECE: usize = 256 * 1024;

/// The body of a request.
#[derive(Debug)]
pub(super) struct Body {
    pieces: VecDeque<Bytes>,
    left: Left,
}

/// How many bytes of a body were not handed on yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Left(Arc<AtomicU64>);

impl Left {
    pub(super) fn is_none(&self) -> bool {
        // What hands on is polled by the task that asks.
        self.0.load(Relaxed) == 0
    }
}

impl Body {
    pub(super) fn new(pieces: impl Iterator<Item = Bytes>) -> Self {
        let mut all: VecDeque<Bytes> = VecDeque::new();
        let mut bytes = 0;
        for piece in pieces.filter(|piece| !piece.is_empty()) {
            bytes += piece.len() as u64;
            all.push_back(piece);
        }
        let left = Left(Arc::new(AtomicU64::new(bytes)));
        Self { pieces: all, left }
    }

    /// Of a request without one.
    pub(super) fn none() -> Self {
        Self::new(std::iter::empty())
    }

    pub(super) fn left(&self) -> Left {
        self.left.clone()
    }

    fn next(&mut self) -> Option<Bytes> {
        let mut first = self.pieces.pop_front()?;
        if first.len() > PIECE {
            let rest = first.split_off(PIECE);
            self.pieces.push_front(rest);
            return Some(first);
        }
        if self.pieces.is_empty() || first.len() + self.pieces[0].len() > PIECE {
            return Some(first);
        }
        // A write of the system for each of many small ones would be dear.
        let mut together = Vec::with_capacity(PIECE);
        together.extend_from_slice(&first);
        first.clear();
        while let Some(next) = self.pieces.front_mut() {
            let room = PIECE - together.len();
            if next.len() > room {
                break;
            }
            together.extend_from_slice(next);
            next.advance(next.len());
            self.pieces.pop_front();
        }
        Some(together.into())
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.next();
        if let Some(piece) = &next {
            // Relaxed, as below: see `Left::is_none`.
            self.left.0.fetch_sub(piece.len() as u64, Relaxed);
        }
        Poll::Ready(next.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.0.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_handed_on_in_order_and_counted() {
        let sizes = [3, PIECE + 5, 1, 0, 2, PIECE, PIECE * 2 + 1, 7];
        let mut byte = 0_u8;
        let pieces: Vec<Bytes> = sizes
            .iter()
            .map(|size| {
                let next = || {
                    byte = byte.wrapping_add(7);
                    byte
                };
                std::iter::repeat_with(next).take(*size).collect()
            })
            .collect();
        let all: Vec<u8> = pieces.iter().flatten().copied().collect();
        let mut body = Body::new(pieces.into_iter());
        let left = body.left();
        assert!(!left.is_none());
        let mut sent = Vec::new();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        while let Poll::Ready(Some(Ok(frame))) =
            hyper::body::Body::poll_frame(Pin::new(&mut body), &mut cx)
        {
            let piece = frame.into_data().expect("data");
            assert!(!piece.is_empty() && piece.len() <= PIECE);
            sent.extend_from_slice(&piece);
        }
        assert!(left.is_none());
        assert_eq!(sent, all);
    }
}
