//! How many words of 8 bytes things take in a Cap'n Proto message.

const WORD_BYTES: usize = 8;

/// With the NUL at its end.
pub(super) fn text(text: impl AsRef<str>) -> usize {
    (text.as_ref().len() + 1).div_ceil(WORD_BYTES)
}

pub(super) fn data(data: impl AsRef<[u8]>) -> usize {
    data.as_ref().len().div_ceil(WORD_BYTES)
}

/// Of numbers or pointers, without what the pointers lead to.
pub(super) fn list(count: usize, element_bytes: usize) -> usize {
    count.saturating_mul(element_bytes).div_ceil(WORD_BYTES)
}
