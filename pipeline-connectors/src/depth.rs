//! What a queue tells of itself.

/// How many messages there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Depth {
    /// That can be received now.
    pub ready: u64,
    /// That are leased, delayed, or behind another of their group.
    pub later: u64,
}
