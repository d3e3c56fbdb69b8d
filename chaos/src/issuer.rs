//! An outside issuer of tokens: keys made on the spot, the set of them as it is published, and what they sign.

use aws_lc_rs::encoding::{AsBigEndian, EcPublicKeyUncompressedBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};
use thiserror::Error;

/// A key could not be made or used.
#[derive(Debug, Error)]
pub enum IssuerError {
    /// By the library of the keys.
    #[error("a key could not be made or used")]
    Key,
    /// What was to be signed is no JSON.
    #[error("claims that are no JSON: {0}")]
    Claims(#[from] serde_json::Error),
}

impl From<aws_lc_rs::error::Unspecified> for IssuerError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Key
    }
}

/// A key of the issuer, with both halves.
#[derive(Debug)]
pub struct IssuerKey {
    kid: String,
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
}

impl IssuerKey {
    /// A new RSA key of 2048 bits, for RS256.
    pub fn rsa(kid: &str) -> Result<Self, IssuerError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
        Ok(Self {
            kid: kid.into(),
            pair: Pair::Rsa(Box::new(pair)),
        })
    }

    /// A new key on the curve P-256, for ES256.
    pub fn p256(kid: &str) -> Result<Self, IssuerError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        Ok(Self {
            kid: kid.into(),
            pair: Pair::P256(Box::new(pair)),
        })
    }

    /// The algorithm that it is for.
    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
        }
    }

    /// The public half, as a JSON Web Key.
    pub fn published(&self) -> Result<Value, IssuerError> {
        let mut key = match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let n = public.modulus().big_endian_without_leading_zero();
                let e = public.exponent().big_endian_without_leading_zero();
                json!({ "kty": "RSA", "n": encoded(n), "e": encoded(e) })
            }
            Pair::P256(pair) => {
                let point: EcPublicKeyUncompressedBin = pair.public_key().as_be_bytes()?;
                let (x, y) = point.as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y) })
            }
        };
        key["kid"] = json!(self.kid);
        key["use"] = json!("sig");
        key["alg"] = json!(self.algorithm());
        Ok(key)
    }

    /// A token with these claims that names the key.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, IssuerError> {
        let head = json!({ "alg": self.algorithm(), "typ": "JWT", "kid": self.kid });
        self.sign_under(&head, claims)
    }

    /// A token with any head at all, signed all the same.
    pub fn sign_under(&self, head: &Value, claims: &impl Serialize) -> Result<String, IssuerError> {
        let claims = serde_json::to_vec(claims)?;
        let message = format!("{}.{}", encoded(head.to_string()), encoded(claims));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &random,
                    message.as_bytes(),
                    &mut signature,
                )?;
                signature
            }
            Pair::P256(pair) => pair.sign(&random, message.as_bytes())?.as_ref().to_vec(),
        };
        Ok(format!("{message}.{}", encoded(signature)))
    }
}

/// The document with the public halves of keys (JWKS).
pub fn key_set(keys: &[&IssuerKey]) -> Result<Value, IssuerError> {
    let keys: Result<Vec<Value>, _> = keys.iter().map(|key| key.published()).collect();
    Ok(json!({ "keys": keys? }))
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::jwk::Jwk;
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};

    #[test]
    fn a_token_is_checked_with_the_published_half_of_its_key_and_no_other() {
        let claims = json!({ "sub": "ana", "exp": 4_000_000_000_u64 });
        let key = |key: &IssuerKey| {
            let key: Jwk = serde_json::from_value(key.published().unwrap()).unwrap();
            DecodingKey::from_jwk(&key).unwrap()
        };
        for (one, other, algorithm) in [
            (IssuerKey::rsa("a"), IssuerKey::rsa("b"), Algorithm::RS256),
            (IssuerKey::p256("a"), IssuerKey::p256("b"), Algorithm::ES256),
        ] {
            let (one, other) = (one.unwrap(), other.unwrap());
            let token = one.sign(&claims).unwrap();
            let validation = Validation::new(algorithm);
            let read = decode::<Value>(&token, &key(&one), &validation).unwrap();
            assert_eq!(read.claims, claims);
            assert_eq!(read.header.kid.as_deref(), Some("a"));
            assert!(decode::<Value>(&token, &key(&other), &validation).is_err());
        }
    }
}
