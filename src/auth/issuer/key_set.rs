//! The public keys of an issuer: a JSON Web Key Set (RFC 7517) read, each key checked once and made ready for use.
//!
//! Keys are read field by field, not as `jsonwebtoken::jwk::JwkSet`: there one key of a kind that it does not know spoils
//! the whole set, and why is not told.

use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::auth::AuthRefused;

/// Sizes of RSA keys that are accepted, in bits: below, they can be broken; above, every check takes long.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;
/// Largest public exponent of an RSA key, in bytes.
const EXPONENT_BYTES: usize = 4;
/// Length of a coordinate on the curve P-256, in bytes.
const COORDINATE_BYTES: usize = 32;
/// Longest name of a key, in bytes.
const KID_BYTES: usize = 512;

/// A key that checks signatures by its one algorithm.
#[derive(Debug)]
pub struct IssuerKey {
    kid: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl IssuerKey {
    /// The one algorithm that it is for, RS256 or ES256, whatever a token says.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key as signatures are checked with it.
    pub fn decoding(&self) -> &DecodingKey {
        &self.key
    }
}

/// Why a key of an issuer is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyRefused {
    /// A field is missing, of the wrong type or no base64.
    #[error("it is malformed")]
    Malformed,
    /// Neither RSA nor an elliptic curve.
    #[error("it is neither of RSA nor of an elliptic curve")]
    Kind,
    /// Meant for something else than signatures.
    #[error("it is not meant for checking signatures")]
    Use,
    /// Meant for another algorithm.
    #[error("it is meant for another algorithm than RS256 and ES256")]
    Algorithm,
    /// On another curve.
    #[error("it is on another curve than P-256")]
    Curve,
    /// No point of its curve.
    #[error("it is no point of its curve")]
    Point,
    /// An RSA key of another size than allowed.
    #[error("it has {bits} bits, not 2048 to 8192")]
    Size {
        /// Bits of its modulus.
        bits: usize,
    },
    /// An RSA key with an exponent that no issuer uses.
    #[error("its exponent is even, below 3 or above 32 bits")]
    Exponent,
    /// The private half is there, too: it is a secret no longer.
    #[error("its private half was published")]
    Private,
    /// Another key with its name and algorithm stands before it.
    #[error("another key has its name")]
    Duplicate,
}

impl KeyRefused {
    /// Stable name.
    pub fn code(self) -> &'static str {
        match self {
            KeyRefused::Malformed => "malformed",
            KeyRefused::Kind => "kind",
            KeyRefused::Use => "use",
            KeyRefused::Algorithm => "algorithm",
            KeyRefused::Curve => "curve",
            KeyRefused::Point => "point",
            KeyRefused::Size { .. } => "size",
            KeyRefused::Exponent => "exponent",
            KeyRefused::Private => "private",
            KeyRefused::Duplicate => "duplicate",
        }
    }
}

/// Why a document is no set of keys.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SetRefused {
    /// Not the JSON that a set is. Only the place is told: what stands there may be a secret.
    #[error("is no set of keys (line {line}, column {column})")]
    Malformed {
        /// Line of the first fault, from 1.
        line: usize,
        /// Column of it.
        column: usize,
    },
    /// Too many keys.
    #[error("lists {actual} keys, {most} are allowed")]
    TooMany {
        /// Keys found.
        actual: usize,
        /// Most that are allowed.
        most: usize,
    },
}

/// The keys of an issuer that can be used, and why the others cannot.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<Arc<IssuerKey>>,
    refused: Vec<(Option<String>, KeyRefused)>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

/// A key as it is published. Fields that are not looked at may hold anything.
#[derive(Deserialize)]
struct Published {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<IgnoredAny>,
}

/// The name alone, of a key whose rest may be anything.
#[derive(Deserialize)]
struct Named {
    kid: String,
}

impl KeySet {
    /// Reads a document with at most `most` keys. A key that cannot be used does not spoil the others.
    pub fn parse(document: &[u8], most: usize) -> Result<Self, SetRefused> {
        let document: Document<'_> =
            serde_json::from_slice(document).map_err(|error| SetRefused::Malformed {
                line: error.line(),
                column: error.column(),
            })?;
        let actual = document.keys.len();
        if actual > most {
            return Err(SetRefused::TooMany { actual, most });
        }
        let mut set = Self::default();
        for raw in document.keys {
            match set.checked(raw.get()) {
                Ok(key) => set.keys.push(Arc::new(key)),
                Err(reason) => {
                    let named = serde_json::from_str::<Named>(raw.get());
                    let kid = named.ok().map(|named| named.kid);
                    let kid = kid.filter(|kid| kid.len() <= KID_BYTES);
                    set.refused.push((kid, reason));
                }
            }
        }
        Ok(set)
    }

    fn checked(&self, raw: &str) -> Result<IssuerKey, KeyRefused> {
        let published: Published = serde_json::from_str(raw).map_err(|_| KeyRefused::Malformed)?;
        let key = published.checked()?;
        let same =
            |other: &Arc<IssuerKey>| other.kid == key.kid && other.algorithm == key.algorithm;
        if key.kid.is_some() && self.keys.iter().any(same) {
            return Err(KeyRefused::Duplicate);
        }
        Ok(key)
    }

    /// The key that a token names, or the only one of its algorithm if it names none.
    pub fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<IssuerKey>, AuthRefused> {
        let Some(kid) = kid else {
            return self.only(algorithm);
        };
        let mut named = false;
        for key in self
            .keys
            .iter()
            .filter(|key| key.kid.as_deref() == Some(kid))
        {
            if key.algorithm == algorithm {
                return Ok(key.clone());
            }
            named = true;
        }
        let unusable = self
            .refused
            .iter()
            .find(|(name, _)| name.as_deref() == Some(kid));
        Err(match unusable {
            _ if named => AuthRefused::Algorithm,
            Some((_, reason)) => AuthRefused::UnusableKey(*reason),
            None => AuthRefused::UnknownKey,
        })
    }

    fn only(&self, algorithm: Algorithm) -> Result<Arc<IssuerKey>, AuthRefused> {
        let mut fitting = self.keys.iter().filter(|key| key.algorithm == algorithm);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key.clone()),
            (None, _) => Err(AuthRefused::UnknownKey),
            (Some(_), Some(_)) => Err(AuthRefused::KeyNotNamed),
        }
    }

    /// How many keys can be used.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none can.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that cannot be used, by name if they have one, and why.
    pub fn refused(&self) -> &[(Option<String>, KeyRefused)] {
        &self.refused
    }

    /// The names of the keys that can be used, in their order; a key without one is left out.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter_map(|key| key.kid.as_deref())
    }
}

impl Published {
    fn checked(self) -> Result<IssuerKey, KeyRefused> {
        if self.d.is_some() {
            return Err(KeyRefused::Private);
        }
        if self.kid.as_ref().is_some_and(|kid| kid.len() > KID_BYTES) {
            return Err(KeyRefused::Malformed);
        }
        let signs = self.r#use.as_deref().is_none_or(|word| word == "sig");
        let verifies = self
            .key_ops
            .as_ref()
            .is_none_or(|words| words.iter().any(|word| word == "verify"));
        let (algorithm, name) = match self.kty.as_str() {
            "RSA" => (Algorithm::RS256, "RS256"),
            "EC" => (Algorithm::ES256, "ES256"),
            _ => return Err(KeyRefused::Kind),
        };
        if !signs || !verifies {
            return Err(KeyRefused::Use);
        }
        // Before the algorithm: on another curve it is another one, too.
        if algorithm == Algorithm::ES256 && self.crv.as_deref() != Some("P-256") {
            return Err(KeyRefused::Curve);
        }
        if self.alg.as_deref().is_some_and(|alg| alg != name) {
            return Err(KeyRefused::Algorithm);
        }
        let key = match algorithm {
            Algorithm::RS256 => rsa(&self.n, &self.e)?,
            _ => p256(&self.x, &self.y)?,
        };
        Ok(IssuerKey {
            kid: self.kid,
            algorithm,
            key,
        })
    }
}

fn rsa(n: &Option<String>, e: &Option<String>) -> Result<DecodingKey, KeyRefused> {
    let (n, e) = (number(n)?, number(e)?);
    let bits = n
        .first()
        .map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) {
        return Err(KeyRefused::Size { bits });
    }
    let odd = |bytes: &[u8]| bytes.last().is_some_and(|last| last & 1 == 1);
    if !odd(&n) {
        return Err(KeyRefused::Malformed);
    }
    if !odd(&e) || e == [1] || e.len() > EXPONENT_BYTES {
        return Err(KeyRefused::Exponent);
    }
    Ok(DecodingKey::from_rsa_raw_components(&n, &e))
}

fn p256(x: &Option<String>, y: &Option<String>) -> Result<DecodingKey, KeyRefused> {
    let (Some(x), Some(y)) = (x, y) else {
        return Err(KeyRefused::Malformed);
    };
    // The form of an uncompressed point (SEC 1 §2.3.3).
    let mut point = vec![4];
    for coordinate in [x, y] {
        let bytes = decoded(coordinate)?;
        if bytes.len() != COORDINATE_BYTES {
            return Err(KeyRefused::Malformed);
        }
        point.extend(bytes);
    }
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).map_err(|_| KeyRefused::Point)?;
    DecodingKey::from_ec_components(x, y).map_err(|_| KeyRefused::Malformed)
}

/// A number without its leading zeros.
fn number(text: &Option<String>) -> Result<Vec<u8>, KeyRefused> {
    let bytes = decoded(text.as_deref().ok_or(KeyRefused::Malformed)?)?;
    Ok(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
}

fn decoded(text: &str) -> Result<Vec<u8>, KeyRefused> {
    BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| KeyRefused::Malformed)
}

#[cfg(test)]
#[path = "key_set_tests.rs"]
mod tests;
