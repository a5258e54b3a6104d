//! What somebody said of a request for approval, as an evidence line tells it.
//!
//! The reason is free text: what looks like a credential in it is masked, and the line says so.

use super::line::Members;
use crate::approval::{RequestId, State};
use crate::intent::conceal;
use crate::store::approvals::Word;
use serde::ser::SerializeMap;
use std::sync::Arc;

/// What somebody said of a request for approval.
#[derive(Clone, Debug)]
pub struct Approval {
    /// Yes or no.
    pub action: Word,
    /// The request.
    pub request: RequestId,
    /// How the request stands now: of several people that it needs, the last decides.
    pub state: State,
    /// Who said it, by the roster.
    pub approver: Arc<str>,
    /// Logged in as.
    pub login: Arc<str>,
    /// Why, in words.
    pub reason: Arc<str>,
    /// The tool of the call.
    pub tool_name: Arc<str>,
    /// The intent that it was said of, hex.
    pub intent_digest: String,
    /// The policy that wants the approval, hex.
    pub policy_digest: String,
    /// The token that was signed for a yes.
    pub token_id: Option<String>,
}

impl Approval {
    /// Gives every member to the line, in its order.
    pub(super) fn members<M: SerializeMap>(
        &self,
        members: &mut Members<M>,
    ) -> Result<(), M::Error> {
        let reason = conceal::text(&self.reason);
        members.put("action", self.action.as_str())?;
        members.put("request", self.request.as_str())?;
        members.put("state", self.state.as_str())?;
        members.put("approver", &*self.approver)?;
        members.put("login", &*self.login)?;
        members.put("reason", &*reason)?;
        members.some("masked", (*reason != *self.reason).then_some(["/reason"]))?;
        members.put("tool_name", &*self.tool_name)?;
        members.put("policy_digest", &self.policy_digest)?;
        members.put("intent_digest", &self.intent_digest)?;
        members.some("token_id", self.token_id.as_deref())
    }
}
