//! Desk and clerk together, on a directory that goes away.

pub(super) mod kit;
mod life;
mod race;
mod trouble;
