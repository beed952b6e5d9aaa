//! `match`: stages in arms.

mod divided;
mod fused;
mod ordered;
