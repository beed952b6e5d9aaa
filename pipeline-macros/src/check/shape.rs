//! The pipeline as a whole: its ends, its shares.

use proc_macro2::Span;

use crate::ast::{Pipeline, Stage};
use crate::directive::Mode;
use crate::errors::Errors;
use crate::options;

pub(super) fn check(pipeline: &Pipeline, errors: &mut Errors) {
    if pipeline.stages.is_empty() && !pipeline.lost {
        let message = "a pipeline needs a stage: `pipeline! { [input] map(f), :drive sink }`";
        errors.at(Span::call_site(), message);
    }
    drives(pipeline, errors);
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

/// `:drive` stands at the tail of a pipeline with an input, once.
fn drives(pipeline: &Pipeline, errors: &mut Errors) {
    let last = pipeline.stages.len().saturating_sub(1);
    let is_segment = pipeline.header.is_none() && !pipeline.lost;
    let mut seen = false;
    let stages = pipeline.stages.iter().enumerate();
    for (number, stage) in stages.filter(|(_, stage)| stage.mode() == Mode::Drive) {
        let message = if is_segment {
            "a segment has no `:drive`; drive the pipeline that it is part of"
        } else if seen {
            "a second `:drive`; a pipeline has one, at its end"
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
    for name in stages
        .iter()
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
