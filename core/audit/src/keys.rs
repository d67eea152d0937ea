//! The public key file: one canonical object `{"ed25519":…,"ml_dsa":…,"suite":1}` and a newline.
//!
//! The same object stands in a receipt under `keys`.

use crate::fields::{FieldError, Fields};
use ioi_canon::{Limits, ParseError, Value};
use ioi_crypto::{PUBLIC_KEY_BYTES, PublicKey, SIGNATURE_BYTES, SUITE, Signature};
use ioi_types::hex;
use std::fmt;

/// The longest public key file: its exact form has 4,005 bytes.
pub const PUBLIC_KEY_FILE_BYTES_MAX: usize = 8192;

/// Bytes that are not a public key file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyFileError {
    /// Not one canonical value and a newline.
    Canonical(ParseError),
    /// Not the fields of a key.
    Field(FieldError),
    /// The bytes are no key of suite 1.
    Key(ioi_crypto::KeyError),
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Canonical(error) => error.fmt(f),
            Self::Field(error) => error.fmt(f),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for KeyFileError {}

impl From<FieldError> for KeyFileError {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

/// The bytes of `guardian.pub`.
#[must_use]
pub fn encode_public_key(key: &PublicKey) -> Vec<u8> {
    let mut bytes = public_key_value(key).to_bytes();
    bytes.push(b'\n');
    bytes
}

/// Reads `guardian.pub`.
///
/// # Errors
/// Bytes that are not exactly what [`encode_public_key`] writes for some key.
pub fn parse_public_key(bytes: &[u8]) -> Result<PublicKey, KeyFileError> {
    let limits = Limits { bytes_max: PUBLIC_KEY_FILE_BYTES_MAX, depth_max: 1 };
    public_key(ioi_canon::parse_file(bytes, limits).map_err(KeyFileError::Canonical)?)
}

pub(crate) fn public_key_value(key: &PublicKey) -> Value {
    let bytes = key.to_bytes();
    let (ed25519, ml_dsa) = bytes.split_at(32);
    Value::map([
        ("ed25519", Value::from(hex::encode(ed25519))),
        ("ml_dsa", hex::encode(ml_dsa).into()),
        ("suite", i32::from(SUITE).into()),
    ])
}

pub(crate) fn public_key(value: Value) -> Result<PublicKey, KeyFileError> {
    let mut fields = Fields::of(value)?;
    if fields.value("suite")? != Value::from(i32::from(SUITE)) {
        return Err(FieldError::Shape("suite", "1").into());
    }
    let bytes = halves(&mut fields, 32, PUBLIC_KEY_BYTES)?;
    fields.finish()?;
    PublicKey::from_bytes(&bytes).map_err(KeyFileError::Key)
}

pub(crate) fn signature_value(signature: &Signature) -> Value {
    let (ed25519, ml_dsa) = signature.as_bytes().split_at(64);
    Value::map([("ed25519", Value::from(hex::encode(ed25519))), ("ml_dsa", hex::encode(ml_dsa).into())])
}

pub(crate) fn signature(value: Value) -> Result<Signature, FieldError> {
    let mut fields = Fields::of(value)?;
    let bytes = halves(&mut fields, 64, SIGNATURE_BYTES)?;
    fields.finish()?;
    Signature::from_bytes(&bytes).map_err(|_| FieldError::Shape("ml_dsa", "a signature of suite 1"))
}

/// Both halves, of exactly the lengths of the suite, one after the other.
fn halves(fields: &mut Fields, first_bytes: usize, all_bytes: usize) -> Result<Vec<u8>, FieldError> {
    let mut half = |name, length| {
        let bytes = hex::decode(&fields.text(name)?);
        bytes
            .filter(|bytes| bytes.len() == length)
            .ok_or(FieldError::Shape(name, "hexadecimal of suite 1's length"))
    };
    let ed25519 = half("ed25519", first_bytes)?;
    let ml_dsa = half("ml_dsa", all_bytes - first_bytes)?;
    Ok([ed25519, ml_dsa].concat())
}
