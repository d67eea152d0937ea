//! Ids, digests, limits, error codes and decisions that every part shares: data only.
//!
//! This crate does not know how anything is computed, stored or sent. It holds
//! no traits and performs no input or output.
//!
//! ```
//! use ioi_types::{Digest, Verdict};
//! let digest: Digest = format!("sha256:{}", "ab".repeat(32)).parse().unwrap();
//! assert_eq!(digest.to_string().len(), 7 + 64);
//! assert!(Verdict::Deny > Verdict::Ask && Verdict::Ask > Verdict::Allow);
//! ```
#![forbid(unsafe_code)]

mod credential;
mod digest;
mod error;
pub mod exit;
pub mod hex;
mod id;
pub mod limits;
mod nearest;
mod verdict;

pub use credential::{CREDENTIAL_NAME_BYTES_MAX, CredentialNameError, check_credential_name};
pub use digest::{Digest, DigestAlgorithm, ParseDigestError};
pub use error::{ErrorCategory, ErrorCode};
pub use id::{BootId, LogId, ParseIdError, RegionId, SessionId, TransferId};
pub use nearest::nearest;
pub use verdict::{FlowClass, Verdict};
