//! Why a caller is not who it says: a closed list, each with a stable code and a status.

use http::StatusCode;

/// What is wrong with the credentials of a request, or with having none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// None was shown, and the route wants one.
    CredentialsMissing,
}

impl Refusal {
    /// All of them, for the metric that counts them.
    pub const ALL: [Refusal; 1] = [Refusal::CredentialsMissing];

    /// Stable reason code.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::CredentialsMissing => "credentials_missing",
        }
    }

    /// What the caller gets.
    pub fn status(self) -> StatusCode {
        match self {
            Refusal::CredentialsMissing => StatusCode::UNAUTHORIZED,
        }
    }

    /// What is wrong, and what to do about it; for the caller.
    pub fn advice(self) -> &'static str {
        match self {
            Refusal::CredentialsMissing => "the route takes no anonymous calls: send a credential",
        }
    }
}
