//! A digest that carries the name of its algorithm.

use crate::hex;
use std::fmt;
use std::str::FromStr;

/// The two hash functions in use.
///
/// SHA-256 (FIPS 180-4) for everything a receipt's reader recomputes, since
/// every language's standard library has it; BLAKE3 for bulk data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DigestAlgorithm {
    /// FIPS 180-4 SHA-256.
    Sha256,
    /// BLAKE3 with its default 32-byte output.
    Blake3,
}

impl DigestAlgorithm {
    /// The name that stands before the colon.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Blake3 => "blake3",
        }
    }
}

/// 32 bytes and the name of the function that made them: `sha256:<64 hex digits>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    /// Which function.
    pub algorithm: DigestAlgorithm,
    /// Its output.
    pub bytes: [u8; 32],
}

impl Digest {
    /// A SHA-256 digest from its bytes.
    #[must_use]
    pub const fn sha256(bytes: [u8; 32]) -> Self {
        Self { algorithm: DigestAlgorithm::Sha256, bytes }
    }

    /// A BLAKE3 digest from its bytes.
    #[must_use]
    pub const fn blake3(bytes: [u8; 32]) -> Self {
        Self { algorithm: DigestAlgorithm::Blake3, bytes }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), hex::encode(&self.bytes))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not `sha256:` or `blake3:` followed by 64 lowercase hex digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseDigestError;

impl fmt::Display for ParseDigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a digest is `sha256:` or `blake3:` and 64 lowercase hexadecimal digits")
    }
}

impl std::error::Error for ParseDigestError {}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, ParseDigestError> {
        let (name, digits) = text.split_once(':').ok_or(ParseDigestError)?;
        let bytes = hex::decode_array(digits).ok_or(ParseDigestError)?;
        match name {
            "sha256" => Ok(Self::sha256(bytes)),
            "blake3" => Ok(Self::blake3(bytes)),
            _ => Err(ParseDigestError),
        }
    }
}
