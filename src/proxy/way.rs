//! What tools are told of the way that a call has come: facts of the connection, never of the
//! intent.

use crate::call::Head;
use crate::call::forwarding::Way;
use crate::call::peer::Peer;
use crate::call::trace_context::{FreshIds, Spans};
use crate::evidence::CallId;
use crate::snapshot::Plan;
use http::request::Parts;

/// Withholds the credentials for gait, discards forged names, and states the way of the call.
pub(super) fn prepare(head: &mut Head, parts: &Parts, call_id: CallId, peer: &Peer, plan: &Plan) {
    head.discard(|name| plan.identity.is_forged(name, peer));
    head.withhold(plan.identity.credentials());
    let (headers, version) = (&parts.headers, parts.version);
    let way = Way { headers, version, peer, authority: head.authority() };
    let mut facts = plan.forwarding.facts(&way);
    // Without dice nothing is told: an id that repeats would join what does not belong together.
    let spans = fresh(call_id).map(|fresh| Spans::read(headers, &fresh));
    if let Some(spans) = &spans {
        facts.extend(spans.facts(headers));
    }
    head.state(facts, spans);
}

/// A trace that begins here has the name of its call, so that one is found by the other.
fn fresh(call_id: CallId) -> Option<FreshIds> {
    let mut dice = [[0; 8]; 2];
    // The system is asked once for both.
    getrandom::fill(dice.as_flattened_mut()).ok()?;
    let [server, client] = dice;
    Some(FreshIds { trace: call_id.bytes(), server, client })
}
