//! What a journal adds to the stages that are written.

use std::iter;

use crate::check::Placed;
use crate::directive::Directive;
use crate::forms::commit;

/// Where a task begins, what is recorded of it is loaded; behind each stage with `once` stands one that waits until its
/// value is durable.
pub(super) fn stages(written: Vec<Placed>) -> Vec<Placed> {
    written.into_iter().flat_map(with_journal).collect()
}

fn with_journal(mut placed: Placed) -> impl Iterator<Item = Placed> {
    for branch in &mut placed.branches {
        branch.stages = stages(std::mem::take(&mut branch.stages));
    }
    let commit = commit::behind(&placed.stage).map(|stage| Placed {
        stage,
        before: placed.after.clone(),
        after: placed.after.clone(),
        branches: Vec::new(),
    });
    if !placed.before.is_record() && placed.after.is_record() {
        placed.stage.directive = Some(Directive::journal(placed.stage.span));
    }
    iter::once(placed).chain(commit)
}
