//! The secret half of a composite key.
//!
//! Encoding, 65 bytes: suite u8 = 1 ‖ Ed25519 seed, 32 bytes (RFC 8032) ‖ ML-DSA-65
//! seed ξ, 32 bytes (FIPS 204, Algorithm 1). The two seeds are independent.

use crate::domain::{self, SUITE};
use crate::public::{PublicKey, Signature};
use crate::random::RandomError;
use ed25519_dalek::Signer as _;
use getrandom::SysRng;
use ml_dsa::{Keypair as _, MlDsa65};
use std::fmt;
use zeroize::Zeroizing;

/// The length of a secret key's encoding, in bytes.
pub const SECRET_KEY_BYTES: usize = 65;

/// The bytes are not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// Not the length of such a key.
    Length {
        /// How many bytes were given.
        bytes: usize,
    },
    /// A suite that this version does not have.
    Suite {
        /// The suite that was read.
        suite: u8,
    },
    /// A seed of zeros, which is what a file that was never written holds.
    ZeroSeed,
    /// An Ed25519 key that is no point, not canonical, or of small order.
    Ed25519,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { bytes } => write!(f, "{bytes} bytes are not the length of this key"),
            Self::Suite { suite } => write!(f, "signature suite {suite} is not known, only {SUITE} is"),
            Self::ZeroSeed => f.write_str("the key's seed is all zeros"),
            Self::Ed25519 => f.write_str("the Ed25519 key is not a canonical point of large order"),
        }
    }
}

impl std::error::Error for KeyError {}

/// A statement could not be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// The statement does not begin with the domain of this kind, or the kind has no valid name.
    Domain {
        /// The kind that was named.
        kind: String,
    },
    /// The signer failed, as it does when the operating system gives no random bytes.
    Unavailable,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain { kind } => write!(f, "the bytes to be signed are no statement of kind {kind:?}"),
            Self::Unavailable => f.write_str("no signature could be made: no random bytes"),
        }
    }
}

impl std::error::Error for SignError {}

/// Both secret keys of suite 1, expanded and ready to sign. Wiped when dropped.
pub struct SecretKey {
    ed25519: ed25519_dalek::SigningKey,
    ml_dsa: ml_dsa::SigningKey<MlDsa65>,
}

impl SecretKey {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn generate() -> Result<Self, RandomError> {
        // Filled in place, so that no unwiped copy stays behind on the stack.
        let mut seeds = Zeroizing::new([[0; 32]; 2]);
        getrandom::fill(seeds.as_flattened_mut()).map_err(|_| RandomError)?;
        Ok(Self::from_seeds(&seeds[0], &seeds[1]))
    }

    /// Reads what [`SecretKey::to_bytes`] wrote.
    ///
    /// # Errors
    /// Another length, an unknown suite, or a seed of zeros.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let length = KeyError::Length { bytes: bytes.len() };
        let bytes: &[u8; SECRET_KEY_BYTES] = bytes.try_into().map_err(|_| length)?;
        let [suite, seeds @ ..] = bytes;
        if *suite != SUITE {
            return Err(KeyError::Suite { suite: *suite });
        }
        let ([ed25519, ml_dsa], []) = seeds.as_chunks::<32>() else { return Err(length) };
        if *ed25519 == [0; 32] || *ml_dsa == [0; 32] {
            return Err(KeyError::ZeroSeed);
        }
        Ok(Self::from_seeds(ed25519, ml_dsa))
    }

    /// The encoding; wiped when dropped.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; SECRET_KEY_BYTES]> {
        let mut bytes = Zeroizing::new([0; SECRET_KEY_BYTES]);
        bytes[0] = SUITE;
        bytes[1..33].copy_from_slice(self.ed25519.as_bytes());
        bytes[33..].copy_from_slice(self.ml_dsa.as_seed());
        bytes
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey::from_parts(self.ed25519.verifying_key(), self.ml_dsa.verifying_key())
    }

    /// Signs a statement with both keys; `kind` is the ML-DSA context after "ioi/v1/".
    ///
    /// The ML-DSA half is hedged with fresh randomness (FIPS 204, section 3.4), so two
    /// signatures of one statement differ, and both verify.
    ///
    /// # Errors
    /// A statement that does not begin with this kind's domain, or no randomness.
    pub fn sign(&self, kind: &str, statement: &[u8]) -> Result<Signature, SignError> {
        let context = domain::context(kind, statement);
        let context = context.ok_or_else(|| SignError::Domain { kind: kind.to_owned() })?;
        let expanded = self.ml_dsa.expanded_key();
        let ml_dsa = expanded.sign_randomized(statement, &context, &mut SysRng);
        let ml_dsa = ml_dsa.map_err(|_| SignError::Unavailable)?;
        Ok(Signature::from_parts(&self.ed25519.sign(statement), &ml_dsa))
    }

    fn from_seeds(ed25519: &[u8; 32], ml_dsa: &[u8; 32]) -> Self {
        Self {
            ed25519: ed25519_dalek::SigningKey::from_bytes(ed25519),
            ml_dsa: ml_dsa::SigningKey::from_seed(ml_dsa.into()),
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.public().id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_key_round_trips_and_keeps_its_identity() {
        let key = SecretKey::generate().unwrap();
        let again = SecretKey::from_bytes(&*key.to_bytes()).unwrap();
        assert_eq!(key.public().id(), again.public().id());
        assert_eq!(key.to_bytes(), again.to_bytes());
    }

    #[test]
    fn two_generated_keys_differ_in_both_halves() {
        let (a, b) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
        assert_ne!(a.to_bytes()[1..33], b.to_bytes()[1..33]);
        assert_ne!(a.to_bytes()[33..], b.to_bytes()[33..]);
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        let good = [&[1][..], &[5; 64]].concat();
        assert!(SecretKey::from_bytes(&good).is_ok());
        let refused = |bytes: &[u8]| SecretKey::from_bytes(bytes).unwrap_err();
        assert_eq!(refused(&[]), KeyError::Length { bytes: 0 });
        assert_eq!(refused(&good[..64]), KeyError::Length { bytes: 64 });
        assert_eq!(refused(&[&good[..], &[0]].concat()), KeyError::Length { bytes: 66 });
        assert_eq!(refused(&[0; 65]), KeyError::Suite { suite: 0 });
        assert_eq!(refused(&[&[2][..], &[5; 64]].concat()), KeyError::Suite { suite: 2 });
        assert_eq!(refused(&[&[1][..], &[0; 32], &[5; 32]].concat()), KeyError::ZeroSeed);
        assert_eq!(refused(&[&[1][..], &[5; 32], &[0; 32]].concat()), KeyError::ZeroSeed);
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let key = SecretKey::from_bytes(&[&[1][..], &[0xab; 64]].concat()).unwrap();
        assert!(!format!("{key:?}").contains("abab"));
    }

    #[test]
    fn bytes_outside_the_kinds_domain_are_not_signed() {
        let key = SecretKey::generate().unwrap();
        assert!(matches!(key.sign("vote", b"GET / HTTP/1.1"), Err(SignError::Domain { .. })));
        assert!(matches!(key.sign("vote", b"ioi/v1/audit-head\0\x01"), Err(SignError::Domain { .. })));
    }
}
