//! Why no text came out.

use crate::sniff::Media;
use ioi_types::ErrorCode;

/// Why no text could be taken out of a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// The file is of a kind that this crate takes no text from.
    #[error("the file is {kind}, which holds no text that can be read")]
    NotText {
        /// The kind, with its article.
        kind: &'static str,
    },
    /// The file is of a known kind and broken, or uses what is not supported.
    #[error("the {media} document can't be read: {reason}")]
    Failed {
        /// What it claims to be.
        media: Media,
        /// One clause.
        reason: String,
    },
    /// The document would take more than the caller's limits.
    #[error("the {media} document unfolds to more than {bytes_max} bytes")]
    Bomb {
        /// What it is.
        media: Media,
        /// The limit that it broke.
        bytes_max: usize,
    },
}

impl ExtractError {
    pub(crate) fn failed(media: Media, reason: impl Into<String>) -> Self {
        Self::Failed { media, reason: reason.into() }
    }

    pub(crate) fn bomb(media: Media, bytes_max: usize) -> Self {
        Self::Bomb { media, bytes_max }
    }

    /// The code under which it crosses a process.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Bomb { .. } => ErrorCode::ExtractBomb,
            Self::NotText { .. } | Self::Failed { .. } => ErrorCode::ExtractFailed,
        }
    }
}
