//! A part of a region, as plain data that crosses a wall.

use core::fmt;
use core::ops::Range;

/// Length of an encoded [`Handle`].
pub const HANDLE_BYTES: usize = 32;
/// An offset is a multiple of this, so that every type is aligned: one cache line.
pub const HANDLE_ALIGN: u64 = 64;

/// Names `length` bytes of a region. From a peer it is a claim, good for nothing
/// before [`Handle::locate`] has held it against what this side knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle {
    /// The region's number in the session.
    pub region: u64,
    /// Grows with every lease of the region.
    pub generation: u32,
    /// What the bytes are; 0 for plain bytes.
    pub type_id: u32,
    /// Where they start, in bytes from the start of the region.
    pub offset: u64,
    /// How many there are, in bytes.
    pub length: u64,
}

impl Handle {
    /// Little-endian, in the order of the fields.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HANDLE_BYTES] {
        let mut bytes = [0; HANDLE_BYTES];
        bytes[..8].copy_from_slice(&self.region.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.generation.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.type_id.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.offset.to_le_bytes());
        bytes[24..].copy_from_slice(&self.length.to_le_bytes());
        bytes
    }

    /// Any 32 bytes are some handle.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; HANDLE_BYTES]) -> Handle {
        let u64_at = |at: usize| u64::from_le_bytes(core::array::from_fn(|i| bytes[at + i]));
        let u32_at = |at: usize| u32::from_le_bytes(core::array::from_fn(|i| bytes[at + i]));
        Handle {
            region: u64_at(0),
            generation: u32_at(8),
            type_id: u32_at(12),
            offset: u64_at(16),
            length: u64_at(24),
        }
    }

    /// The bytes it names, if they are a lawful part of `bounds` of region `region`.
    ///
    /// `bounds` is the arena: what lies before it (control words, tables) is never a
    /// lease. Says nothing of generations; [`Arena`](crate::Arena) and
    /// [`Held`](crate::Held) do.
    ///
    /// # Errors
    /// [`HandleError`] by the first rule that it breaks.
    pub fn locate(&self, region: u64, bounds: Range<u64>) -> Result<Range<u64>, HandleError> {
        if self.region != region {
            return Err(HandleError::Region { region: self.region, region_known: region });
        }
        if self.length == 0 {
            return Err(HandleError::Empty);
        }
        if !self.offset.is_multiple_of(HANDLE_ALIGN) {
            return Err(HandleError::Misaligned { offset: self.offset });
        }
        let outside = HandleError::Outside { offset: self.offset, length: self.length };
        let end = self.offset.checked_add(self.length).ok_or(outside)?;
        if self.offset < bounds.start || end > bounds.end {
            return Err(outside);
        }
        Ok(self.offset..end)
    }
}

/// A handle that names nothing this side has given out or may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandleError {
    /// Another region, or one that does not exist.
    Region {
        /// The region it names.
        region: u64,
        /// The region it was held against.
        region_known: u64,
    },
    /// No bytes at all.
    Empty,
    /// It does not start at a multiple of 64.
    Misaligned {
        /// Where it starts.
        offset: u64,
    },
    /// It does not lie within the arena.
    Outside {
        /// Where it starts.
        offset: u64,
        /// How long it is, in bytes.
        length: u64,
    },
    /// Nothing is leased there in that generation: given back before, or never lent.
    Stale {
        /// Its generation.
        generation: u32,
    },
    /// It lies on bytes that another lease holds.
    Overlaps {
        /// Where it starts.
        offset: u64,
        /// How long it is, in bytes.
        length: u64,
    },
    /// Too many leases, or too many bytes, are held already.
    Quota {
        /// Leases held.
        leases: usize,
        /// Bytes held.
        bytes: u64,
    },
}

impl fmt::Display for HandleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Region { region, region_known } => {
                write!(f, "the handle names region {region}, not {region_known}")
            }
            Self::Empty => f.write_str("the handle names no bytes"),
            Self::Misaligned { offset } => {
                write!(f, "the handle starts at {offset}, not at a multiple of {HANDLE_ALIGN}")
            }
            Self::Outside { offset, length } => {
                write!(f, "{length} bytes at offset {offset} do not lie within the arena")
            }
            Self::Stale { generation } => {
                write!(f, "nothing is leased there in generation {generation}")
            }
            Self::Overlaps { offset, length } => {
                write!(f, "{length} bytes at offset {offset} overlap another lease")
            }
            Self::Quota { leases, bytes } => {
                write!(f, "the quota is used up: {leases} leases with {bytes} bytes are held")
            }
        }
    }
}

impl core::error::Error for HandleError {}
