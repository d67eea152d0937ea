//! `ContextSlice`: the passages that an answer is read from, laid out to be
//! viewed in place.
//!
//! The workload writes it into a region, the supervisor seals that region, and
//! readers validate and view it where it lies. A view exists only over sealed
//! bytes, so what was validated is what is read.

use crate::types::ALIGN_BYTES;
pub use crate::types::{ArchivedChunk, ArchivedContextSlice, Chunk, ContextSlice, ViewError as ContextError};
use rkyv::util::AlignedVec;

/// The slice's bytes, to be copied into a region whose start is 16-byte aligned.
///
/// # Errors
/// On a slice that would be longer than [`BYTES_MAX`](crate::types::BYTES_MAX), and when memory runs out.
pub fn encode(slice: &ContextSlice) -> Result<AlignedVec<ALIGN_BYTES>, ContextError> {
    crate::types::encode(slice)
}

/// Validates every pointer, length and string, then views the slice in place.
///
/// # Errors
/// On bytes that are not a valid slice, and on a start that is not aligned.
pub fn view(bytes: &[u8]) -> Result<&ArchivedContextSlice, ContextError> {
    crate::types::view::<ContextSlice>(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> ContextSlice {
        ContextSlice {
            slice_id: 1,
            question: "What is sealed?".into(),
            chunks: vec![Chunk {
                path: "a/b.md".into(),
                document_digest: [7; 32],
                offset: 12,
                score: 99,
                text: "The region is sealed before it is shared.".into(),
                heading: "Regions".into(),
            }],
            labels: vec!["untrusted".into()],
            ..ContextSlice::default()
        }
    }

    fn aligned(bytes: &[u8]) -> rkyv::util::AlignedVec<16> {
        let mut out = rkyv::util::AlignedVec::new();
        out.extend_from_slice(bytes);
        out
    }

    #[test]
    fn a_view_shows_exactly_what_was_written() {
        let bytes = aligned(&encode(&example()).unwrap());
        assert_eq!(crate::types::read::<ContextSlice>(&bytes).unwrap(), example());
    }

    #[test]
    fn no_changed_byte_and_no_cut_makes_a_view_panic_or_leave_its_bytes() {
        let good = encode(&example()).unwrap();
        for at in 0..good.len() {
            for flip in [1u8, 0x80, 0xff] {
                let mut bad = aligned(&good);
                bad[at] ^= flip;
                if let Ok(slice) = view(&bad) {
                    let total: usize =
                        slice.chunks.iter().map(|chunk| chunk.text.len() + chunk.path.len()).sum();
                    assert!(total <= good.len());
                }
            }
            let _ = view(&aligned(&good[..at])).map(|slice| slice.chunks.len());
        }
    }

    #[test]
    fn a_pointer_outside_the_bytes_is_refused() {
        let good = encode(&example()).unwrap();
        // The root lies at the end; an empty body leaves its pointers dangling.
        let root = size_of::<ArchivedContextSlice>();
        assert!(view(&aligned(&good[good.len() - root..])).is_err());
    }
}
