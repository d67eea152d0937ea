//! What a file holds, by this process's own reading.
//!
//! A plugin that reads a document could hand on other bytes than the file's.
//! So the very descriptor that it gets is hashed here first, and the workload
//! takes no bytes whose digest is another. Hashing is not parsing: whatever the
//! bytes are, they only pass through BLAKE3.

use ioi_types::Digest;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Files up to this size have a digest: more than any document that is taken.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// Smaller files are hashed at once: handing them to a thread would cost more.
const AT_ONCE_BYTES: u64 = 64 * 1024;
const READ_BYTES: usize = 64 * 1024;
/// Larger files hashed at the same time.
const HASHING_MAX: usize = 4;

/// Hashes files, a bounded number at the same time.
#[derive(Clone)]
pub(crate) struct Witness {
    turns: Arc<Semaphore>,
}

impl Default for Witness {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(HASHING_MAX)) }
    }
}

impl Witness {
    /// The file's digest, `None` for one that is too large; gives the descriptor back unmoved.
    ///
    /// # Errors
    /// Those of reading, also when there are not `size` bytes.
    pub(crate) async fn look(&self, file: OwnedFd, size: u64) -> io::Result<(OwnedFd, Option<Digest>)> {
        let file = File::from(file);
        let look = move || digest(&file, size).map(|digest| (file.into(), digest));
        if size <= AT_ONCE_BYTES || size > FILE_BYTES_MAX {
            return look();
        }
        let _turn = self.turns.acquire().await.map_err(io::Error::other)?;
        tokio::task::spawn_blocking(look).await.map_err(io::Error::other)?
    }
}

/// BLAKE3 over `size` bytes. Reads at offsets: the position belongs to whoever gets the descriptor.
pub(crate) fn digest(file: &File, size: u64) -> io::Result<Option<Digest>> {
    if size > FILE_BYTES_MAX {
        return Ok(None);
    }
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; READ_BYTES.min(usize::try_from(size + 1).unwrap_or(READ_BYTES))];
    let mut offset = 0;
    loop {
        let length = match file.read_at(&mut buffer, offset) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        offset += length as u64;
        if offset > size || (length == 0 && offset < size) {
            let message = format!("it does not hold the {size} bytes that it had when it was opened");
            return Err(io::Error::other(message));
        }
        if length == 0 {
            return Ok(Some(Digest::blake3(*hasher.finalize().as_bytes())));
        }
        hasher.update(&buffer[..length]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[tokio::test]
    async fn every_size_has_the_digest_of_exactly_its_bytes() {
        for size in [0, 1, READ_BYTES - 1, READ_BYTES, READ_BYTES + 1, 1_000_000] {
            let bytes: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
            let descriptor = file(&bytes).into();
            let (_, digest) = Witness::default().look(descriptor, size as u64).await.unwrap();
            assert_eq!(digest, Some(ioi_crypto::blake3(&bytes)), "{size}");
        }
    }

    #[test]
    fn a_file_that_grew_or_shrank_has_no_digest() {
        let file = file(b"twelve bytes");
        assert!(digest(&file, 11).is_err());
        assert!(digest(&file, 13).is_err());
        assert_eq!(digest(&file, 12).unwrap(), Some(ioi_crypto::blake3(b"twelve bytes")));
    }

    #[test]
    fn a_file_beyond_the_bound_is_not_read() {
        assert_eq!(digest(&file(b""), FILE_BYTES_MAX + 1).unwrap(), None);
    }
}
