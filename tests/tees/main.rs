//! `tee`: what is made of each item goes into a side line, too.

mod deliveries;
mod exact;
mod lossy;
