//! Signing keys, and tokens made with them: whole ones, and ones that no library would make.
//!
//! Header and claims are literal texts, so that a test can write what a strict reader must refuse.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData as _,
    SigningKey as _,
};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the key proper begins in the PKCS #8 form of an RSA key of 2048 bits.
const RSA_OFFSET: usize = 26;

/// A signing key of an issuer.
#[derive(Debug)]
pub(crate) struct Signer {
    kid: &'static str,
    pair: KeyPair,
    algorithm: Algorithm,
}

impl Signer {
    /// For RS256.
    pub(crate) fn rsa(kid: &'static str) -> Signer {
        let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("an RSA key");
        Signer { kid, pair, algorithm: Algorithm::RS256 }
    }

    /// For ES256.
    pub(crate) fn p256(kid: &'static str) -> Signer {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("an EC key");
        Signer { kid, pair, algorithm: Algorithm::ES256 }
    }

    /// For EdDSA.
    pub(crate) fn ed25519(kid: &'static str) -> Signer {
        let pair = KeyPair::generate_for(&PKCS_ED25519).expect("an Ed25519 key");
        Signer { kid, pair, algorithm: Algorithm::EdDSA }
    }

    /// What its issuer publishes of it.
    pub(crate) fn jwk(&self) -> Value {
        let raw = self.pair.der_bytes();
        let mut key = match self.algorithm {
            Algorithm::RS256 => {
                let (n, e) = modulus_and_exponent(raw);
                json!({ "kty": "RSA", "n": b64(n), "e": b64(e) })
            }
            Algorithm::ES256 => {
                json!({ "kty": "EC", "crv": "P-256", "x": b64(&raw[1..33]), "y": b64(&raw[33..]) })
            }
            _ => json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(raw) }),
        };
        key["kid"] = self.kid.into();
        key["use"] = "sig".into();
        key
    }

    /// The public key as people send it around, which is no secret.
    pub(crate) fn public_pem(&self) -> String {
        self.pair.public_key_pem()
    }

    /// An unremarkable header.
    pub(crate) fn header(&self) -> Value {
        json!({ "alg": format!("{:?}", self.algorithm), "typ": "JWT", "kid": self.kid })
    }

    /// A whole token with these claims.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.signed(&self.header().to_string(), &claims.to_string())
    }

    /// A token of literal texts, with a signature of this key that holds.
    pub(crate) fn signed(&self, header: &str, claims: &str) -> String {
        self.signed_as(self.algorithm, header, claims)
    }

    /// The same, signed with another algorithm of the same kind of key.
    pub(crate) fn signed_as(&self, algorithm: Algorithm, header: &str, claims: &str) -> String {
        let message = message(header, claims);
        let der = self.pair.serialized_der();
        let key = match self.algorithm {
            Algorithm::RS256 => EncodingKey::from_rsa_der(&der[RSA_OFFSET..]),
            Algorithm::ES256 => EncodingKey::from_ec_der(der),
            _ => EncodingKey::from_ed_der(der),
        };
        let signature = crypto::sign(message.as_bytes(), &key, algorithm).expect("a signature");
        format!("{message}.{signature}")
    }

    /// A token whose signature holds, but stands in ASN.1 form, where the format wants bare
    /// numbers (RFC 7518, section 3.4).
    pub(crate) fn signed_in_asn1(&self, claims: &Value) -> String {
        let message = message(&self.header().to_string(), &claims.to_string());
        let signature = self.pair.sign(message.as_bytes()).expect("a signature");
        format!("{message}.{}", b64(&signature))
    }
}

/// A token that is "signed" with a shared secret.
pub(crate) fn hmac(secret: &[u8], header: &str, claims: &str) -> String {
    let message = message(header, claims);
    let key = EncodingKey::from_secret(secret);
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("a signature");
    format!("{message}.{signature}")
}

/// What is signed of a token.
pub(crate) fn message(header: &str, claims: &str) -> String {
    format!("{}.{}", b64(header.as_bytes()), b64(claims.as_bytes()))
}

/// Base64url without padding.
pub(crate) fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs().cast_signed()
}

/// Reads `RSAPublicKey` (RFC 8017, appendix A.1.1) of a key of 2048 bits.
fn modulus_and_exponent(der: &[u8]) -> (&[u8], &[u8]) {
    // SEQUENCE (4 bytes), INTEGER of 257 bytes (4 bytes and a zero), INTEGER of 3 bytes (2 bytes).
    let (modulus, exponent) = (&der[9..265], &der[267..]);
    assert_eq!(exponent, [1, 0, 1], "an RSA key of another size");
    (modulus, exponent)
}
