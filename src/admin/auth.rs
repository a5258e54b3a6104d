//! Who asks: bearer tokens (RFC 6750), known by their SHA-256.
//!
//! A token has 256 bits that nobody chose, so a plain hash of it is enough. All logins are
//! compared, each without telling how far it agrees.

use super::Context;
use super::problem::{Kind, Problem};
use crate::json::Digest;
use crate::snapshot::{Login, Role};
use http::{HeaderMap, header};
use subtle::ConstantTimeEq as _;

/// What is longer is no token of ours.
const TOKEN_BYTES_MAX: usize = 512;

const NONE: &str = "Bearer realm=\"gait admin\"";
const WRONG: &str = "Bearer realm=\"gait admin\", error=\"invalid_token\"";

/// Whose token the request bears.
pub(super) fn login<'a>(headers: &HeaderMap, context: &Context<'a>) -> Result<&'a Login, Problem> {
    let wrong = |detail: &str| Problem::unauthorized(detail, WRONG);
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let Some(field) = fields.next() else {
        let detail = "send `Authorization: Bearer TOKEN`; the file `admin.token` in the state \
                      directory holds the one of `local`";
        return Err(Problem::unauthorized(detail, NONE));
    };
    let token = bearer(field.as_bytes()).filter(|_| fields.next().is_none());
    let token = token.ok_or_else(|| wrong("there must be one `Authorization: Bearer TOKEN`"))?;
    known(token, context).ok_or_else(|| wrong("no login has this token"))
}

fn bearer(field: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = field.split_at_checked("Bearer ".len())?;
    let is_token = !token.is_empty()
        && token.len() <= TOKEN_BYTES_MAX
        && token.iter().all(u8::is_ascii_graphic);
    (scheme.eq_ignore_ascii_case(b"Bearer ") && is_token).then_some(token)
}

fn known<'a>(token: &[u8], context: &Context<'a>) -> Option<&'a Login> {
    let digest = Digest::of(token);
    let mut found = None;
    for login in std::iter::once(context.local).chain(&context.approvals.logins) {
        if bool::from(login.token.as_bytes().ct_eq(digest.as_bytes())) {
            found = Some(login);
        }
    }
    found
}

/// Whether a login may do what asks for `role`.
pub(super) fn check_role(login: &Login, role: Role) -> Result<(), Problem> {
    if login.role >= role {
        return Ok(());
    }
    let (own, needed) = (login.role.as_str(), role.as_str());
    let detail = format!("the login `{}` is {own}; this takes {needed}", login.name);
    Err(Problem::new(Kind::Forbidden, detail).because("role"))
}
