//! What the stages are called in reports.

use syn::{Expr, LitStr};

use crate::ast::Body;
use crate::check::Placed;
use crate::options;
use crate::syntax::last_name;

/// Every stage's name; a default that is taken gets `#2`, `#3`.
pub(super) fn names(stages: &[Placed]) -> Vec<String> {
    let given = |placed: &Placed| options::name::of(&placed.stage.options).map(LitStr::value);
    let mut taken: Vec<String> = stages.iter().filter_map(given).collect();
    stages
        .iter()
        .map(|placed| given(placed).unwrap_or_else(|| unused(&default_name(placed), &mut taken)))
        .collect()
}

fn default_name(placed: &Placed) -> String {
    let name = match &placed.stage.body {
        Body::Form(form) => form.name().unwrap_or_else(|| form.kind().name.to_owned()),
        Body::Drive(sink) => match **sink {
            Expr::Path(_) => last_name(sink).map(ToString::to_string),
            _ => None,
        }
        .unwrap_or_else(|| "sink".to_owned()),
        Body::Match(_) => "match".to_owned(),
        Body::Tee(_) => "tee".to_owned(),
    };
    name.trim_start_matches("r#").to_owned()
}

fn unused(name: &str, taken: &mut Vec<String>) -> String {
    let numbered = (2..).map(|number| format!("{name}#{number}"));
    let mut candidates = std::iter::once(name.to_owned()).chain(numbered);
    let free = candidates.find(|candidate| !taken.contains(candidate));
    let free = free.unwrap_or_default();
    taken.push(free.clone());
    free
}
