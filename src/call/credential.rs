//! Header fields that say who calls: how their names and values are recognised.
//!
//! None of this allocates: it is asked of every field of every request.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

/// Names that servers take for that of a caller. What identity-aware proxies and frameworks set
/// is in here too: whoever reads it believes it.
const CLAIMS: [&str; 36] = [
    "remote-user",
    "remote-name",
    "remote-email",
    "remote-groups",
    "client-cert", // RFC 9440, section 4
    "client-cert-chain",
    "x-authenticated-user",
    "x-authenticated-userid",
    "x-authenticated-groups",
    "x-authenticated-email",
    "x-webauth-user",
    "x-webauth-email",
    "x-user",
    "x-user-id",
    "x-user-name",
    "x-user-email",
    "x-user-roles",
    "x-userinfo",
    "x-identity",
    "x-auth-user",
    "x-auth-email",
    "x-auth-groups",
    "x-spiffe-id",
    "x-arr-clientcert",
    "x-client-dn",
    "x-client-verify",
    "x-endpoint-api-userinfo",
    "x-apigateway-api-userinfo",
    "x-credential-identifier",
    "x-anonymous-consumer",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-preferred-username",
    "x-forwarded-groups",
    "x-forwarded-access-token",
    "x-forwarded-client-cert",
];

/// The same, by prefix.
const CLAIM_PREFIXES: [&str; 18] = [
    "x-remote-",
    "x-auth-request-",
    "x-client-cert",
    "ssl-client-",
    "x-ssl-",
    "x-goog-authenticated-user-",
    "x-goog-iap-",
    "x-amzn-oidc-",
    "x-amzn-mtls-",
    "x-ms-client-principal",
    "x-ms-token-",
    "cf-access-",
    "tailscale-user-",
    "tailscale-headers-",
    "x-pomerium-",
    "x-consumer-",
    "x-authentik-",
    "x-teleport-",
];

/// Schemes by which servers authenticate a connection, and with it whatever comes on it later.
const CONNECTION_SCHEMES: [&str; 3] = ["negotiate", "ntlm", "kerberos"];

/// Whether a server that gets these fields may take the connection for the caller's from then on.
pub fn marks_connection(headers: &HeaderMap) -> bool {
    let marks = |value: &HeaderValue| {
        CONNECTION_SCHEMES.iter().any(|own| scheme(value).eq_ignore_ascii_case(own.as_bytes()))
    };
    headers.get_all(AUTHORIZATION).iter().any(marks)
}

/// Whether the name folds to `folded`.
pub fn folds_to(name: &HeaderName, folded: &str) -> bool {
    let name = name.as_str();
    name.len() == folded.len() && folds_from(name, folded)
}

/// Whether the name, in whatever spelling, is one that servers take for the name of a caller.
pub fn claims_identity(name: &HeaderName) -> bool {
    CLAIMS.iter().any(|claim| folds_to(name, claim))
        || CLAIM_PREFIXES.iter().any(|prefix| folds_from(name.as_str(), prefix))
}

/// The same of a name that is folded.
pub(super) fn is_identity(folded: &str) -> bool {
    CLAIMS.contains(&folded) || CLAIM_PREFIXES.iter().any(|prefix| folded.starts_with(prefix))
}

/// Whether the name folds to something that starts with `folded`. Header names are lower case.
fn folds_from(name: &str, folded: &str) -> bool {
    let same = |(byte, want): (u8, u8)| match want {
        b'-' => !byte.is_ascii_alphanumeric(),
        want => byte == want,
    };
    name.len() >= folded.len() && name.bytes().zip(folded.bytes()).all(same)
}

/// The authentication scheme of a credential (RFC 9110, 11.4): what stands before the first
/// character that no scheme can have.
pub fn scheme(value: &HeaderValue) -> &[u8] {
    let text = value.as_bytes().trim_ascii_start();
    let ends = |byte: &u8| !(byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte));
    text.split(ends).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::headers::{fold, is_owned};
    use super::*;

    #[test]
    fn claims_are_known_in_every_spelling_and_are_owned() {
        let claims =
            |name: &str| claims_identity(&HeaderName::from_bytes(name.as_bytes()).unwrap());
        for name in ["x-remote-user", "X_Remote.User", "x-auth_request-email", "remote_user"] {
            assert!(claims(name) && is_owned(&fold(name)), "{name}");
        }
        for name in CLAIMS {
            assert!(claims(name) && is_owned(name), "{name}");
        }
        assert!(!claims("x-forwarded-for") && !claims("x-user-agent") && !claims("user"));
    }

    #[test]
    fn a_scheme_ends_where_no_scheme_goes_on() {
        let of = |value: &'static str| scheme(&HeaderValue::from_static(value)).to_vec();
        for value in ["Bearer x", "Bearer", "Bearer\tx", " Bearer x", "Bearer,x", "Bearer=x"] {
            assert_eq!(of(value), b"Bearer", "{value}");
        }
        assert_eq!(of("Bearerx y"), b"Bearerx");
    }
}
