//! The pipeline as a whole: its ends, its shares.

use proc_macro2::Span;

use super::placed::returns;
use crate::ast::{self, Pipeline, Stage};
use crate::directive::Mode;
use crate::errors::Errors;
use crate::options;

pub(super) fn check(pipeline: &Pipeline, errors: &mut Errors) {
    if pipeline.stages.is_empty() && !pipeline.lost {
        let message = "a pipeline needs a stage: `pipeline! { [input] map(f), :drive sink }`";
        errors.at(Span::call_site(), message);
    }
    let is_segment = pipeline.header.is_none() && !pipeline.lost;
    drives(&pipeline.stages, is_segment, Line::Main, errors);
    for (index, share) in pipeline.shares.iter().enumerate() {
        if pipeline.shares[..index]
            .iter()
            .any(|other| other.name == share.name)
        {
            errors.at(
                share.name.span(),
                format!("`{}` is shared twice", share.name),
            );
        }
    }
    names(&pipeline.stages, errors);
}

/// What stages stand in one behind the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Main,
    Arm,
    Side,
}

/// `:drive` stands at the end of a pipeline with an input, of an arm, or of a side line, once.
fn drives(stages: &[Stage], is_segment: bool, line: Line, errors: &mut Errors) {
    let last = stages.len().saturating_sub(1);
    let mut seen = false;
    for (number, stage) in stages.iter().enumerate() {
        for arm in stage.arms() {
            drives(&arm.stages, is_segment, Line::Arm, errors);
        }
        if let Some(tee) = stage.tee() {
            if is_segment {
                let message =
                    "a segment has no `tee`; write it in the pipeline that the segment is part of";
                errors.at(tee.word.span(), message);
            } else {
                drives(&tee.stages, false, Line::Side, errors);
            }
        }
        if number != last && !stage.arms().is_empty() && !returns(std::slice::from_ref(stage)) {
            let message =
                "nothing comes here: no arm of the `match` above comes back; move this into an arm";
            errors.at(stages[number + 1].span, message);
        }
        if stage.mode() != Mode::Drive {
            continue;
        }
        let message = if is_segment {
            "a segment has no `:drive`; drive the pipeline that it is part of"
        } else if seen && line == Line::Main {
            "a second `:drive`; a pipeline has one, at its end"
        } else if number != last && line == Line::Arm {
            "`:drive` ends an arm; move the stages after it in front of it"
        } else if number != last && line == Line::Side {
            "`:drive` ends a side line; move the stages after it in front of it, or behind the `tee`"
        } else if number != last {
            "`:drive` ends the pipeline; move the stages after it in front of it"
        } else {
            continue;
        };
        seen = true;
        errors.at(stage.span, message);
    }
}

/// No two stages have one name.
fn names(stages: &[Stage], errors: &mut Errors) {
    let mut seen = Vec::new();
    for name in ast::all(stages)
        .into_iter()
        .filter_map(|stage| options::name::of(&stage.options))
    {
        if seen.contains(&name.value()) {
            let message = format!(
                "two stages are named `{}`; a report could not tell them apart",
                name.value()
            );
            errors.at(name.span(), message);
        }
        seen.push(name.value());
    }
}
