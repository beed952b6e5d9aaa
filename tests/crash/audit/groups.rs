//! One of a group at a time, and in order.

use std::collections::HashMap;

use super::books::Turn;

/// Messages that were taken while one before them in their group was not gone.
pub(super) fn overlaps(turns: &[Turn]) -> Vec<String> {
    let mut taken = HashMap::<&str, &str>::new();
    let mut found = Vec::new();
    for Turn {
        group,
        message,
        is_gone,
    } in turns
    {
        let before = taken.get(&**group).copied();
        if *is_gone {
            if before == Some(message) {
                taken.remove(&**group);
            }
            continue;
        }
        if let Some(before) = before.filter(|before| *before != message) {
            found.push(format!(
                "{group}: {message} was taken before {before} was gone"
            ));
        }
        taken.insert(group, message);
    }
    found
}

/// Rows that were written after one that was sent later in their group.
pub(super) fn out_of_order(rows: &[u32], group: impl Fn(u32) -> Option<String>) -> Vec<String> {
    let mut last = HashMap::new();
    let mut found = Vec::new();
    for row in rows {
        let Some(group) = group(*row) else { continue };
        let before = last.insert(group.clone(), *row);
        if let Some(before) = before.filter(|before| before > row) {
            found.push(format!("{group}: {row} was written after {before}"));
        }
    }
    found
}
