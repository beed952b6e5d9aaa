//! What items go through between the workers, which it does not know.

pub(crate) mod edge;
pub(crate) mod feed;
pub(crate) mod join;
pub(crate) mod mapped;
pub(crate) mod numbered;
pub(crate) mod ordered;
pub(crate) mod pushing;
pub(crate) mod split;
pub(crate) mod tee;
