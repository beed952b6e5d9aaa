//! Pages that are served over real connections.

mod acting;
mod browser;
mod chromium;
mod client;
mod guarded;
mod looking;
mod metrics;
mod served;
mod slow;
mod tapped;
mod types;
