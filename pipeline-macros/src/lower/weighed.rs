//! What is weighed anew.

use std::iter;

use crate::check::Placed;
use crate::forms::weigh;

/// Behind each stage with `weight` stands one that weighs what it makes.
pub(super) fn stages(written: Vec<Placed>) -> Vec<Placed> {
    written.into_iter().flat_map(with_weight).collect()
}

fn with_weight(mut placed: Placed) -> impl Iterator<Item = Placed> {
    for branch in &mut placed.branches {
        branch.stages = stages(std::mem::take(&mut branch.stages));
    }
    let weigh = weigh::behind(&placed.stage).map(|stage| Placed {
        stage,
        before: placed.after.clone(),
        after: placed.after.clone(),
        branches: Vec::new(),
    });
    iter::once(placed).chain(weigh)
}
