//! The rollout: where routes stand, what people said of decisions, and whether a route may go on.
//!
//! The guide's gates are sentences; here they are functions of what the evidence says, so that a
//! person and a pipeline get the same answer. Nothing in here asks a clock; only [`read`] reads a
//! log, and the shelf the file of the overlay.

mod counts;
pub mod diff;
mod entry;
mod facts;
mod gates;
mod heard;
mod holes;
pub mod judged;
mod lanes;
mod overlay;
mod policy_key;
mod processes;
mod read;
mod requests;
mod shelf;
mod shown;
mod status;
mod stay;
mod summary;
mod tally;
mod ticks;
mod trail;
mod view;
mod wilson;

pub use counts::{Counts, VERDICTS};
pub use entry::{Entry, Lasting};
pub use facts::{Counters, Facts, RouteFacts, Unmapped};
pub use gates::{Check, Gate, GateVerdict, NO_STEP, NoStep, check};
pub use overlay::{Overlay, OverlayError};
pub use read::{Cache, NotRead, read, read_to};
pub use shelf::{IfLost, Shelf, ShelfError};
pub use status::{Evidence, RouteStatus, StageStatus, Status};
pub use stay::Proof;
pub use summary::{Span, Summary};
pub use view::{Approvals, InForce, Labels, Life, Look, View};
pub use wilson::{Interval, wilson};
