//! Who calls, before any of the body is asked for.

use super::delegation::Sender;
use super::{Proxy, Visit};
use crate::clock;
use crate::identity::{Asked, Refusal};
use crate::intent::routes::Candidate;
use crate::intent::time::Time;
use crate::snapshot::Anonymous;
use http::request::Parts;

impl Proxy {
    /// Who sent the request, and in whose name.
    ///
    /// # Errors
    /// A credential or a token is wrong, or none is shown and every route that could match wants
    /// one.
    pub(super) fn identify(
        &self,
        visit: &Visit,
        parts: &Parts,
        candidates: &[Candidate],
    ) -> Result<Sender, Refusal> {
        let now = Time::from_timestamp(clock::now());
        let asked = Asked { peer: &visit.peer, headers: &parts.headers, now };
        let plan = &visit.snapshot.plan;
        let known = plan.identity.identify(&asked).map_err(|refused| refused.refusal)?;
        let table = &visit.snapshot.table;
        let mut lanes = candidates.iter().filter_map(|one| table.get(one.route));
        match known.is_anonymous() && lanes.all(|route| route.lane.anonymous == Anonymous::Deny) {
            true => Err(Refusal::CredentialsMissing),
            false => Sender::read(known, &parts.headers, &plan.delegation, now),
        }
    }
}
