//! What callers show, and who they are then.

mod attacks;
mod keys;
mod order;
mod scene;
