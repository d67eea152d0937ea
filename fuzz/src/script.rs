//! An input read as a script: whoever wants a number or bytes takes them off the front.
//!
//! A script that ended gives zeros, so every input means something and no prefix of one is refused.

/// The rest of an input.
#[derive(Clone, Copy, Debug)]
pub struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    /// Begins to read an input.
    #[must_use]
    pub const fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    /// Whether all of it was read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that was not read yet.
    #[must_use]
    pub const fn rest(self) -> &'a [u8] {
        self.0
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    /// Yes or no: the next byte is even.
    pub fn flag(&mut self) -> bool {
        self.byte().is_multiple_of(2)
    }

    /// The next two bytes, little-endian.
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    /// The next eight bytes, little-endian.
    pub fn long(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    /// A number below `count`, of two bytes; 0 if there is none.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.short()) % count.max(1)
    }

    /// One of several.
    pub fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[usize::from(self.byte()) % from.len()]
    }

    /// So many bytes, or as many as are left.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (now, later) = self.0.split_at(count.min(self.0.len()));
        self.0 = later;
        now
    }

    /// As many bytes as the next byte says, or as are left.
    pub fn piece(&mut self) -> &'a [u8] {
        let count = self.byte();
        self.bytes(count.into())
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let now = self.bytes(N);
        array[..now.len()].copy_from_slice(now);
        array
    }
}
