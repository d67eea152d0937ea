//! Hashes, the one composite signature, the statements it signs, and the vault's cipher.
//!
//! This crate does not know where keys are kept, what a counter's last value was or
//! whether a statement may be signed: the guardian does. It negotiates nothing:
//! suite 1 is Ed25519 *and* ML-DSA-65, and both must verify.
//!
//! ```
//! use ioi_crypto::statement::{Body, Statement};
//! use ioi_crypto::SecretKey;
//! use ioi_types::{BootId, LogId};
//!
//! let key = SecretKey::generate()?;
//! let statement = Statement {
//!     log: LogId([1; 16]),
//!     counter: 1,
//!     previous: [0; 32],
//!     boot: BootId([2; 16]),
//!     body: Body::AuditHead { size: 0, root: [0; 32] },
//! };
//! let bytes = statement.encode();
//! let signature = key.sign("audit-head", &bytes)?;
//! key.public().verify("audit-head", &bytes, &signature)?;
//! assert!(key.public().verify("approval", &bytes, &signature).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod aead;
mod domain;
pub mod hash;
mod key;
mod public;
mod random;
pub mod statement;

pub use domain::{KIND_BYTES_MAX, SUITE};
pub use hash::{Blake3, Sha256, blake3, sha256};
pub use key::{KeyError, SECRET_KEY_BYTES, SecretKey, SignError};
pub use public::{KeyId, PUBLIC_KEY_BYTES, PublicKey, SIGNATURE_BYTES, Signature, VerifyError};
pub use random::{RandomError, random};
