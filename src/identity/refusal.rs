//! Why a caller is not who it says: a closed list, each with a stable code and a status.
//!
//! What is told to the caller never repeats what it sent. A macro, because a code in one list and
//! its advice in another would drift apart.

use http::StatusCode;

macro_rules! refusals {
    ($($(#[$doc:meta])+ $variant:ident = ($code:literal, $status:ident, $advice:literal),)+) => {
        /// What is wrong with the credentials of a request, or with having none.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Refusal {
            $($(#[$doc])+ $variant,)+
        }

        impl Refusal {
            /// All of them, for the metric that counts them.
            pub const ALL: &[Refusal] = &[$(Refusal::$variant),+];

            /// Stable reason code.
            pub fn code(self) -> &'static str {
                match self {
                    $(Refusal::$variant => $code,)+
                }
            }

            /// What the caller gets.
            pub fn status(self) -> StatusCode {
                match self {
                    $(Refusal::$variant => StatusCode::$status,)+
                }
            }

            /// What is wrong, and what to do about it; for the caller.
            pub fn advice(self) -> &'static str {
                match self {
                    $(Refusal::$variant => $advice,)+
                }
            }
        }
    };
}

refusals! {
    /// None was shown, and the route wants one.
    CredentialsMissing = ("credentials_missing", UNAUTHORIZED,
        "the route takes no anonymous calls: send a credential"),
    /// Two of them name different callers.
    CredentialsConflict = ("credentials_conflict", UNAUTHORIZED,
        "two credentials name different callers: send one"),
    /// A field that carries one stands twice.
    CredentialRepeated = ("credential_repeated", UNAUTHORIZED,
        "a credential field stands twice: send it once"),
    /// Such a field stands in a spelling that some servers take for it.
    CredentialSpelling = ("credential_spelling", UNAUTHORIZED,
        "a field could be read as a credential field: spell it with `-`, or leave it out"),
    /// It is empty, or not in the form that its field wants.
    CredentialMalformed = ("credential_malformed", UNAUTHORIZED,
        "a credential field has no credential in it: send `Bearer TOKEN` in Authorization, the \
         bare value elsewhere"),
    /// A header that names a caller comes from a peer that may not say so.
    IdentityHeaderUntrusted = ("identity_header_untrusted", UNAUTHORIZED,
        "a header names a caller, and only trusted peers may send it: send a credential instead"),
    /// Such a header comes from one that may, and is no name.
    IdentityHeaderInvalid = ("identity_header_invalid", UNAUTHORIZED,
        "a header that names the caller is empty, too long, or not one plain name"),
    /// The caller has the name of those without credentials.
    IdentityReserved = ("identity_reserved", UNAUTHORIZED,
        "the credential names the caller as callers without credentials are named"),
    /// A token is longer than any that is read.
    JwtTooLarge = ("jwt_too_large", UNAUTHORIZED, "the token is larger than 16 KiB"),
    /// It is not three segments of base64url, or its header is not strict JSON.
    JwtMalformed = ("jwt_malformed", UNAUTHORIZED,
        "the token is not three segments of base64url with a strict JSON header"),
    /// Its header asks for what is not understood here: `crit`, `b64`.
    JwtHeaderRefused = ("jwt_header_refused", UNAUTHORIZED,
        "the header of the token has `crit` or `b64`, which are not understood"),
    /// It is of a kind that the source does not take.
    JwtTypeRefused = ("jwt_type_refused", UNAUTHORIZED,
        "the token is of another kind: send an access token"),
    /// It is signed in a way that the source, or its key, does not take.
    JwtAlgorithmRefused = ("jwt_algorithm_refused", UNAUTHORIZED,
        "the token is signed with an algorithm that its source or its key does not take"),
    /// It names no key that the issuer has.
    JwtKeyUnknown = ("jwt_key_unknown", UNAUTHORIZED,
        "no key of the issuer fits the token: get a new one"),
    /// It names none, and several fit.
    JwtKeyAmbiguous = ("jwt_key_ambiguous", UNAUTHORIZED,
        "several keys of the issuer fit the token: its header must name one by `kid`"),
    /// The keys of its issuer are not known, or too old.
    JwtKeysUnavailable = ("jwt_keys_unavailable", SERVICE_UNAVAILABLE,
        "the keys of the issuer cannot be had at the moment: try again"),
    /// The signature was not made by its key.
    JwtSignatureInvalid = ("jwt_signature_invalid", UNAUTHORIZED,
        "the signature of the token does not hold"),
    /// Its claims are not strict JSON, or of the wrong type.
    JwtClaimsMalformed = ("jwt_claims_malformed", UNAUTHORIZED,
        "the claims of the token are not strict JSON, or one has the wrong type"),
    /// It is from another issuer.
    JwtIssuerRefused = ("jwt_issuer_refused", UNAUTHORIZED,
        "the token is from another issuer: get one from ours"),
    /// It is for another audience.
    JwtAudienceRefused = ("jwt_audience_refused", UNAUTHORIZED,
        "the token is for another audience: ask the issuer for one for the gateway"),
    /// It holds no more.
    JwtExpired = ("jwt_expired", UNAUTHORIZED, "the token has expired: get a new one"),
    /// It does not hold yet.
    JwtNotYetValid = ("jwt_not_yet_valid", UNAUTHORIZED, "the token does not hold yet: wait"),
    /// It was issued in the future.
    JwtIssuedInFuture = ("jwt_issued_in_future", UNAUTHORIZED,
        "the token was issued in the future: check the clocks"),
    /// It was issued too long ago.
    JwtTooOld = ("jwt_too_old", UNAUTHORIZED, "the token was issued too long ago: get a new one"),
    /// It is bound to a certificate that the peer does not have.
    JwtBindingRefused = ("jwt_binding_refused", UNAUTHORIZED,
        "the token is bound to a client certificate that the connection does not have"),
    /// It is bound to something that cannot be checked here.
    JwtBindingUnsupported = ("jwt_binding_unsupported", UNAUTHORIZED,
        "the token is bound to a proof that is not understood: bind it to a client certificate, \
         or not at all"),
    /// A claim that the source needs is not there.
    JwtClaimMissing = ("jwt_claim_missing", UNAUTHORIZED,
        "the token has no expiry, or a claim that is needed is missing"),
    /// A claim that becomes a fact about the caller is no plain text.
    JwtClaimRefused = ("jwt_claim_refused", UNAUTHORIZED,
        "a claim about the caller is not plain text of up to 512 bytes"),
    /// An API key that nobody has.
    ApiKeyUnknown = ("api_key_unknown", UNAUTHORIZED, "nobody has this API key"),
    /// An API key that holds no more.
    ApiKeyExpired = ("api_key_expired", UNAUTHORIZED, "the API key has expired: get a new one"),
    /// The client certificate holds no more.
    CertificateExpired = ("certificate_expired", UNAUTHORIZED,
        "the client certificate has expired: renew it and connect again"),
    /// Its listener would not take it any more: its authority is trusted no longer.
    CertificateWithdrawn = ("certificate_withdrawn", UNAUTHORIZED,
        "the listener has changed whose certificates it takes, or wants one now: connect again with one"),
    /// It has a name that no source takes.
    CertificateUnmatched = ("certificate_unmatched", UNAUTHORIZED,
        "no caller is known by the names in the certificate"),
    /// It has several names where one is wanted.
    CertificateAmbiguous = ("certificate_ambiguous", UNAUTHORIZED,
        "the certificate has several names: use one with exactly one"),
    /// The process at the other end of the socket runs as a user that no source names.
    UnixUserUnknown = ("unix_user_unknown", UNAUTHORIZED,
        "no caller is known by the user of the process"),
    /// The field of delegation tokens has another spelling.
    DelegationSpelling = ("delegation_header_spelling", FORBIDDEN,
        "spell the header of delegation tokens `Gait-Delegation`"),
    /// More or longer delegation tokens are shown than are looked at.
    DelegationTooMuch = ("delegation_tokens_too_many", FORBIDDEN,
        "send at most 16 delegation tokens, 64 KiB in all"),
    /// A delegation token is shown where nobody's word on delegations counts.
    DelegationNotTaken = ("delegation_not_taken", FORBIDDEN,
        "this gateway takes no delegation tokens: leave out `Gait-Delegation`"),
    /// It is none.
    DelegationInvalid = ("delegation_token_invalid", FORBIDDEN,
        "what `Gait-Delegation` holds is no delegation token: send base64 of the token's file"),
    /// Nobody signed it.
    DelegationUnsigned = ("delegation_token_signature_missing", FORBIDDEN,
        "a delegation token is not signed"),
    /// Nobody signed it whose word counts.
    DelegationUntrue = ("delegation_token_signature_invalid", FORBIDDEN,
        "a delegation token is not signed by a key that this gateway knows"),
    /// It has expired.
    DelegationExpired = ("delegation_token_expired", FORBIDDEN,
        "a delegation token has expired: get a new one"),
    /// None of them is for the caller.
    DelegationNotForCaller = ("delegation_token_delegate_mismatch", FORBIDDEN,
        "no delegation token is for the caller: show one that names the caller's identity as its \
         delegate"),
    /// They do not make one chain.
    DelegationNoChain = ("delegation_token_chain_mismatch", FORBIDDEN,
        "the delegation tokens do not form one chain: show one for each link, each delegate the \
         next one's delegator"),
}

#[cfg(test)]
mod tests {
    use super::Refusal;
    use std::collections::BTreeSet;

    #[test]
    fn every_refusal_has_words_of_its_own() {
        for words in [Refusal::code, Refusal::advice] {
            let all: BTreeSet<_> = Refusal::ALL.iter().map(|refusal| words(*refusal)).collect();
            assert_eq!(all.len(), Refusal::ALL.len());
        }
    }
}
