//! How many words of 8 bytes things take in a Cap'n Proto message, and what is too large for one.

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

/// A list has 29 bits for its number of elements, and texts and data are lists of bytes.
const COUNT_MAX: usize = (1 << 29) - 1;

fn too_long(elements: usize) -> capnp::Error {
    capnp::Error::failed(format!("a list of {elements} elements, {COUNT_MAX} at most"))
}

/// The number of elements, if a list can have so many.
pub(super) fn count(elements: usize) -> capnp::Result<u32> {
    let count = u32::try_from(elements).ok().filter(|_| elements <= COUNT_MAX);
    count.ok_or_else(|| too_long(elements))
}

/// The text or data, if a list can hold it with a NUL.
pub(super) fn bounded<B: AsRef<[u8]> + ?Sized>(bytes: &B) -> capnp::Result<&B> {
    let count = bytes.as_ref().len();
    if count < COUNT_MAX { Ok(bytes) } else { Err(too_long(count)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_list_cannot_hold_is_an_error_and_never_a_panic() {
        assert_eq!(count(COUNT_MAX).unwrap() as usize, COUNT_MAX);
        assert!(count(COUNT_MAX + 1).is_err() && count(usize::MAX).is_err());
        // Never touched, so it takes no memory.
        let mut large = vec![0u8; COUNT_MAX];
        let error = bounded(&large).unwrap_err().to_string();
        assert!(error.contains("536870911 elements"), "{error}");
        large.truncate(COUNT_MAX - 1);
        assert!(bounded(&large).is_ok());
    }
}
