//! Salted commitments: a leaf carries the hash of a private value, the value stands outside the leaf.
//!
//! `commitment = SHA-256("ioi/v1/opening" ‖ 0x00 ‖ salt[16] ‖ canonical value)`.
//! The salt is random and single use, so that a value that was taken away can't
//! be found by guessing; an opening that is gone leaves every proof intact.

use crate::fields::{FieldError, Fields};
use ioi_canon::Value;
use ioi_crypto::sha256;
use ioi_types::{Digest, hex};

/// The domain of a commitment, with its closing zero byte.
pub const OPENING_DOMAIN: &[u8] = b"ioi/v1/opening\0";

/// Sixteen random bytes, used for one commitment only.
pub type Salt = [u8; 16];

/// What opens one commitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Random, single use.
    pub salt: Salt,
    /// The private value.
    pub value: Value,
}

impl Opening {
    /// The commitment that this opening opens.
    #[must_use]
    pub fn commitment(&self) -> Digest {
        commitment(&self.salt, &self.value.to_bytes())
    }

    /// `{"salt": 32 hex digits, "value": …}`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::map([("salt", Value::from(hex::encode(&self.salt))), ("value", self.value.clone())])
    }

    /// Reads [`Opening::to_value`] back.
    ///
    /// # Errors
    /// A field that is missing, misshapen or unknown.
    pub fn from_value(value: Value) -> Result<Self, FieldError> {
        let mut fields = Fields::of(value)?;
        let salt = hex::decode_array(&fields.text("salt")?);
        let opening = Self {
            salt: salt.ok_or(FieldError::Shape("salt", "32 hex digits"))?,
            value: fields.value("value")?,
        };
        fields.finish()?;
        Ok(opening)
    }
}

/// The commitment to a value that is already canonical bytes.
#[must_use]
pub fn commitment(salt: &Salt, canonical: &[u8]) -> Digest {
    Digest::sha256(sha256(&[OPENING_DOMAIN, salt, canonical]))
}
