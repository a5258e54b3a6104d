//! The closed label words.
//!
//! `metrics` imports nothing of ours, so it has words of its own; callers convert, and a test
//! holds the words equal to those of `policy` and `stage`. Enums, not strings: a label that a
//! caller of the API makes up would be a series that nobody declared.

/// The stage words, first to last; `gait_stage` has a series for each of them.
pub const STAGES: [&str; 4] = ["observe", "dry_run", "require_approval", "enforce"];

/// The `verdict` label of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictLabel {
    /// The policy said `allow`.
    Allow,
    /// The policy said `dry_run`.
    DryRun,
    /// The policy said `require_approval`.
    RequireApproval,
    /// The policy said `block`.
    Block,
    /// No decision was possible.
    None,
}

impl VerdictLabel {
    /// All words, in label order.
    pub const ALL: [VerdictLabel; 5] = [
        VerdictLabel::Allow,
        VerdictLabel::DryRun,
        VerdictLabel::RequireApproval,
        VerdictLabel::Block,
        VerdictLabel::None,
    ];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            VerdictLabel::Allow => "allow",
            VerdictLabel::DryRun => "dry_run",
            VerdictLabel::RequireApproval => "require_approval",
            VerdictLabel::Block => "block",
            VerdictLabel::None => "none",
        }
    }
}

/// The `disposition` label of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DispositionLabel {
    /// It went to the tool.
    Forwarded,
    /// It was answered with its decision.
    DryRun,
    /// It waited for an approval.
    Held,
    /// It was refused.
    Denied,
    /// It was permitted, but our side could not carry it out.
    Failed,
}

impl DispositionLabel {
    /// All words, in label order.
    pub const ALL: [DispositionLabel; 5] = [
        DispositionLabel::Forwarded,
        DispositionLabel::DryRun,
        DispositionLabel::Held,
        DispositionLabel::Denied,
        DispositionLabel::Failed,
    ];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            DispositionLabel::Forwarded => "forwarded",
            DispositionLabel::DryRun => "dry_run",
            DispositionLabel::Held => "held",
            DispositionLabel::Denied => "denied",
            DispositionLabel::Failed => "failed",
        }
    }
}

/// The `permit` label: which kind of permit was minted or sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermitLabel {
    /// The verdict was `allow`.
    Allow,
    /// An approval turned a `require_approval`.
    Approved,
    /// The stage forwards whatever the verdict.
    Observed,
}

impl PermitLabel {
    /// All words, in label order.
    pub const ALL: [PermitLabel; 3] =
        [PermitLabel::Allow, PermitLabel::Approved, PermitLabel::Observed];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            PermitLabel::Allow => "allow",
            PermitLabel::Approved => "approved",
            PermitLabel::Observed => "observed",
        }
    }
}

/// The `cause` label of a stopped bypass: the closed list that the send seam checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BypassLabel {
    /// The permit's kind does not fit the call.
    PermitKind,
    /// The bytes to send are not those that were judged.
    DigestMismatch,
    /// A protected call without a durable decision line.
    NotCommitted,
}

impl BypassLabel {
    /// All words, in label order.
    pub const ALL: [BypassLabel; 3] =
        [BypassLabel::PermitKind, BypassLabel::DigestMismatch, BypassLabel::NotCommitted];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            BypassLabel::PermitKind => "permit_kind",
            BypassLabel::DigestMismatch => "digest_mismatch",
            BypassLabel::NotCommitted => "not_committed",
        }
    }
}

/// The `state` label of the kill switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchLabel {
    /// No file is followed.
    Off,
    /// The orders are those of the file.
    Loaded,
    /// The file cannot be had; the orders are older.
    Lost,
}

impl SwitchLabel {
    /// All words, in label order.
    pub const ALL: [SwitchLabel; 3] = [SwitchLabel::Off, SwitchLabel::Loaded, SwitchLabel::Lost];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            SwitchLabel::Off => "off",
            SwitchLabel::Loaded => "loaded",
            SwitchLabel::Lost => "lost",
        }
    }
}

/// The `protocol` label of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolLabel {
    /// HTTP/1.1, or 1.0.
    Http1,
    /// HTTP/2.
    Http2,
}

impl ProtocolLabel {
    /// All words, in label order.
    pub const ALL: [ProtocolLabel; 2] = [ProtocolLabel::Http1, ProtocolLabel::Http2];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            ProtocolLabel::Http1 => "http1",
            ProtocolLabel::Http2 => "http2",
        }
    }
}
