//! In which order processes start.

use pipeline_runtime::Name;

use crate::command::known;
use crate::error::Invalid;

/// The places of the processes in the order in which they start: as declared, but for those that come `after` others.
pub(super) fn of(names: &[Name], after: &[&[Name]]) -> Result<Vec<usize>, Invalid> {
    for (place, name) in names.iter().enumerate() {
        if names[..place].contains(name) {
            let process = name.clone();
            return Err(Invalid::Twice { process });
        }
    }
    let mut before = Vec::with_capacity(names.len());
    for (name, after) in names.iter().zip(after) {
        let mut places = Vec::with_capacity(after.len());
        for after in *after {
            let place = names.iter().position(|name| name == after);
            places.push(place.ok_or_else(|| Invalid::Unknown {
                process: name.clone(),
                after: after.clone(),
                known: known(names),
            })?);
        }
        before.push(places);
    }
    let mut order = Vec::with_capacity(names.len());
    while order.len() < names.len() {
        let is_next = |place: &usize| {
            !order.contains(place) && before[*place].iter().all(|before| order.contains(before))
        };
        match (0..names.len()).find(is_next) {
            Some(place) => order.push(place),
            None => return Err(circle(names, &before, &order)),
        }
    }
    Ok(order)
}

/// Those that wait for each other, each for the next.
fn circle(names: &[Name], before: &[Vec<usize>], order: &[usize]) -> Invalid {
    let mut way: Vec<usize> = Vec::new();
    let mut at = (0..names.len()).find(|place| !order.contains(place));
    while let Some(place) = at {
        if let Some(first) = way.iter().position(|known| *known == place) {
            way.drain(..first);
            break;
        }
        way.push(place);
        at = before[place]
            .iter()
            .copied()
            .find(|before| !order.contains(before));
    }
    way.reverse();
    Invalid::Circle(way.into_iter().map(|place| names[place].clone()).collect())
}
