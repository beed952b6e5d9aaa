//! The source that a reader's thread feeds.

use std::sync::Arc;
use std::thread;

use pipeline_runtime::Origin;
use pipeline_runtime::private::{held, held_briefly};
use pipeline_runtime::source::{Flow, Line, Pulled, SourceError};
use tokio::sync::mpsc::{self, Receiver};

use super::input::Input;
use super::thread::{Piece, Reader, Spares};
use super::{DECODER_MEMORY, ReadError, ReadStats};
use crate::lines::{BYTE_BOUND, Block, Budget, Intake, LINE_LIMIT};

/// How many pieces may wait; the byte budget is what bounds them, this only keeps tiny ones from being many.
const PIECES: usize = 64;

/// What a user may set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) line_limit: usize,
    pub(crate) byte_bound: usize,
    pub(crate) decoder_memory: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            line_limit: LINE_LIMIT,
            byte_bound: BYTE_BOUND,
            decoder_memory: DECODER_MEMORY,
        }
    }
}

/// A source of the lines of some inputs, one after the other. Its thread starts with the first pull.
#[derive(Debug)]
pub(crate) struct Feed {
    thread: &'static str,
    inputs: Vec<Input>,
    pub(crate) settings: Settings,
    stats: ReadStats,
    running: Option<Running>,
}

impl Feed {
    pub(crate) fn new(thread: &'static str, inputs: Vec<Input>) -> Self {
        let stats = ReadStats::default();
        stats.set_files(inputs.len());
        Self {
            thread,
            inputs,
            settings: Settings::default(),
            stats,
            running: None,
        }
    }

    pub(crate) fn stats(&self) -> ReadStats {
        self.stats.clone()
    }

    pub(crate) async fn pull(
        &mut self,
        max: usize,
        out: &mut Pulled<Line>,
    ) -> Result<Flow, SourceError> {
        let before = out.len();
        let full = before.saturating_add(max);
        let running = self.started()?;
        loop {
            running.split(full, out);
            if out.len() > before {
                return Ok(Flow::More);
            }
            if let Some(flow) = running.next(out).await? {
                return Ok(flow);
            }
        }
    }

    fn started(&mut self) -> Result<&mut Running, SourceError> {
        if self.running.is_none() {
            let inputs = std::mem::take(&mut self.inputs);
            let running = Running::start(self.thread, inputs, self.settings, self.stats());
            self.running = Some(running.map_err(SourceError::new)?);
        }
        Ok(self.running.as_mut().expect("it was just started"))
    }
}

/// The receiving side of the thread.
#[derive(Debug)]
struct Running {
    pieces: Receiver<Piece>,
    budget: Arc<Budget>,
    spares: Spares,
    line_limit: usize,
    /// The input that is being read, and the block of it that is being split.
    intake: Option<Intake>,
    block: Option<Block>,
    finished: bool,
    /// Whether all inputs are files.
    always_there: bool,
}

impl Running {
    fn start(
        name: &str,
        inputs: Vec<Input>,
        settings: Settings,
        stats: ReadStats,
    ) -> std::io::Result<Self> {
        let (sender, pieces) = mpsc::channel(PIECES);
        let always_there = inputs.iter().all(|input| matches!(input, Input::File(_)));
        let budget = Budget::new(settings.byte_bound);
        let spares = Spares::default();
        let reader = Reader {
            inputs,
            pieces: sender,
            budget: Arc::clone(&budget),
            spares: spares.clone(),
            stats,
            decoder_memory: settings.decoder_memory,
        };
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(|| reader.run())?;
        Ok(Self {
            pieces,
            budget,
            spares,
            line_limit: settings.line_limit,
            intake: None,
            block: None,
            finished: false,
            always_there,
        })
    }

    /// Splits what has come.
    fn split(&mut self, full: usize, out: &mut Pulled<Line>) {
        let (Some(intake), Some(block)) = (&mut self.intake, &mut self.block) else {
            return;
        };
        intake.take(block, full, out);
        if block.is_empty() {
            self.spares
                .put(self.block.take().expect("it was just used").buffer);
        }
    }

    /// Waits for the next piece. Cancel safe: it is taken and dealt with in one step.
    async fn next(&mut self, out: &mut Pulled<Line>) -> Result<Option<Flow>, SourceError> {
        if self.finished {
            return Ok(Some(Flow::End));
        }
        let unfinished = self.intake.as_ref().map_or(0, Intake::unfinished);
        self.budget.set_unfinished(unfinished);
        // Files are there to be read; of anything else more may come, or nothing.
        let piece = if self.always_there {
            held("the reader", self.pieces.recv()).await
        } else {
            held_briefly("the reader", self.pieces.recv()).await
        };
        self.budget.set_unfinished(0);
        match piece {
            Some(Piece::Begin(name)) => {
                self.intake = Some(Intake::new(name, self.line_limit, &self.budget));
            }
            Some(Piece::Bytes(block)) => self.block = Some(block),
            Some(Piece::End) => {
                if let Some(intake) = self.intake.take() {
                    intake.finish(out);
                }
            }
            Some(Piece::Broken(error)) => out.fail(self.broken(error)),
            Some(Piece::Finished) => self.finished = true,
            None => {
                self.finished = true;
                return Err(SourceError::new(
                    "the reading thread panicked; this is a bug",
                ));
            }
        }
        Ok(None)
    }

    /// The failure of an input, with the place that was reached; nothing of its unfinished line is emitted.
    fn broken(&mut self, error: ReadError) -> SourceError {
        let place = self.intake.take().map(|intake| intake.reached());
        SourceError::new(error).at(place.unwrap_or_else(|| Origin::new("")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The thread may wait for room, and what would make room may outlive this.
        self.budget.close();
    }
}
