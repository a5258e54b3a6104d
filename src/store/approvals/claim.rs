//! Words that were taken for one call, durably, and what became of it.

use super::desk::{Errand, Orders};
use crate::approval::{RequestId, Sanction};
use crate::json::Digest;
use std::sync::Arc;

/// What a call wants to take.
#[derive(Clone, Debug)]
pub struct Claiming {
    /// The request.
    pub id: RequestId,
    /// Which call.
    pub call_id: Arc<str>,
    /// What was approved.
    pub sanction: Sanction,
}

/// Why a call does not get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unclaimed {
    /// Another call has taken it, or runs on it.
    Spent,
    /// It is no longer open: denied, or its time is over.
    Over,
    /// The store does not answer.
    Down,
}

/// Proof that words were taken for one call, durably. Only the store makes one.
///
/// Dropped before a byte of the call has left, it gives them back; dropped after that without a
/// word on how it ended, the record says that nobody knows.
///
/// Nobody can take it twice:
/// ```compile_fail,E0599
/// fn twice(claim: gait::store::approvals::Claim) -> (gait::store::approvals::Claim, gait::store::approvals::Claim) {
///     (claim.clone(), claim)
/// }
/// ```
#[derive(Debug)]
#[must_use = "a claim that is dropped gives its words back"]
pub struct Claim {
    claiming: Claiming,
    orders: Orders,
    reach: Reach,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// No byte has left.
    Unsent,
    /// One has.
    Sent,
    /// The store was told how it ended.
    Told,
}

/// How the call of a claim ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// No byte left: the words are there again.
    Unsent,
    /// It ran.
    Ran {
        /// How it ended, as the evidence has it.
        ending: &'static str,
        /// The tool's status, where one came.
        status: Option<u16>,
    },
    /// Bytes left, and nobody knows what became of it.
    Unknown,
}

impl Claim {
    /// For the clerk alone, once it is durable.
    pub(super) fn new(claiming: Claiming, orders: Orders) -> Claim {
        Claim { claiming, orders, reach: Reach::Unsent }
    }

    /// Whether these words were taken, for this call, for this intent under this policy.
    pub fn covers(&self, call_id: &str, intent: Digest, policy: Digest) -> bool {
        *self.claiming.call_id == *call_id && self.claiming.sanction.covers(intent, policy)
    }

    /// The request.
    pub fn id(&self) -> &RequestId {
        &self.claiming.id
    }

    /// What was taken.
    pub fn sanction(&self) -> &Sanction {
        &self.claiming.sanction
    }

    /// Notes that a byte has left: from now on the words are never given back.
    pub fn sent(&mut self) {
        if self.reach == Reach::Unsent {
            self.reach = Reach::Sent;
        }
    }

    /// Says how the call ended; of one that never left it is not asked.
    pub fn ended(mut self, ending: &'static str, status: Option<u16>) {
        if self.reach == Reach::Sent {
            self.tell(Ended::Ran { ending, status });
        }
    }

    fn tell(&mut self, ended: Ended) {
        self.reach = Reach::Told;
        // Where the clerk is gone, the next process says that the outcome is unknown.
        let _ = self.orders.send(Errand::Settle { call_id: self.claiming.call_id.clone(), ended });
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        match self.reach {
            Reach::Unsent => self.tell(Ended::Unsent),
            Reach::Sent => self.tell(Ended::Unknown),
            Reach::Told => {}
        }
    }
}
