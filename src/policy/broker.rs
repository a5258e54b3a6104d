//! The credential that a broker must issue before the call goes (spec E14).

/// What a rule says of brokered credentials. Reference and scopes count in the digest, and for
/// the request, also where nothing is required.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerTerms {
    /// Whether the call needs one.
    pub required: bool,
    /// Which one; may be empty.
    pub reference: String,
    /// For what, lower-case.
    pub scopes: Vec<String>,
}
