//! What items go through between the workers, which it does not know.

pub(crate) mod edge;
pub(crate) mod feed;
pub(crate) mod mapped;
pub(crate) mod pushing;
