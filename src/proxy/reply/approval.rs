//! What the caller of a call that wants an approval is told: how it stands, and what to do next.

use crate::approval::Proof;
use crate::case::{Lack, Unapproved};
use crate::problem::{Kind, Problem};
use crate::snapshot::Lane;
use http::StatusCode;

/// The row of the table in design section 5.
pub(super) fn row(unapproved: &Unapproved, lane: &Lane) -> (Kind, StatusCode) {
    match unapproved.lack {
        Lack::Pending => (Kind::ApprovalRequired, lane.approval_status),
        Lack::Denied | Lack::Refused => (Kind::ApprovalRefused, StatusCode::FORBIDDEN),
        Lack::Spent => (Kind::ApprovalRefused, StatusCode::CONFLICT),
        Lack::Crowded => (Kind::LimitReached, StatusCode::TOO_MANY_REQUESTS),
        Lack::Unknown => (Kind::FailClosed, StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// Adds what is known of the approval.
pub(super) fn describe(problem: &mut Problem, unapproved: &Unapproved) {
    let (required, valid) = unapproved.count;
    problem.required_approvals = Some(required);
    problem.valid_approvals = Some(valid);
    problem.approval_id = unapproved.request.as_ref().map(ToString::to_string);
    problem.approval_url.clone_from(&unapproved.url);
    if matches!(unapproved.lack, Lack::Pending | Lack::Crowded) {
        problem.retry_after = Some(unapproved.retry_after);
    }
}

/// What happened and what to do.
pub(super) fn detail(unapproved: &Unapproved, rule: &str) -> String {
    let codes = unapproved.codes.join(", ");
    match unapproved.lack {
        Lack::Pending => pending(unapproved, rule),
        Lack::Denied => match &unapproved.denied {
            Some((approver, reason)) => format!("{approver} denied this call: {reason}"),
            None => "an approver denied this call".to_owned(),
        },
        Lack::Refused => format!(
            "what was shown in `Gait-Approval` does not approve this call ({codes}); send it \
             without that field to ask for a new approval"
        ),
        Lack::Spent => format!(
            "one approval lets one call run ({codes}): ask the tool what it did; to run the call \
             once more, send it without `Gait-Approval` and ask for a new approval"
        ),
        Lack::Crowded => {
            "too many calls of this caller wait for an approval; wait until some are decided"
                .to_owned()
        }
        Lack::Unknown => "approvals cannot be looked up now, so nothing was executed; try again \
                          shortly"
            .to_owned(),
    }
}

fn pending(unapproved: &Unapproved, rule: &str) -> String {
    let Some(id) = &unapproved.request else {
        return format!("{rule} wants an approval of this call before it is executed");
    };
    let (required, valid) = unapproved.count;
    let next = match unapproved.proof {
        Proof::Proven => "then send the same call again",
        Proof::Unproven => {
            "then send the same call again with the token that the approver hands you in \
             `Gait-Approval`"
        }
    };
    format!(
        "{rule} wants an approval of this call before it is executed ({valid} of {required} \
         given): an approver grants request {id}, by `gait approvals grant {id} --reason \
         WHY` or on the approvals page; {next}, unchanged"
    )
}
