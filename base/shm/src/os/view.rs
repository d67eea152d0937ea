//! Sealed memory, read in place.

use super::mapping::Mapping;
use std::fmt;
use std::ops::Deref;

/// A sealed file mapped read-only: bytes that nobody can change any more.
///
/// Made by [`Sealed::map`](crate::Sealed::map). Starts at a page boundary, so an
/// offset has the alignment of its address. Lives on its own: the `Sealed` may go.
pub struct View {
    mapping: Mapping,
}

impl View {
    /// # Safety
    /// The mapped file is sealed against writing and cutting, and as long as the mapping.
    pub(crate) unsafe fn over_sealed(mapping: Mapping) -> View {
        View { mapping }
    }

    /// The `length` bytes from `offset`; both come from a peer and may be anything.
    ///
    /// An empty slice is fine anywhere up to the end.
    ///
    /// # Errors
    /// [`RangeError`] when the range does not lie within the view.
    pub fn slice(&self, offset: u64, length: u64) -> Result<&[u8], RangeError> {
        let wrong = RangeError { offset, length, bytes: self.len() as u64 };
        let end = offset.checked_add(length).ok_or(wrong)?;
        let start = usize::try_from(offset).map_err(|_| wrong)?;
        let end = usize::try_from(end).map_err(|_| wrong)?;
        self.get(start..end).ok_or(wrong)
    }
}

impl Deref for View {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the mapping is `bytes` long and readable until dropped, which this
        // borrow prevents. Whoever made the view upheld that the file is sealed, so no
        // process can write, punch or cut the bytes beneath.
        unsafe { std::slice::from_raw_parts(self.mapping.start().as_ptr(), self.mapping.bytes()) }
    }
}

impl AsRef<[u8]> for View {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("bytes", &self.len()).finish()
    }
}

/// A range that does not lie within the memory it was meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeError {
    /// Where the range was to start.
    pub offset: u64,
    /// How long it was to be, in bytes.
    pub length: u64,
    /// How many bytes there are.
    pub bytes: u64,
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RangeError { offset, length, bytes } = self;
        write!(f, "{length} bytes at offset {offset} do not lie within a region of {bytes} bytes")
    }
}

impl std::error::Error for RangeError {}
