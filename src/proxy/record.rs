//! What stands in the evidence before a call goes, and what becomes of calls that it has no place
//! for.
//!
//! In observe all go, and beyond it those that are not protected where the config says so; they are
//! counted, and their answers are marked. Room is asked for before anything is judged, so it is the
//! lane that says how a call is protected, and a call that changes its lane on the way, because it
//! waits for people, must have room.

use super::steps::{Placed, Visit};
use super::{Proxy, awaits_approval};
use crate::case::{Case, Cause, Finding};
use crate::evidence::{CommitFailed, Record};
use crate::gate::{Denial, EVIDENCE_UNAVAILABLE, Pending, Permit};
use crate::snapshot::Lane;
use crate::stage::Stage;

impl Proxy {
    /// Reserves the record and finds the decision.
    pub(super) fn weigh(&self, visit: &Visit, placed: Placed) -> (Case, Finding) {
        let record = self.record(visit, &placed);
        let goes = record.is_recorded() || goes_without(&placed.lane);
        let finding = match goes {
            true => self.find(visit, &placed, None),
            false => unavailable(),
        };
        let case = visit.case(placed, record);
        if case.record.is_recorded() {
            return (case, finding);
        }
        let finding = match finding {
            Finding::Decided(judged) if awaits_approval(&case, &judged) => unavailable(),
            finding => finding,
        };
        match &finding {
            Finding::Undecided(Cause::Fault(EVIDENCE_UNAVAILABLE)) => {
                self.metrics.rejected(EVIDENCE_UNAVAILABLE);
            }
            _ => self.metrics.unrecorded(),
        }
        (case, finding)
    }

    /// Room in the log, or a record that writes nothing.
    fn record(&self, visit: &Visit, placed: &Placed) -> Record {
        let opening = visit.opening(&placed.call);
        self.ledger.open(opening.clone()).unwrap_or_else(|refusal| {
            // Counted; a line for each would let callers fill the disk that is short.
            tracing::debug!(%refusal, call_id = %visit.call_id, "a call cannot be recorded");
            Record::unrecorded(opening)
        })
    }

    /// Makes the decision durable, then lets the gate make the permit.
    pub(super) async fn commit(&self, mut pending: Pending) -> Result<Permit, Box<Denial>> {
        let failed = match pending.commit().await {
            Ok(committed) => return pending.grant(committed),
            Err(failed) => failed,
        };
        let permitted = pending.forgo(failed);
        match (failed, &permitted) {
            // Counted when it came.
            (CommitFailed::Unrecorded, _) => {}
            (_, Ok(_)) => self.metrics.unrecorded(),
            (error, Err(_)) => {
                tracing::warn!(%error, "a decision could not be made durable; its call is refused");
            }
        }
        permitted
    }
}

/// Whether a call goes although the log has no room for it.
fn goes_without(lane: &Lane) -> bool {
    lane.stage == Stage::Observe || lane.assurance.forgoes(lane.protection)
}

fn unavailable() -> Finding {
    Finding::Undecided(Cause::Fault(EVIDENCE_UNAVAILABLE))
}
