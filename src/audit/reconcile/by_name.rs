//! Arrivals that say by which `traceparent` they came.
//!
//! gait makes each name for one call, so the first arrival that fits the call is that call and the
//! same request once more is a repeat: whoever saw a name can send it again. Another request under
//! that name was never permitted.

use super::arrivals::{Arrival, Arrivals};
use super::findings::{Bypass, Findings, Repeat, Skew, Why};
use super::permits::{Permits, Sent};
use super::span::Span;
use std::collections::HashMap;

/// How well an arrival fits the call whose name it has; less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Whole,
    /// The status is another. A proxy before the tool may have put in its own.
    OtherStatus,
    OtherTime,
    OtherRequest,
}

/// Takes up all arrivals whose name is that of a call.
pub(super) fn take(arrivals: &Arrivals, permits: &Permits, skew: Skew, found: &mut Findings) {
    let calls = permits.list().iter().enumerate();
    let names: HashMap<Span, usize> =
        calls.filter_map(|(place, sent)| Some((sent.span?, place))).collect();
    let named = arrivals.list().iter().enumerate();
    let mut named: Vec<(usize, usize)> =
        named.filter_map(|(place, arrival)| Some((*names.get(&arrival.span?)?, place))).collect();
    named.sort_unstable();
    for places in named.chunk_by(|(call, _), (other, _)| call == other) {
        let call = places.first().and_then(|(call, _)| Some((*call, permits.list().get(*call)?)));
        if let Some(call) = call {
            settle(arrivals, call, places, skew, found);
        }
    }
}

/// Says of each arrival of one name what it is.
fn settle(
    arrivals: &Arrivals,
    (call, sent): (usize, &Sent),
    places: &[(usize, usize)],
    skew: Skew,
    found: &mut Findings,
) {
    let fit = |(_, place): &(usize, usize)| {
        let arrival = arrivals.list().get(*place);
        arrival.map(|arrival| (fit(arrivals, arrival, sent, skew), arrival.time, *place))
    };
    let mut fits: Vec<_> = places.iter().filter_map(fit).collect();
    fits.sort_unstable();
    let first = fits.first().filter(|(fit, ..)| *fit < Fit::OtherTime).map(|one| one.2);
    for (fit, _, place) in fits {
        let why = match (first, fit) {
            (Some(first), _) if first == place => {
                found.pair(place, call);
                continue;
            }
            (_, Fit::OtherRequest) => Why::OtherRequest,
            (Some(first), _) => {
                found.settle(place);
                found.repeats.push(Repeat { arrival: place, first, call });
                continue;
            }
            (None, _) => Why::OtherTime,
        };
        found.settle(place);
        found.bypasses.push(Bypass { arrival: place, why });
    }
}

fn fit(arrivals: &Arrivals, arrival: &Arrival, sent: &Sent, skew: Skew) -> Fit {
    let (from, to) = skew.window(sent);
    if arrivals.key(arrival) != Some(sent.key) {
        Fit::OtherRequest
    } else if !(from..=to).contains(&arrival.time) {
        Fit::OtherTime
    } else if arrival.status.is_some() && sent.status.is_some() && arrival.status != sent.status {
        Fit::OtherStatus
    } else {
        Fit::Whole
    }
}
