//! Attacks, one a row: what is shown, and the code that it is refused with. None may come out as
//! anonymous, and none as known.

mod peers;
mod tokens;

use super::scene::*;
use crate::call::peer::Peer;
use crate::identity::Refusal;
use serde_json::json;

/// Name, peer, header fields, code.
type Row = (&'static str, Peer, Vec<(&'static str, String)>, &'static str);

fn bearer(token: &str) -> Vec<(&'static str, String)> {
    vec![("authorization", format!("Bearer {token}"))]
}

fn token(name: &'static str, token: &str, code: &'static str) -> Row {
    (name, peer(), bearer(token), code)
}

fn good() -> String {
    P256.sign(&claims(json!({})))
}

#[test]
fn every_attack_is_refused_with_its_own_code() {
    let sources = sources();
    let rows = [
        tokens::of_form(),
        tokens::of_keys_and_signatures(),
        tokens::of_claims(),
        tokens::of_facts(),
        peers::of_fields(),
        peers::of_strangers(),
        peers::of_edges(),
        peers::of_contradictions(),
        peers::of_connections(),
    ]
    .concat();
    assert!(rows.len() >= 120, "{}", rows.len());
    let mut wrong = Vec::new();
    for (name, peer, fields, code) in rows {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let got = match ask(&sources, &peer, &fields) {
            Err(refused) => refused.refusal.code().to_owned(),
            Ok(known) => format!("known as {} by {}", known.caller.identity(), known.source),
        };
        if got != code {
            wrong.push(format!("{name}: {got}, not {code}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn several_keys_without_a_name_are_no_key() {
    use crate::identity::keys::KeyRing;
    let ring = KeyRing::fixed(set(&[&P256.jwk, &STRANGER.jwk]));
    let sources = all(vec![of_tokens("sso", ISSUER, ring)]);
    let unnamed = P256.sign_text(r#"{"alg":"ES256"}"#, &claims(json!({})).to_string());
    for token in [good(), unnamed] {
        let refused = ask(&sources, &peer(), &[("authorization", &format!("Bearer {token}"))]);
        assert_eq!(refused.unwrap_err().refusal, Refusal::JwtKeyAmbiguous);
    }
}
