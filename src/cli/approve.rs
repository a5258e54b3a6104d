//! `gait approve`: sign that one intent may run under one policy (spec C11.3).

use super::Invocation;
use super::answer::{Failure, Outcome};
use super::minting::Minting;
use crate::approval::Grant;
use clap::Args;

/// What is approved, by whom and why.
#[derive(Args)]
#[command(after_help = "\
The scope is `tool:NAME`; where the intent is applied and a target is destructive, also
`phase:apply` and `destructive:apply`. Look at the intent before you sign: the token is good for
every use of it until it expires. Example:

  gait approve --intent-digest .. --policy-digest .. --scope tool:orders.refund --ttl 30m \\
    --approver ada --reason-code ticket_99 --key-mode prod --private-key keys/approver_private.key
  gait gate eval .. --approval-token approval_TOKEN.json --approval-public-key approver_public.key")]
pub(super) struct Approve {
    /// Digest of the intent; `gait gate eval --json` prints it
    #[arg(long, value_name = "HEX")]
    intent_digest: Option<String>,
    /// Digest of the policy; `gait gate eval --json` prints it
    #[arg(long, value_name = "HEX")]
    policy_digest: Option<String>,
    /// Digest of the delegation that the intent rests on, if any; its trace has it, as
    /// `delegation_ref.chain_digest`
    #[arg(long, value_name = "HEX")]
    delegation_binding_digest: Option<String>,
    /// Who approves; required
    #[arg(long, value_name = "ID")]
    approver: Option<String>,
    /// Why, as a code; required
    #[arg(long, value_name = "CODE")]
    reason_code: Option<String>,
    /// The most targets that the call may have; 0 for no bound
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    max_targets: i64,
    /// The most operations that the call may have; 0 for no bound
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    max_ops: i64,
    #[command(flatten)]
    minting: Minting,
}

impl Approve {
    /// Mints one token and writes it to a file.
    pub(super) fn run(self, _: &Invocation) -> Outcome {
        let mint = self.minting.settle()?;
        let grant = Grant {
            intent_digest: self.intent_digest.unwrap_or_default(),
            policy_digest: self.policy_digest.unwrap_or_default(),
            delegation_binding_digest: self.delegation_binding_digest.unwrap_or_default(),
            approver_identity: self.approver.unwrap_or_default(),
            reason_code: self.reason_code.unwrap_or_default(),
            scope: mint.scope.clone(),
            max_targets: self.max_targets,
            max_ops: self.max_ops,
            created_at: mint.created_at,
            expires_at: mint.expires_at,
        };
        let token = grant.mint(&mint.key).map_err(Failure::input)?;
        let answer = mint.write("approve", "approval", token.token_id(), &token)?;
        Ok(answer
            .with("reason_code", token.reason_code())
            .with("max_targets", self.max_targets)
            .with("max_ops", self.max_ops))
    }
}
