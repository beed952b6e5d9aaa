//! Services in virtual time: how processes start, fail, come again, are commanded and stop.

mod broadcasts;
mod broadcasts_over;
mod chaos;
mod control;
mod declared;
mod dispatch;
mod everywhere;
mod failing;
mod fired;
mod instances;
mod leases;
mod logged;
mod notes;
mod schedules;
mod stopping;
mod support;
mod types;
