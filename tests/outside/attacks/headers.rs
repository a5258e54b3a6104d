//! Headers that anyone can write.

use super::Row;
use super::Want::Refused;
use super::world::{World, claims};

/// Names by which somewhere a proxy tells a server who calls.
const CLAIMS: [&str; 61] = [
    "X-Remote-User",
    "x-remote-user",
    "X_Remote_User",
    "x_remote_user",
    "X.Remote.User",
    "X-Remote_User",
    "Remote-User",
    "Remote_User",
    "X-Auth-Request-User",
    "x_auth_request_user",
    "X.Auth.Request.User",
    "X-Auth-Request_User",
    "X-Auth-Request-Email",
    "X-Auth-Request-Preferred-Username",
    "X-Auth-Request-Groups",
    "X-Auth-Request-Access-Token",
    "X-Auth-Request-Org",
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X_Forwarded_User",
    "X-Forwarded-Preferred-Username",
    "X-Forwarded-Client-Cert",
    "X-Client-Cert",
    "X_Client_Cert",
    "X-SSL-Client-Cert",
    "X_SSL.Client-Cert",
    "X-Authenticated-User",
    "X-Webauth-User",
    "X-User-Id",
    "X-Identity",
    "Client-Cert",
    "client_cert",
    "Client-Cert-Chain",
    "SSL_CLIENT_S_DN",
    "SSL-Client-Verify",
    "X-SSL-Client-S-DN",
    "X-SSL-Client-Verify",
    "X-Client-DN",
    "X-ARR-ClientCert",
    "X-Spiffe-Id",
    "X-Remote-Group",
    "X-Remote-Extra-Scopes",
    "Remote-Groups",
    "Remote.Email",
    "X-Auth-User",
    "X-Userinfo",
    "X-Goog-Authenticated-User-Email",
    "X-Goog-IAP-JWT-Assertion",
    "X-Amzn-Oidc-Identity",
    "X-Amzn-Oidc-Data",
    "X-Amzn-Mtls-Clientcert",
    "X-MS-Client-Principal",
    "X-MS-Client-Principal-Name",
    "Cf-Access-Authenticated-User-Email",
    "Cf-Access-Jwt-Assertion",
    "Tailscale-User-Login",
    "X-Pomerium-Claim-Email",
    "X-Consumer-Username",
    "X-Credential-Identifier",
    "X-Authentik-Username",
    "X-Endpoint-API-UserInfo",
];

/// Trailers that a server could fold into the header.
const TRAILERS: [&str; 8] = [
    "X-Remote-User",
    "X_Remote_User",
    "X-Auth-Request-User",
    "x.auth.request.user",
    "X-Client-Cert",
    "Authorization",
    "X-Api-Key",
    "Gait-Delegation",
];

/// Who mallory wants to be.
const ROOT: &str = "root-of-all-c4d2";

pub(super) fn rows(world: &World) -> Vec<Row> {
    let mut rows: Vec<Row> = CLAIMS.iter().map(|name| claimed(name)).collect();
    // What is only looked at once the caller is known comes with a token that is good.
    let token = world.p256.token(&claims());
    rows.extend(TRAILERS.iter().map(|name| {
        let refused = Refused(400, "trailer_not_allowed");
        Row::new(format!("trailer {name}"), refused).bearer(&*token).trailer(name, ROOT).by("ada")
    }));
    rows.extend(["X-Remote-User", "X_Auth_Request_User", "Authorization", "Gait-Delegation"].map(
        |name| {
            Row::new(format!("connection nominates {name}"), Refused(400, "connection_nomination"))
                .field("Connection", name)
                .field(name, ROOT)
                .h1_only()
        },
    ));
    rows.extend(announced());
    rows.extend(edge());
    rows.push(
        Row::new("delegation without keys", Refused(403, "delegation_not_taken"))
            .bearer(token)
            .field("Gait-Delegation", "bm8gdG9rZW4gYXQgYWxs"),
    );
    rows
}

fn claimed(name: &str) -> Row {
    Row::refused(format!("spoofed {name}"), "identity_header_untrusted").field(name, ROOT)
}

/// A trailer that the head promises.
fn announced() -> Option<Row> {
    let row = Row::new("announced trailer", Refused(400, "trailer_not_allowed"));
    let row = row.field("Trailer", "X-Auth-Request-User").trailer("X-Auth-Request-User", ROOT);
    Some(row.h1_only())
}

/// What even a trusted peer may not say.
fn edge() -> Vec<Row> {
    let name = "X-Auth-Request-User";
    let said = |what: &str, code, value: &str| {
        Row::refused(format!("edge says {what}"), code).field(name, value).at_edge()
    };
    let long = "r".repeat(513);
    vec![
        said("nothing", "identity_header_invalid", ""),
        said("two names in one field", "identity_header_invalid", "ada, root-of-all-c4d2"),
        said("too much", "identity_header_invalid", &long),
        said("what is not text", "identity_header_invalid", "ada\u{200b}root-of-all"),
        said("the name of nobody", "identity_reserved", "anonymous"),
        said("two names", "credential_repeated", "ada").field(name, ROOT),
        said("it once more, otherwise spelt", "credential_spelling", "ada")
            .field("X_Auth_Request_User", ROOT),
        Row::refused("edge says it otherwise spelt", "credential_spelling")
            .field("X.Auth-Request-User", ROOT)
            .at_edge(),
        Row::refused("edge says where, not who", "identity_header_untrusted")
            .field("X-Auth-Request-Org", ROOT)
            .at_edge(),
    ]
}
