//! Clients that are not tools: what gait fetches for itself.
//!
//! That is the key sets of issuers, and the admin API for the command line. Nothing of a call goes
//! out here, and no address of a tool is ever dialled: the way to a tool is a permit.
//!
//! Fetches run as tasks of the process, not of the call that asked: a caller who leaves breaks off
//! nothing, and cannot spend what others wait for.

mod admin;
mod bucket;
mod fetch;
mod flight;
mod fetcher;

pub use admin::{Admin, AdminError, AdminPlace, Answered, Ask, PlaceError, Scheme};
pub use fetch::FetchError;
pub use fetcher::{Fetcher, Refreshed};

#[cfg(test)]
mod tests;

use std::pin::Pin;

/// A fetch, for the process to run.
pub type Fetch = Pin<Box<dyn Future<Output = ()> + Send>>;
