//! What a stage keeps of the items that it has seen.

use std::fmt;

use serde::Serialize;

/// The most that a stage keeps of the items that it has seen: [`PlanRow::state`](crate::PlanRow::state).
///
/// `Display` writes it as a plan shows it: `50 groups of 100`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StateBound {
    /// Of a `batch` with `by`, and of a `fold`.
    Groups {
        /// How many may be open.
        groups: usize,
        /// The most items of each, where that is written.
        most: Option<usize>,
    },
    /// Of a `batch` with `bytes`.
    Batches {
        /// How many may be open.
        groups: usize,
        /// The most items of each.
        most: usize,
        /// The most bytes of each, if it is not one item.
        bytes: u64,
    },
    /// Of a `stateful`: how many deliveries wait for an output.
    Held(usize),
    /// Of a `dedup`: how many keys it remembers.
    Entries(usize),
    /// Of a `tee` with `lossy`: how many items its side line may be behind.
    Behind(usize),
}

/// The same, and how many items are held by it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keeps {
    pub(crate) bound: StateBound,
    /// Beside those that its group works on or that wait behind it.
    pub(crate) items: usize,
}

impl fmt::Display for StateBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |count: usize, one: &str, more: &str| {
            format!("{count} {}", if count == 1 { one } else { more })
        };
        f.pad(&match *self {
            Self::Groups { groups, most } => {
                let groups = counted(groups, "group", "groups");
                most.map_or_else(|| groups.clone(), |most| format!("{groups} of {most}"))
            }
            Self::Batches {
                groups,
                most,
                bytes,
            } => {
                let of = format!("of {most}, {bytes} bytes");
                match groups {
                    1 => format!("batches {of}"),
                    _ => format!("{} {of}", counted(groups, "group", "groups")),
                }
            }
            Self::Held(most) => counted(most, "delivery", "deliveries"),
            Self::Entries(most) => counted(most, "entry", "entries"),
            Self::Behind(most) => format!("{} behind", counted(most, "item", "items")),
        })
    }
}
