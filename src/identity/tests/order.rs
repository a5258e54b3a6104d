//! Who calls where something is shown that holds, and what intents then say of the caller.

use super::scene::*;
use crate::call::peer::Peer;
use crate::identity::facts::Field as Fact;
use crate::identity::jwt::ClaimPath;
use crate::identity::keys::KeyRing;
use crate::identity::{Asked, Known, Sources, Way};
use crate::intent::{Draft, Intent};
use crate::json::Digest;
use proptest::prelude::*;
use serde_json::{Value, json};

fn intent(known: &Known) -> Intent {
    let mut context = known.caller.context.clone();
    context.risk_class = "low".to_owned();
    Draft { tool_name: "t".to_owned(), context, ..Draft::default() }.normalise().unwrap()
}

fn context(known: &Known) -> Value {
    serde_json::to_value(intent(known)).unwrap()["context"].take()
}

fn digest(known: &Known) -> Digest {
    intent(known).digest()
}

fn known(peer: &Peer, fields: &[(&str, &str)]) -> Known {
    ask(&sources(), peer, fields).unwrap()
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn every_kind_of_key_signs() {
    for signer in [&*RSA, &*P256, &*ED] {
        let token = bearer(&signer.sign(&claims(json!({}))));
        let known = known(&peer(), &[("authorization", &token)]);
        assert_eq!((known.caller.identity(), &*known.source), ("ada", "sso"));
    }
}

#[test]
fn a_token_says_who_calls_and_the_certificate_through_whom() {
    let token = bearer(&P256.sign(&claims(json!({}))));
    let said = context(&known(&with_uris(&[SPIFFE]), &[("authorization", &token)]));
    assert_eq!(
        said,
        json!({"identity": "ada", "workspace": "pay", "risk_class": "low", "phase": "apply",
            "agent_id": "bot", "credential_issuer": ISSUER, "credential_subject": "ada",
            "credential_scopes": ["read", "write"],
            "agent_identity": {"owner": "payments", "issued_at": "0001-01-01T00:00:00Z",
                "approved_at": "0001-01-01T00:00:00Z", "expires_at": "0001-01-01T00:00:00Z"},
            "auth_context": {"auth_mode": "jwt", "auth_source": "sso", "peer": SPIFFE}})
    );
}

#[test]
fn without_a_token_the_peer_calls() {
    let by_name = known(&with_uris(&[SPIFFE]), &[]);
    let said = context(&by_name);
    assert_eq!((said["identity"].as_str(), &*by_name.source), (Some(SPIFFE), "mesh"));
    assert_eq!((said["workspace"].as_str(), said["agent_id"].as_str()), (Some("pay"), Some("bot")));
    let by_user = known(&process_of(1_000), &[]);
    assert_eq!((by_user.caller.identity(), &*by_user.source), ("grace", "local"));
}

#[test]
fn a_trusted_peer_names_callers() {
    let fields = [("x-auth-request-user", "zoë"), ("x-auth-request-org", "pay")];
    for peer in [from("10.1.2.3"), from("::ffff:10.1.2.3"), with_uris(&[EDGE])] {
        let known = known(&peer, &fields);
        assert_eq!((known.caller.identity(), &*known.source), ("zoë", "edge"));
        assert_eq!(known.caller.context.workspace, "pay");
    }
}

#[test]
fn tokens_that_agree_are_one_caller_of_the_first_source() {
    let token = bearer(&P256.sign(&claims(json!({}))));
    let known = known(&peer(), &[("x-api-key", KEY), ("authorization", &token)]);
    assert_eq!(&*known.source, "sso");
}

#[test]
fn nobody_is_anonymous_and_nothing_is_said_of_it() {
    for fields in [vec![], vec![("authorization", "Basic eA==")], vec![("x-forwarded-for", "1")]] {
        let known = known(&peer(), &fields);
        assert!(known.is_anonymous());
        let plain = json!({"identity": "anonymous", "workspace": "default", "risk_class": "low",
            "phase": "apply"});
        assert_eq!(context(&known), plain);
    }
    let none = Sources::none(crate::intent::rest::Caller::named("anonymous", "default"));
    let known = ask(&none, &peer(), &[("x-remote-user", "root"), ("x-api-key", "x")]).unwrap();
    assert!(known.is_anonymous());
}

#[test]
fn a_renewed_token_gives_the_same_intent() {
    let token = |signer: &Signer, over| bearer(&signer.sign(&claims(over)));
    let old = json!({"jti": "1", "iat": NOW_SECONDS - 900, "exp": NOW_SECONDS + 1});
    let new = json!({"jti": "2", "nbf": NOW_SECONDS - 1, "scope": "write read", "nonce": "x"});
    let first = known(&peer(), &[("authorization", &token(&P256, old))]);
    let second = known(&from("198.51.100.9"), &[("authorization", &token(&ED, new))]);
    assert_eq!(digest(&first), digest(&second));
    let other = token(&P256, json!({"sub": "eve"}));
    assert_ne!(digest(&first), digest(&known(&peer(), &[("authorization", &other)])));
}

#[test]
fn prefix_and_fixed_fields_come_from_the_source_and_a_claim_wins() {
    let mut source = of_tokens("sso", ISSUER, KeyRing::fixed(keys()));
    source.stamp.prefix = "sso:".into();
    source.stamp.set.insert(Fact::Workspace, "fixed".into());
    source.stamp.set.insert(Fact::Environment, "prod".into());
    let sources = all(vec![source]);
    let said = |over| {
        let token = bearer(&P256.sign(&claims(over)));
        context(&ask(&sources, &peer(), &[("authorization", &token)]).unwrap())
    };
    let (full, bare) = (said(json!({})), said(json!({"org": null})));
    assert_eq!(
        (full["identity"].as_str(), full["workspace"].as_str()),
        (Some("sso:ada"), Some("pay"))
    );
    assert_eq!(
        (bare["workspace"].as_str(), bare["environment"].as_str()),
        (Some("fixed"), Some("prod"))
    );
}

#[test]
fn the_issuer_chooses_among_sources_on_one_header() {
    let other = "https://other.example";
    let mut second = of_tokens("other", other, KeyRing::fixed(set(&[&STRANGER.jwk])));
    if let Way::Jwt(_, jwt) = &mut second.way {
        jwt.claims.identity = ClaimPath::of("email");
    }
    let keys = of_keys("keys", "authorization", &[("opaque", "ci", None)]);
    let sources = all(vec![of_tokens("sso", ISSUER, KeyRing::fixed(keys_of_sso())), second, keys]);
    let ask = |token: &str| ask(&sources, &peer(), &[("authorization", &bearer(token))]);
    let by = |token: &str| {
        ask(token).map(|known| known.source.to_string()).map_err(|r| r.refusal.code())
    };
    let theirs = claims(json!({"iss": other, "email": "ada@other.example"}));
    assert_eq!(by(&P256.sign(&claims(json!({})))), Ok("sso".into()));
    assert_eq!(by(&STRANGER.sign(&theirs)), Ok("other".into()));
    assert_eq!(by("opaque"), Ok("keys".into()));
    assert_eq!(by("guess"), Err("api_key_unknown"));
    // The keys of one issuer never sign for another.
    assert_eq!(by(&P256.sign(&theirs)), Err("jwt_signature_invalid"));
    assert_eq!(by(&P256.sign(&claims(json!({"iss": "x"})))), Err("jwt_issuer_refused"));
}

fn keys_of_sso() -> crate::identity::keys::KeySet {
    set(&[&P256.jwk])
}

#[test]
fn a_token_bound_to_the_certificate_of_the_peer_holds() {
    let bound = claims(json!({"cnf": {"x5t#S256": base64(&[7; 32])}}));
    let token = bearer(&P256.sign(&bound));
    assert_eq!(known(&with_uris(&[SPIFFE]), &[("authorization", &token)]).caller.identity(), "ada");
}

#[test]
fn types_and_times_at_their_edges_hold() {
    let header = |typ| json!({"alg": "ES256", "kid": "p256", "typ": typ}).to_string();
    for typ in ["jwt", "at+JWT", "application/at+jwt", "APPLICATION/JWT"] {
        let token = bearer(&P256.sign_text(&header(typ), &claims(json!({})).to_string()));
        assert_eq!(known(&peer(), &[("authorization", &token)]).caller.identity(), "ada", "{typ}");
    }
    let edge = json!({"exp": NOW_SECONDS - 29, "nbf": NOW_SECONDS + 30, "iat": NOW_SECONDS + 30,
        "aud": ["x", "gait"]});
    let token = bearer(&P256.sign(&claims(edge)));
    assert_eq!(known(&peer(), &[("authorization", &token)]).caller.identity(), "ada");
}

#[test]
fn nothing_that_is_secret_can_be_printed() {
    let (sources, token) = (sources(), P256.sign(&claims(json!({}))));
    let headers = headers(&[("authorization", &bearer(&token))]);
    let known = sources.identify(&Asked { peer: &peer(), headers: &headers, now: now() });
    let digest = Digest::of(KEY.as_bytes()).to_string();
    let shown = format!("{sources:?} {known:?}");
    for secret in [token.as_str(), KEY, &digest] {
        assert!(!shown.contains(secret));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_caller(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let header = base64(&bytes);
        for token in [format!("{header}.{header}.{header}"), String::from_utf8_lossy(&bytes).into_owned()] {
            let value = [b"Bearer ".as_slice(), token.as_bytes()].concat();
            let Ok(value) = http::HeaderValue::from_bytes(&value) else { continue };
            let mut headers = http::HeaderMap::new();
            headers.insert("authorization", value);
            let asked = Asked { peer: &peer(), headers: &headers, now: now() };
            prop_assert!(sources().identify(&asked).is_err());
        }
    }

    #[test]
    fn no_signed_bytes_break_the_reader(text in "[\\PC\\x00-\\x1f]{0,80}") {
        let token = bearer(&ED.sign_text(&ED.header().to_string(), &text));
        prop_assert!(ask(&sources(), &peer(), &[("authorization", &token)]).is_err());
    }

    #[test]
    fn one_changed_character_is_noticed(at in 0usize..200, with in "[A-Za-z0-9_-]") {
        let token = ED.sign(&claims(json!({})));
        let mut bytes = token.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] = with.as_bytes()[0];
        let changed = String::from_utf8(bytes).unwrap();
        let result = ask(&sources(), &peer(), &[("authorization", &bearer(&changed))]);
        prop_assert_eq!(result.is_ok(), changed == token);
    }
}
