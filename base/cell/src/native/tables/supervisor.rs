//! The supervisor table: the map's parts.

use super::Record;
use crate::{
    SUPERVISOR_ENTRY_BYTES, SUPERVISOR_ENTRY_BYTES_OFFSET, SUPERVISOR_ENTRY_FLAGS_OFFSET,
    SUPERVISOR_ENTRY_OFFSET_OFFSET, SUPERVISOR_ENTRY_SECTION_OFFSET,
};
use ioi_shm::sync::Ordering;
use ioi_shm::{OwnWords, PeerWords};

const WORDS: usize = SUPERVISOR_ENTRY_BYTES as usize / 8;

/// One part of the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SupervisorEntry {
    /// One of the `SECTION_…` numbers.
    pub section: u32,
    /// Who writes it: `SUPERVISOR_FLAG_…`.
    pub flags: u32,
    /// From the base of the map.
    pub offset: u32,
    /// Its size.
    pub bytes: u32,
}

/// The table of the map's parts, where it is read. The host writes it once, before the peer is there,
/// so its epoch is never raised.
#[derive(Debug)]
pub struct PeerSupervisor(PeerWords);

pub(in crate::native) fn write_supervisor(words: &OwnWords, entries: &[SupervisorEntry]) {
    for (words, entry) in words.u64s().chunks_exact(WORDS).zip(entries) {
        let mut record = Record::<WORDS>::new();
        record
            .put_u32(SUPERVISOR_ENTRY_SECTION_OFFSET, entry.section)
            .put_u32(SUPERVISOR_ENTRY_FLAGS_OFFSET, entry.flags)
            .put_u32(SUPERVISOR_ENTRY_OFFSET_OFFSET, entry.offset)
            .put_u32(SUPERVISOR_ENTRY_BYTES_OFFSET, entry.bytes);
        words.iter().zip(record.0).for_each(|(word, value)| word.store(value, Ordering::Release));
    }
}

impl PeerSupervisor {
    pub(in crate::native) fn new(words: PeerWords) -> Self {
        PeerSupervisor(words)
    }

    /// The entries, in the order of the map.
    #[must_use]
    pub fn entries(&self) -> Vec<SupervisorEntry> {
        let words = self.0.u64s();
        let entry = |at: usize| {
            let load = |word| words.load(at * WORDS + word, Ordering::Acquire);
            let record = Record::<WORDS>(std::array::from_fn(load));
            SupervisorEntry {
                section: record.u32(SUPERVISOR_ENTRY_SECTION_OFFSET),
                flags: record.u32(SUPERVISOR_ENTRY_FLAGS_OFFSET),
                offset: record.u32(SUPERVISOR_ENTRY_OFFSET_OFFSET),
                bytes: record.u32(SUPERVISOR_ENTRY_BYTES_OFFSET),
            }
        };
        (0..words.count() / WORDS).map(entry).collect()
    }
}
