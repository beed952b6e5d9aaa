//! The thread that reads and decompresses.

use std::io::{self, ErrorKind, Read};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::Sender;

use super::codec::{Codec, decoded};
use super::error::Refused;
use super::input::{Input, Opened};
use super::{ReadError, ReadErrorKind, ReadStats};
use crate::descriptors;
use crate::lines::{Block, Budget};

/// How many bytes a block holds: enough that waking the other side for each costs nothing beside filling it.
const BLOCK: usize = 128 * 1024;

/// How many used buffers are kept to be filled again.
const SPARES: usize = 4;

/// What the thread hands over.
#[derive(Debug)]
pub(super) enum Piece {
    /// An input of this name begins.
    Begin(Arc<str>),
    /// Some of its bytes.
    Bytes(Block),
    /// It ended well.
    End,
    /// It could not be opened, or not be read to its end.
    Broken(ReadError),
    /// There are no more inputs.
    Finished,
}

/// Buffers that go back to the thread.
#[derive(Debug, Clone, Default)]
pub(super) struct Spares(Arc<Mutex<Vec<Vec<u8>>>>);

impl Spares {
    pub(super) fn put(&self, buffer: Vec<u8>) {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spares.len() < SPARES {
            spares.push(buffer);
        }
    }

    fn get(&self, length: usize) -> Vec<u8> {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(|| vec![0; length])
    }
}

/// What the thread works with. It ends when the other side of `pieces` is gone or the budget is closed.
pub(super) struct Reader {
    pub(super) inputs: Vec<Input>,
    pub(super) pieces: Sender<Piece>,
    pub(super) budget: Arc<Budget>,
    pub(super) spares: Spares,
    pub(super) stats: ReadStats,
    pub(super) decoder_memory: u64,
}

impl Reader {
    pub(super) fn run(mut self) {
        // Sparse files may claim more together than there are bytes anywhere.
        let mut sizes = self.inputs.iter().map(Input::size);
        let total = sizes.try_fold(0_u64, |sum, size| Some(sum.saturating_add(size?)));
        if let Some(total) = total {
            self.stats.set_total(total);
        }
        for input in std::mem::take(&mut self.inputs) {
            if self.read(&input).is_break() {
                return;
            }
        }
        // Broken only if nobody listens any more.
        let _ = self.hand_over(Piece::Finished);
    }

    /// One input, from beginning to end. Breaks if nobody wants the rest.
    fn read(&self, input: &Input) -> ControlFlow<()> {
        let name = input.name();
        self.stats.begin(&name);
        self.hand_over(Piece::Begin(Arc::clone(&name)))?;
        let last = match input.open(&self.stats) {
            Ok(opened) => self.read_opened(&name, opened)?,
            Err(error) => Piece::Broken(error),
        };
        self.stats.end();
        self.hand_over(last)
    }

    /// Hands over an input's bytes. Continues with the piece that comes after them.
    fn read_opened(&self, name: &Arc<str>, opened: Opened) -> ControlFlow<(), Piece> {
        let mut read = 0;
        let (codec, mut bytes) = match decoded(opened.bytes, name, self.decoder_memory) {
            Ok(decoded) => decoded,
            Err(error) => return ControlFlow::Continue(broken(Codec::Plain, error, read)),
        };
        loop {
            let (block, ended) = self.fill(&mut *bytes, opened.regular)?;
            read += block.filled as u64;
            if !block.is_empty() {
                self.stats.add_decompressed(block.filled);
                self.hand_over(Piece::Bytes(block))?;
            }
            match ended {
                Ok(false) => {}
                Ok(true) => return ControlFlow::Continue(Piece::End),
                Err(error) => return ControlFlow::Continue(broken(codec, error, read)),
            }
        }
    }

    /// Fills a block, or as much of it as one read brings. Whether the input has ended comes with it.
    fn fill(
        &self,
        bytes: &mut (dyn Read + Send),
        whole: bool,
    ) -> ControlFlow<(), (Block, io::Result<bool>)> {
        let length = self.budget.portion(BLOCK);
        let Some(reserved) = self.budget.reserve(length) else {
            return ControlFlow::Break(());
        };
        let mut block = Block {
            buffer: self.spares.get(length),
            filled: 0,
            used: 0,
            reserved,
        };
        let ended = loop {
            match bytes.read(&mut block.buffer[block.filled..]) {
                Ok(0) => break Ok(true),
                Ok(read) => block.filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => break Err(error),
            }
            if !whole || block.filled == block.buffer.len() {
                break Ok(false);
            }
        };
        block.reserved.shrink(block.filled);
        ControlFlow::Continue((block, ended))
    }

    fn hand_over(&self, piece: Piece) -> ControlFlow<()> {
        match self.pieces.blocking_send(piece) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

fn broken(codec: Codec, error: io::Error, read: u64) -> Piece {
    let from_system = error.raw_os_error().is_some();
    let said = error.to_string();
    let refused = error.get_ref().and_then(|inner| inner.downcast_ref());
    let kind = match (refused, codec.name()) {
        (Some(refused), codec) => Refused::kind(*refused, codec, read),
        _ if descriptors::ran_out(&error) => ReadErrorKind::NoDescriptors,
        (None, Some(codec)) if !from_system && error.kind() == ErrorKind::UnexpectedEof => {
            ReadErrorKind::Truncated { codec, read }
        }
        (None, Some(codec)) if !from_system => ReadErrorKind::Corrupt { codec, read, said },
        _ => ReadErrorKind::Unreadable { read, said },
    };
    Piece::Broken(ReadError { kind, error })
}
