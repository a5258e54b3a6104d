//! Desk and clerk together, on a directory that goes away.

mod kit;
mod life;
