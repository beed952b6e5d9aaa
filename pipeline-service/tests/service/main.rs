//! Services in virtual time: how processes start, fail, come again, are commanded and stop.

mod control;
mod declared;
mod failing;
mod notes;
mod stopping;
mod support;
