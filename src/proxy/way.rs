//! What tools are told of the way that a call has come: facts of the connection, never of the
//! intent.

use crate::call::Head;
use crate::call::forwarding::Way;
use crate::call::peer::Peer;
use crate::call::trace_context::{self, FreshIds};
use crate::snapshot::Plan;
use http::request::Parts;

/// Withholds the credentials for gait, discards forged names, and states the way of the call.
pub(super) fn prepare(head: &mut Head, parts: &Parts, peer: &Peer, plan: &Plan) {
    head.discard(|name| plan.identity.is_forged(name, peer));
    head.withhold(plan.identity.credentials());
    let (headers, version) = (&parts.headers, parts.version);
    let way = Way { headers, version, peer, authority: head.authority() };
    let mut facts = plan.forwarding.facts(&way);
    // Without dice there is no trace: an id that repeats would join what does not belong together.
    if let Some(fresh) = fresh() {
        facts.extend(trace_context::facts(headers, &fresh));
    }
    head.state(facts);
}

fn fresh() -> Option<FreshIds> {
    // The system is asked once for both.
    let mut dice = [0; 24];
    getrandom::fill(&mut dice).ok()?;
    let (trace, parent) = dice.split_at(16);
    let (trace, parent) = (trace.try_into().ok()?, parent.try_into().ok()?);
    Some(FreshIds { trace, parent })
}
