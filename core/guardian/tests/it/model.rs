//! What the tests compare with: roots by definition, and ids.

use ioi_crypto::sha256;
use ioi_types::{BootId, LogId};

pub(crate) const LOG: LogId =
    LogId([0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f]);
pub(crate) const BOOT: BootId =
    BootId([0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f]);

/// MTH of RFC 6962, section 2.1, over leaf hashes.
pub(crate) fn mth(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            sha256(&[&[1], &mth(left), &mth(right)])
        }
    }
}

/// The hash of a leaf that no other number has.
pub(crate) fn leaf(number: u64) -> [u8; 32] {
    sha256(&[&[0], &number.to_le_bytes()])
}

pub(crate) fn leaves(count: usize) -> Vec<[u8; 32]> {
    (0..count as u64).map(leaf).collect()
}
