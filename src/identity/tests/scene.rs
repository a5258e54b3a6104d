//! Keys, tokens, peers and sources that the tests share.

use crate::call::peer::{Address, Certificate, Peer, Proof, Transport};
use crate::identity::algorithm::Algorithm;
use crate::identity::api_key::{ApiKeys, Holder};
use crate::identity::certificate::Certificates;
use crate::identity::facts::{Facts, Field as Fact, Frame, Mode, Stamp};
use crate::identity::field::Field;
use crate::identity::header::Header;
use crate::identity::jwt::{ClaimMap, ClaimPath, Jwt};
use crate::identity::keys::{KeyRing, KeySet};
use crate::identity::pattern::{Pattern, San};
use crate::identity::trust::Trust;
use crate::identity::{Asked, Known, Refused, Source, Sources, Way};
use crate::intent::AgentDraft;
use crate::intent::rest::Caller;
use crate::intent::time::{self, Time};
use crate::json::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue};
use jsonwebtoken::EncodingKey;
use rcgen::{KeyPair, RsaKeySize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

pub(super) const NOW: &str = "2026-06-01T12:00:00Z";
/// The same, in seconds.
pub(super) const NOW_SECONDS: i64 = 1_780_315_200;
pub(super) const ISSUER: &str = "https://id.example";
pub(super) const SPIFFE: &str = "spiffe://prod.example/ns/pay/sa/bot";
pub(super) const EDGE: &str = "spiffe://prod.example/edge";
pub(super) const KEY: &str = "s3cret-api-key";

/// A pair of keys: what signs, and the public half as a JWK.
pub(super) struct Signer {
    pub(super) algorithm: Algorithm,
    pub(super) key: EncodingKey,
    pub(super) jwk: Value,
}

pub(super) static RSA: LazyLock<Signer> = LazyLock::new(|| {
    let pair = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    // PKCS#8 around PKCS#1, and PKCS#1 around modulus and exponent: both of fixed length.
    let (private, public) = (pair.serialize_der(), pair.public_key_raw().to_vec());
    let jwk = json!({"kty": "RSA", "kid": "rsa", "n": base64(&public[9..265]), "e": "AQAB"});
    Signer { algorithm: Algorithm::Rs256, key: EncodingKey::from_rsa_der(&private[26..]), jwk }
});

pub(super) static P256: LazyLock<Signer> = LazyLock::new(|| p256("p256"));
pub(super) static STRANGER: LazyLock<Signer> = LazyLock::new(|| p256("p256"));

pub(super) static ED: LazyLock<Signer> = LazyLock::new(|| {
    let pair = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let x = base64(pair.public_key_raw());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": x});
    let key = EncodingKey::from_ed_der(&pair.serialize_der());
    Signer { algorithm: Algorithm::EdDsa, key, jwk }
});

fn p256(kid: &str) -> Signer {
    let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let point = pair.public_key_raw();
    let jwk = json!({"kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "alg": "ES256",
        "x": base64(&point[1..33]), "y": base64(&point[33..])});
    let key = EncodingKey::from_ec_der(&pair.serialize_der());
    Signer { algorithm: Algorithm::Es256, key, jwk }
}

pub(super) fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn keys() -> KeySet {
    let secret =
        json!({"kty": "oct", "kid": "oct", "k": base64(b"a shared secret, never used here")});
    set(&[&RSA.jwk, &P256.jwk, &ED.jwk, &secret])
}

pub(super) fn set(keys: &[&Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

impl Signer {
    /// A token over exactly these texts.
    pub(super) fn sign_text(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", base64(header.as_bytes()), base64(claims.as_bytes()));
        let signature =
            jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, self.algorithm.of_library());
        format!("{signed}.{}", signature.unwrap())
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_text(&self.header().to_string(), &claims.to_string())
    }

    pub(super) fn header(&self) -> Value {
        json!({"alg": self.algorithm.as_str(), "kid": self.jwk["kid"], "typ": "JWT"})
    }
}

/// Claims that hold, with these in the place of their own; `null` takes one away.
pub(super) fn claims(over: Value) -> Value {
    let mut claims = json!({"iss": ISSUER, "aud": "gait", "sub": "ada", "azp": "bot",
        "iat": NOW_SECONDS - 60, "exp": NOW_SECONDS + 600, "scope": "read write",
        "org": {"id": "pay"}});
    for (name, value) in over.as_object().unwrap() {
        match value.is_null() {
            true => drop(claims.as_object_mut().unwrap().remove(name)),
            false => claims[name] = value.clone(),
        }
    }
    claims
}

pub(super) fn peer() -> Peer {
    Peer {
        listener: "server".into(),
        address: Address::Ip("192.0.2.7".parse().unwrap()),
        transport: Transport::Tls,
        certificate: None,
    }
}

pub(super) fn with_uris(uris: &[&str]) -> Peer {
    let certificate = Certificate {
        uris: uris.iter().map(|uri| (*uri).to_owned()).collect(),
        dns: Vec::new(),
        emails: Vec::new(),
        thumbprint: [7; 32],
        not_after: "2026-07-01T00:00:00Z".parse().unwrap(),
        proof: Proof { roots: Digest::of(b""), chain: Vec::new() },
    };
    Peer { certificate: Some(certificate), ..peer() }
}

pub(super) fn from(address: &str) -> Peer {
    Peer { address: Address::Ip(address.parse().unwrap()), ..peer() }
}

pub(super) fn process_of(uid: u32) -> Peer {
    Peer { address: Address::Unix { uid, gid: 1 }, ..peer() }
}

pub(super) fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

pub(super) fn now() -> Time {
    time::parse(NOW).unwrap()
}

pub(super) fn ask(
    sources: &Sources,
    peer: &Peer,
    fields: &[(&str, &str)],
) -> Result<Known, Refused> {
    sources.identify(&Asked { peer, headers: &headers(fields), now: now() })
}

pub(super) fn stamp(source: &str, mode: Mode) -> Stamp {
    Stamp { source: source.into(), mode, prefix: String::new(), set: BTreeMap::new() }
}

pub(super) fn field(name: &str) -> Field {
    Field::new(HeaderName::from_bytes(name.as_bytes()).unwrap())
}

pub(super) fn frame() -> Frame {
    let owned = AgentDraft { owner: "payments".into(), ..AgentDraft::default() };
    Frame {
        anonymous: "anonymous".into(),
        workspace: "default".into(),
        agents: BTreeMap::from([("bot".to_owned(), owned)]),
    }
}

pub(super) fn jwt(issuer: &str, keys: KeyRing) -> Jwt {
    Jwt {
        issuer: issuer.into(),
        audiences: vec!["gait".into()],
        algorithms: vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa],
        keys: Arc::new(keys),
        leeway: Duration::from_secs(30),
        max_age: Some(Duration::from_secs(3_600)),
        types: vec!["JWT".into(), "at+jwt".into()],
        claims: ClaimMap {
            identity: ClaimPath::of("sub"),
            fields: vec![
                (Fact::AgentId, ClaimPath::of("azp")),
                (Fact::Workspace, ClaimPath::of("/org/id")),
            ],
            scopes: Some(ClaimPath::of("scope")),
        },
    }
}

pub(super) fn source(name: &str, mode: Mode, way: Way) -> Source {
    Source { stamp: stamp(name, mode), way }
}

pub(super) fn of_tokens(name: &str, issuer: &str, keys: KeyRing) -> Source {
    let way = Way::Jwt(field("authorization"), Box::new(jwt(issuer, keys)));
    source(name, Mode::Jwt, way)
}

pub(super) fn of_keys(name: &str, header: &str, holders: &[(&str, &str, Option<&str>)]) -> Source {
    let mut keys = ApiKeys::default();
    for (key, identity, expires_at) in holders {
        let facts = Facts { identity: (*identity).to_owned(), ..Facts::default() };
        let caller = stamp(name, Mode::ApiKey).caller(facts, &frame()).unwrap();
        let expires_at = expires_at.and_then(time::parse);
        keys.add(Digest::of(key.as_bytes()), Holder { caller, expires_at }).unwrap();
    }
    source(name, Mode::ApiKey, Way::ApiKey(field(header), keys))
}

fn of_certificates() -> Source {
    let text = "spiffe://prod.example/ns/{workspace}/sa/{agent_id}";
    let patterns = vec![Pattern::parse(text, San::Uri).unwrap()];
    let way = Way::Certificate(Certificates { san: San::Uri, patterns });
    source("mesh", Mode::Certificate, way)
}

fn of_header() -> Source {
    let from = Trust {
        networks: vec!["10.0.0.0/8".parse().unwrap()],
        certificates: vec![Pattern::parse(EDGE, San::Uri).unwrap()],
    };
    let fields = vec![(Fact::Workspace, field("x-auth-request-org"))];
    let header = Header { name: field("x-auth-request-user"), from, fields };
    source("edge", Mode::Header, Way::Header(Box::new(header)))
}

fn of_users() -> Source {
    let facts = Facts { identity: "grace".into(), ..Facts::default() };
    let caller = stamp("local", Mode::Unix).caller(facts, &frame()).unwrap();
    source("local", Mode::Unix, Way::Unix(BTreeMap::from([(1_000, caller)])))
}

/// One source of each kind.
pub(super) fn sources() -> Sources {
    let expired = Some("2026-06-01T12:00:00Z");
    all(vec![
        of_tokens("sso", ISSUER, KeyRing::fixed(keys())),
        of_keys(
            "keys",
            "x-api-key",
            &[(KEY, "ada", None), ("old", "ada", expired), ("ci", "ci", None)],
        ),
        of_certificates(),
        of_header(),
        of_users(),
    ])
}

pub(super) fn all(sources: Vec<Source>) -> Sources {
    Sources::new(Caller::named("anonymous", "default"), frame(), sources)
}
