//! `match`: stages in arms.

mod deliveries;
mod divided;
mod fused;
mod ordered;
mod stuck;
