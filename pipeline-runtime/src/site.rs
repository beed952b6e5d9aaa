//! Names of stages, and where they are written.

use std::borrow::Cow;

/// Names a stage: how it is called, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
pub struct StageInfo {
    /// The name: from `name: "…"`, or the key or function of the stage. The two ends have names of their own, by default
    /// `source` and `sink`: [`Source::name`](crate::source::Source::name), [`Queue::name`](crate::queue::Queue::name),
    /// [`Sink::name`](crate::sink::Sink::name).
    pub name: Cow<'static, str>,
    /// The position in the pipeline: the source is 0, the first stage 1.
    pub index: usize,
    /// The source file.
    pub file: &'static str,
    /// The line in it, from 1.
    pub line: u32,
    /// The stage's source text as written.
    pub command: &'static str,
}

/// What the macro says of a pipeline's stages, in one static.
#[derive(Debug)]
pub struct Site {
    /// The source file.
    pub file: &'static str,
    /// The stages in order, without the source and with the sink.
    pub stages: &'static [StageMeta],
}

/// What the macro says of one stage.
#[derive(Debug)]
pub struct StageMeta {
    /// Its unique name.
    pub name: &'static str,
    /// The line it starts on, from 1.
    pub line: u32,
    /// Its source text as written, white space folded.
    pub command: &'static str,
    /// The keys that the record has before this stage.
    pub frames: &'static [&'static str],
}

impl Site {
    /// Names stage number `index` of this site.
    #[must_use]
    pub fn stage(&self, index: usize) -> StageInfo {
        let stage = &self.stages[index];
        StageInfo {
            name: Cow::Borrowed(stage.name),
            index,
            file: self.file,
            line: stage.line,
            command: stage.command,
        }
    }
}
