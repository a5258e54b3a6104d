//! The admin API as values: no socket, and a clerk that keeps a few requests in memory.

mod clerk;
mod diff;
mod grants;
mod hosts;
mod lists;
mod matrix;
mod openapi;
mod reload;
mod rollout;
mod scene;
