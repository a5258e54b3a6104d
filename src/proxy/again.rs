//! A call that was read goes through all of its steps once more: under another snapshot, because it
//! waited, or bound to its bytes, because people are to approve it.

use super::needs::{Buffer, Needs};
use super::receive::Unjudged;
use super::steps::{Placed, Visit};
use crate::call::{Body, Call, Head, Malformed};
use crate::case::Cause;
use crate::identity::Known;
use crate::intent::rest::Binding;
use crate::intent::routes::Candidate;
use bytes::Bytes;
use http::request::Parts;
use http_body_util::Full;
use jiff::Timestamp;

impl Visit {
    /// Finds the lane of a request whose body is here, as if it had come now. Its intent will be
    /// bound to its bytes. Keys that are fetched are not: the credential was proven a moment ago,
    /// and where its key is gone since, it proves nothing any more.
    pub(super) fn again(&self, parts: &Parts, body: Body, now: Timestamp) -> Placed {
        Visit { now, ..self.clone() }.anew(parts, body)
    }

    fn anew(&self, parts: &Parts, body: Body) -> Placed {
        let whole = Full::new(match &body {
            Body::Whole { bytes, .. } => bytes.clone(),
            _ => Bytes::new(),
        });
        let (head, candidates) = match self.read(parts, &whole) {
            Ok(read) => read,
            Err(stray) => {
                return self.undecided(Call::new(stray.head, body), &stray.lane, stray.cause);
            }
        };
        let placed = match self.sender(parts, &candidates, self.now) {
            Ok(sender) => self.chosen_again(&sender.known, head, candidates, body).by(sender),
            Err(refusal) if self.may_observe(&candidates) => {
                self.chosen_again(&self.nobody(), head, candidates, body).refused(refusal)
            }
            Err(refusal) => {
                let lane = self.first(&self.nobody(), &candidates);
                self.undecided(Call::new(head, body), lane, Cause::Caller(refusal))
            }
        };
        Placed { binding: Binding::RequestBytes, ..placed }
    }

    fn chosen_again(
        &self,
        known: &Known,
        head: Head,
        candidates: Vec<Candidate>,
        body: Body,
    ) -> Placed {
        let needs = Needs::of(&self.snapshot, &head, &candidates);
        let bytes_max = self.snapshot.plan.limits.judged_body_bytes;
        let bytes = body.whole().map_or(u64::MAX, |bytes| bytes.len() as u64);
        let too_large = matches!(needs.buffer, Buffer::Whole) && bytes > bytes_max;
        let settled = match too_large {
            true => Err(Cause::Malformed(Malformed::BodyTooLarge)),
            false => needs.settle(&head, &body),
        };
        let read = match settled {
            Ok(content) => Ok((body, content)),
            Err(cause) => Err(Unjudged { cause, body }),
        };
        self.choose(known, head, candidates, read)
    }
}
