//! The public half of a composite key, its fingerprint, and verification.
//!
//! Public key, 1984 bytes: Ed25519, 32 ‖ ML-DSA-65, 1952. Signature, 3373 bytes:
//! Ed25519 R ‖ S, 64 ‖ ML-DSA-65, 3309. Lengths are exact, nothing is optional.

use crate::domain::{self, SUITE};
use crate::hash::sha256;
use crate::key::KeyError;
use ioi_types::{Digest, ParseDigestError};
use ml_dsa::{EncodedSignature, EncodedVerifyingKey, MlDsa65};
use std::fmt;
use std::str::FromStr;

/// The length of a public key, in bytes.
pub const PUBLIC_KEY_BYTES: usize = 32 + 1952;
/// The length of a signature, in bytes.
pub const SIGNATURE_BYTES: usize = 64 + 3309;

/// The fingerprint of a composite key: SHA-256(suite ‖ Ed25519 key ‖ ML-DSA-65 key).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub Digest);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for KeyId {
    type Err = ParseDigestError;

    /// Reads `sha256:` and 64 lowercase hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, ParseDigestError> {
        let digest: Digest = text.parse()?;
        let sha256 = digest.algorithm == ioi_types::DigestAlgorithm::Sha256;
        if sha256 { Ok(Self(digest)) } else { Err(ParseDigestError) }
    }
}

/// A statement's signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// The statement does not begin with the domain of this kind.
    Domain {
        /// The kind that was expected.
        kind: String,
    },
    /// The signature has another length.
    Length {
        /// How many bytes were given.
        bytes: usize,
    },
    /// The Ed25519 half does not verify.
    Ed25519,
    /// The ML-DSA-65 half does not verify.
    MlDsa65,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain { kind } => write!(f, "the signed bytes are no statement of kind {kind:?}"),
            Self::Length { bytes } => {
                write!(f, "a signature has {SIGNATURE_BYTES} bytes, this one has {bytes}")
            }
            Self::Ed25519 => f.write_str("the Ed25519 half of the signature does not verify"),
            Self::MlDsa65 => f.write_str("the ML-DSA-65 half of the signature does not verify"),
        }
    }
}

impl std::error::Error for VerifyError {}

/// One signature of suite 1. Any bytes of the right length are one; verification judges them.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Box<[u8; SIGNATURE_BYTES]>);

impl Signature {
    /// Takes a signature's bytes.
    ///
    /// # Errors
    /// Any other length than [`SIGNATURE_BYTES`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VerifyError> {
        let length = VerifyError::Length { bytes: bytes.len() };
        <Box<[u8; SIGNATURE_BYTES]>>::try_from(bytes.to_vec()).map(Self).map_err(|_| length)
    }

    /// The signature's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; SIGNATURE_BYTES] {
        &self.0
    }

    pub(crate) fn from_parts(
        ed25519: &ed25519_dalek::Signature,
        ml_dsa: &ml_dsa::Signature<MlDsa65>,
    ) -> Self {
        let mut bytes = Box::new([0; SIGNATURE_BYTES]);
        bytes[..64].copy_from_slice(&ed25519.to_bytes());
        bytes[64..].copy_from_slice(&ml_dsa.encode());
        Self(bytes)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({}…)", ioi_types::hex::encode(&self.0[..8]))
    }
}

/// Both public keys of suite 1.
#[derive(Clone)]
pub struct PublicKey {
    ed25519: ed25519_dalek::VerifyingKey,
    ml_dsa: ml_dsa::VerifyingKey<MlDsa65>,
}

impl PublicKey {
    /// Reads a public key.
    ///
    /// # Errors
    /// Another length, or an Ed25519 half that is no point, not canonical or of small order.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let length = KeyError::Length { bytes: bytes.len() };
        let (ed25519, ml_dsa) = bytes.split_first_chunk::<32>().ok_or(length)?;
        let ml_dsa = EncodedVerifyingKey::<MlDsa65>::try_from(ml_dsa).map_err(|_| length)?;
        let ed25519 = strict_ed25519(ed25519).ok_or(KeyError::Ed25519)?;
        Ok(Self { ed25519, ml_dsa: ml_dsa::VerifyingKey::decode(&ml_dsa) })
    }

    /// The public key's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; PUBLIC_KEY_BYTES] {
        let mut bytes = [0; PUBLIC_KEY_BYTES];
        bytes[..32].copy_from_slice(self.ed25519.as_bytes());
        bytes[32..].copy_from_slice(&self.ml_dsa.encode());
        bytes
    }

    /// The fingerprint.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId(Digest::sha256(sha256(&[&[SUITE], &self.to_bytes()])))
    }

    /// Checks both halves over the same statement; one that fails is enough to refuse.
    ///
    /// Ed25519 is checked as RFC 8032, section 5.1.7 without the cofactor, and R of small
    /// order or not canonical and S ≥ L are refused, so that no third party can change a
    /// signature's bytes.
    ///
    /// # Errors
    /// A statement of another kind, or which half does not verify.
    pub fn verify(&self, kind: &str, statement: &[u8], signature: &Signature) -> Result<(), VerifyError> {
        let context = domain::context(kind, statement);
        let context = context.ok_or_else(|| VerifyError::Domain { kind: kind.to_owned() })?;
        let (ed25519, ml_dsa) = signature.0.split_at(64);
        self.verify_ed25519(statement, ed25519).ok_or(VerifyError::Ed25519)?;
        self.verify_ml_dsa(statement, &context, ml_dsa).ok_or(VerifyError::MlDsa65)
    }

    pub(crate) const fn from_parts(
        ed25519: ed25519_dalek::VerifyingKey,
        ml_dsa: ml_dsa::VerifyingKey<MlDsa65>,
    ) -> Self {
        Self { ed25519, ml_dsa }
    }

    fn verify_ed25519(&self, statement: &[u8], signature: &[u8]) -> Option<()> {
        let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
        self.ed25519.verify_strict(statement, &signature).ok()
    }

    fn verify_ml_dsa(&self, statement: &[u8], context: &[u8], signature: &[u8]) -> Option<()> {
        let signature = EncodedSignature::<MlDsa65>::try_from(signature).ok()?;
        let signature = ml_dsa::Signature::decode(&signature)?;
        self.ml_dsa.verify_with_context(statement, context, &signature).then_some(())
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

/// An Ed25519 key, unless it is a second encoding of a point or one of the eight weak points.
///
/// Decompression alone reduces y modulo p, so nineteen values of y would have two encodings.
fn strict_ed25519(bytes: &[u8; 32]) -> Option<ed25519_dalek::VerifyingKey> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).ok()?;
    let canonical = key.to_edwards().compress().to_bytes() == *bytes;
    (canonical && !key.is_weak()).then_some(key)
}
