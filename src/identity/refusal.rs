//! Why a caller is not who it says: a closed list, each with a stable code and a status.

use crate::delegation::Code;
use http::StatusCode;

/// What is wrong with the credentials of a request, or with having none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// None was shown, and the route wants one.
    CredentialsMissing,
    /// `Gait-Delegation` in another spelling.
    DelegationSpelling,
    /// More or longer delegation tokens than are looked at.
    DelegationTooMuch,
    /// A delegation token, where nobody's word on delegations counts.
    DelegationNotTaken,
    /// A delegation token that is wrong, or is not about this caller.
    Delegation(Code),
}

impl Refusal {
    /// All of them, for the metric that counts them.
    pub const ALL: [Refusal; 10] = [
        Refusal::CredentialsMissing,
        Refusal::DelegationSpelling,
        Refusal::DelegationTooMuch,
        Refusal::DelegationNotTaken,
        Refusal::Delegation(Code::Invalid),
        Refusal::Delegation(Code::SignatureMissing),
        Refusal::Delegation(Code::SignatureInvalid),
        Refusal::Delegation(Code::Expired),
        Refusal::Delegation(Code::DelegateMismatch),
        Refusal::Delegation(Code::ChainMismatch),
    ];

    /// Stable reason code.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::CredentialsMissing => "credentials_missing",
            Refusal::DelegationSpelling => "delegation_header_spelling",
            Refusal::DelegationTooMuch => "delegation_tokens_too_many",
            Refusal::DelegationNotTaken => "delegation_not_taken",
            Refusal::Delegation(code) => code.as_str(),
        }
    }

    /// What the caller gets.
    pub fn status(self) -> StatusCode {
        match self {
            Refusal::CredentialsMissing => StatusCode::UNAUTHORIZED,
            Refusal::DelegationSpelling
            | Refusal::DelegationTooMuch
            | Refusal::DelegationNotTaken
            | Refusal::Delegation(_) => StatusCode::FORBIDDEN,
        }
    }

    /// What is wrong, and what to do about it; for the caller.
    pub fn advice(self) -> &'static str {
        match self {
            Refusal::CredentialsMissing => "the route takes no anonymous calls: send a credential",
            Refusal::DelegationSpelling => {
                "spell the header of delegation tokens `Gait-Delegation`"
            }
            Refusal::DelegationTooMuch => "send at most 16 delegation tokens, 64 KiB in all",
            Refusal::DelegationNotTaken => {
                "this gateway takes no delegation tokens: leave out `Gait-Delegation`"
            }
            Refusal::Delegation(code) => delegation(code),
        }
    }
}

fn delegation(code: Code) -> &'static str {
    match code {
        Code::Expired => "a delegation token has expired: get a new one",
        Code::SignatureMissing | Code::SignatureInvalid => {
            "a delegation token is not signed by a key that this gateway knows"
        }
        Code::DelegateMismatch => {
            "no delegation token is for the caller: show the one that names the caller's identity \
             as its delegate"
        }
        Code::ChainMismatch => {
            "the delegation tokens do not form one chain: show one token for each link, each \
             delegate the next one's delegator"
        }
        _ => "what `Gait-Delegation` holds is no delegation token: send base64 of the token's file",
    }
}
