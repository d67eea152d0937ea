//! An entry of a table as words, by the offsets of its fields.

/// `WORDS` words of 8 bytes; fields lie at byte offsets, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<const WORDS: usize>(pub(super) [u64; WORDS]);

impl<const WORDS: usize> Record<WORDS> {
    pub(super) const fn new() -> Self {
        Record([0; WORDS])
    }

    /// Puts a field's bytes where it lies.
    pub(super) fn put(&mut self, offset: u32, bytes: &[u8]) -> &mut Self {
        for (at, byte) in (offset as usize..).zip(bytes) {
            let shift = at % 8 * 8;
            self.0[at / 8] = self.0[at / 8] & !(0xff << shift) | u64::from(*byte) << shift;
        }
        self
    }

    pub(super) fn put_u32(&mut self, offset: u32, value: u32) -> &mut Self {
        self.put(offset, &value.to_le_bytes())
    }

    pub(super) fn put_u64(&mut self, offset: u32, value: u64) -> &mut Self {
        self.put(offset, &value.to_le_bytes())
    }

    /// A field's bytes.
    pub(super) fn get<const BYTES: usize>(&self, offset: u32) -> [u8; BYTES] {
        std::array::from_fn(|at| {
            let at = offset as usize + at;
            self.0[at / 8].to_le_bytes()[at % 8]
        })
    }

    pub(super) fn u32(&self, offset: u32) -> u32 {
        u32::from_le_bytes(self.get(offset))
    }

    pub(super) fn u64(&self, offset: u32) -> u64 {
        u64::from_le_bytes(self.get(offset))
    }
}
