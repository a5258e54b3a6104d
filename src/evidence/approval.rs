//! What somebody said of a request for approval, as an evidence line tells it.

use crate::approval::RequestId;
use crate::store::approvals::Word;
use std::sync::Arc;

/// What somebody said of a request for approval.
#[derive(Clone, Debug)]
pub struct Approval {
    /// Yes or no.
    pub action: Word,
    /// The request.
    pub request: RequestId,
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
    /// Gives every member to `put`, in the order of the line, until it fails.
    pub(super) fn members<E>(
        &self,
        mut put: impl FnMut(&'static str, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        put("action", self.action.as_str())?;
        put("request", self.request.as_str())?;
        put("approver", &self.approver)?;
        put("login", &self.login)?;
        put("reason", &self.reason)?;
        put("tool_name", &self.tool_name)?;
        put("policy_digest", &self.policy_digest)?;
        put("intent_digest", &self.intent_digest)?;
        self.token_id.iter().try_for_each(|id| put("token_id", id))
    }
}
