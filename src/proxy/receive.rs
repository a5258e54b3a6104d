//! Reading a body that is to be judged: all of it, bounded in bytes, in time, and by the budget
//! that all bodies share.

use super::needs::Buffer;
use crate::call::arriving::Arriving;
use crate::call::screen::{Screen, Search};
use crate::call::trailers::{Reserved, Trailers};
use crate::call::{Body, Malformed};
use crate::case::Cause;
use crate::clock;
use crate::limits::{BODY_BUDGET_EXHAUSTED, Budget, Lease, Limits, Timeouts};
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt as _;

/// A body that could not be read whole: why, and what there is of it.
pub(super) struct Unjudged {
    pub(super) cause: Cause,
    pub(super) body: Body,
}

/// A body being gathered.
struct Gathering {
    rest: Arriving,
    bytes: BytesMut,
    lease: Lease,
    bytes_max: u64,
    reserved: Reserved,
}

/// A body that says it is no longer is looked through before its call is sent, so that the tool
/// sees nothing of it; of a longer one it sees a piece that has no end.
const SCREENED_WHOLE_BYTES_MAX: u64 = 64 << 10;

/// Room that is made for a body before any of it has come.
const FIRST_ROOM_BYTES: u64 = 16 << 10;

/// The body as it arrives, not judged.
pub(super) fn stream(incoming: Arriving) -> Body {
    match incoming.is_end_stream() {
        true => Body::Empty,
        false => Body::Stream {
            front: Bytes::new(),
            rest: incoming,
            screen: Screen::Off,
            trailers: Trailers::Dropped,
        },
    }
}

/// The same, and `trailers` are done with what comes behind it.
pub(super) fn ending_in(body: Body, trailers: Trailers) -> Body {
    match body {
        Body::Stream { front, rest, screen, .. } => Body::Stream { front, rest, screen, trailers },
        body => body,
    }
}

/// The body of a POST that is not judged: whole where it is short, else as it arrives, and looked
/// through on the way.
///
/// # Errors
/// `Unjudged` where a short one breaks off, or ends in trailers that are refused.
pub(super) async fn screened(
    incoming: Arriving,
    reserved: &Reserved,
    budget: &Budget,
    limits: &Limits,
    timeouts: &Timeouts,
) -> Result<Body, Unjudged> {
    let announced = incoming.size_hint().exact();
    let read = match announced.is_some_and(|bytes| bytes <= SCREENED_WHOLE_BYTES_MAX) {
        true => whole(incoming, reserved, budget, limits, timeouts).await,
        false => Ok(stream(incoming)),
    };
    let body = match read {
        Err(Unjudged {
            cause: Cause::Malformed(Malformed::BodyIncomplete | Malformed::TrailerNotAllowed),
            ..
        }) => return read,
        Ok(body) | Err(Unjudged { body, .. }) => body,
    };
    Ok(match body {
        Body::Stream { front, rest, trailers, .. } => {
            Body::Stream { front, rest, screen: Screen::On(Search::default()), trailers }
        }
        body => body,
    })
}

/// A body that is here already: all of it, where it is to be judged within the bound of such.
///
/// # Errors
/// It is too large.
pub(super) fn given(bytes: Bytes, buffer: &Buffer, limits: &Limits) -> Result<Body, Cause> {
    match (buffer, bytes.is_empty()) {
        (_, true) => return Ok(Body::Empty),
        (Buffer::Whole, false) => fits(bytes.len() as u64, limits.judged_body_bytes)?,
        (Buffer::Stream, false) => {}
    }
    Ok(Body::of_bytes(bytes))
}

fn fits(bytes: u64, bytes_max: u64) -> Result<(), Cause> {
    match bytes > bytes_max {
        true => Err(Cause::Malformed(Malformed::BodyTooLarge)),
        false => Ok(()),
    }
}

/// All of the body.
///
/// # Errors
/// `Unjudged` where it is too large, too slow, broken off, ends in trailers that are refused, or
/// the budget is spent.
pub(super) async fn whole(
    incoming: Arriving,
    reserved: &Reserved,
    budget: &Budget,
    limits: &Limits,
    timeouts: &Timeouts,
) -> Result<Body, Unjudged> {
    if incoming.is_end_stream() {
        return Ok(Body::Empty);
    }
    let mut gathering = Gathering {
        rest: incoming,
        bytes: BytesMut::new(),
        lease: budget.lease(),
        bytes_max: limits.judged_body_bytes,
        reserved: reserved.clone(),
    };
    let deadline = tokio::time::Instant::from_std(clock::instant() + timeouts.body);
    let outcome = match gathering.announce() {
        Ok(()) => tokio::time::timeout_at(deadline, gathering.gather())
            .await
            .unwrap_or(Err(Cause::Malformed(Malformed::BodyTimeout))),
        refused => refused,
    };
    match outcome {
        Ok(()) => Ok(gathering.finish()),
        Err(cause) => Err(Unjudged { cause, body: gathering.stream_on() }),
    }
}

/// The rest of a body that was not to be judged, and is after all.
///
/// # Errors
/// As [`whole`].
pub(super) async fn rest(
    body: Body,
    reserved: &Reserved,
    budget: &Budget,
    limits: &Limits,
    timeouts: &Timeouts,
) -> Result<Body, Unjudged> {
    match body {
        Body::Stream { front, rest, .. } if front.is_empty() => {
            whole(rest, reserved, budget, limits, timeouts).await
        }
        // Its front is there because it was found too long to be judged.
        body @ Body::Stream { .. } => {
            Err(Unjudged { cause: Cause::Malformed(Malformed::BodyTooLarge), body })
        }
        body => Ok(body),
    }
}

impl Gathering {
    /// Refuses at once what announces too much. Room is made as the bytes come: an announcement
    /// costs a caller nothing, and must not take the budget from the others.
    fn announce(&mut self) -> Result<(), Cause> {
        let announced = self.rest.size_hint().lower();
        fits(announced, self.bytes_max)?;
        let first = announced.min(FIRST_ROOM_BYTES);
        self.bytes.reserve(usize::try_from(first).unwrap_or_default());
        Ok(())
    }

    fn reserve(&mut self, bytes: u64) -> Result<(), Cause> {
        fits(bytes, self.bytes_max)?;
        let exhausted = Cause::Fault(BODY_BUDGET_EXHAUSTED);
        self.lease.grow_to(bytes).map_err(|_| exhausted)
    }

    /// Adds frame after frame. A frame that does not fit is kept all the same, so that nothing is
    /// lost where the call goes on unjudged.
    async fn gather(&mut self) -> Result<(), Cause> {
        while let Some(frame) = self.rest.frame().await {
            let frame = frame.map_err(|_| Cause::Malformed(Malformed::BodyIncomplete))?;
            match frame.into_data() {
                Ok(data) => {
                    self.bytes.extend_from_slice(&data);
                    self.reserve(self.bytes.len() as u64)?;
                }
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    self.reserved.check(&trailers).map_err(Cause::Malformed)?;
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Body {
        Body::Whole { bytes: self.bytes.freeze(), lease: Some(self.lease) }
    }

    fn stream_on(self) -> Body {
        Body::Stream {
            front: self.bytes.freeze(),
            rest: self.rest,
            screen: Screen::Off,
            trailers: Trailers::Dropped,
        }
    }
}
