//! SHA-256 (FIPS 180-4) for what a receipt's reader recomputes, BLAKE3 for bulk data.

use ioi_types::Digest;
use sha2::Digest as _;

/// SHA-256 over the parts, one after the other, as if they were one byte string.
///
/// The borders between parts do not enter the hash: a caller whose parts have
/// variable lengths must write the lengths too.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = sha2::Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// BLAKE3 with its default 32-byte output.
#[must_use]
pub fn blake3(bytes: &[u8]) -> Digest {
    Digest::blake3(*::blake3::hash(bytes).as_bytes())
}

/// SHA-256 of bytes that come in pieces.
#[derive(Clone, Debug, Default)]
pub struct Sha256(sha2::Sha256);

impl Sha256 {
    /// Nothing hashed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }

    /// The digest of everything that was added.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest::sha256(self.0.finalize().into())
    }
}

/// BLAKE3 of bytes that come in pieces.
#[derive(Clone, Debug, Default)]
pub struct Blake3(::blake3::Hasher);

impl Blake3 {
    /// Nothing hashed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }

    /// The digest of everything that was added.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest::blake3(*self.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_digests_of_abc_come_out() {
        // FIPS 180-4 example, and the BLAKE3 reference implementation's output.
        let sha = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let blake = "blake3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";
        assert_eq!(Digest::sha256(sha256(&[b"abc"])).to_string(), sha);
        assert_eq!(blake3(b"abc").to_string(), blake);
    }

    #[test]
    fn pieces_hash_like_the_whole() {
        let bytes: Vec<u8> = (0..5000_u32).map(|number| (number % 251) as u8).collect();
        for cut in [0, 1, 63, 64, 65, 1024, 4096, 5000] {
            let (left, right) = bytes.split_at(cut);
            let (mut sha, mut blake) = (Sha256::new(), Blake3::new());
            sha.update(left).update(right);
            blake.update(left).update(right);
            assert_eq!(sha.finish().bytes, sha256(&[&bytes]));
            assert_eq!(sha256(&[left, right]), sha256(&[&bytes]));
            assert_eq!(blake.finish(), blake3(&bytes));
        }
    }
}
