//! The pattern cache: the types that were seen.

use super::super::epochs::OwnEpochs;
use super::super::table::{OwnTable, PeerTable};
use super::{Late, PeerLate, Record, TableError, check_name, name_of};
use crate::{
    EPOCH_PATTERN, PATTERN_ENTRY_BYTES, PATTERN_ENTRY_KIND_OFFSET, PATTERN_ENTRY_NAME_BYTES,
    PATTERN_ENTRY_NAME_OFFSET, PATTERN_ENTRY_SCHEMA_HASH_OFFSET, PATTERN_ENTRY_TYPE_ID_OFFSET,
};
use ioi_shm::{OwnWords, PeerWords};
use std::sync::Arc;

const WORDS: usize = PATTERN_ENTRY_BYTES as usize / 8;
/// An entry is written once, so its type is a key that never comes back.
const KEY: u32 = PATTERN_ENTRY_TYPE_ID_OFFSET;

/// A type that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// As in handles, not 0.
    pub type_id: u32,
    /// `PATTERN_KIND_…`.
    pub kind: u32,
    /// What it is the beginning of.
    pub schema_hash: [u8; 32],
    /// At most 24 bytes.
    pub name: String,
}

impl Pattern {
    fn record(&self) -> Result<Record<WORDS>, TableError> {
        let mut record = Record::new();
        record
            .put_u32(PATTERN_ENTRY_TYPE_ID_OFFSET, self.type_id)
            .put_u32(PATTERN_ENTRY_KIND_OFFSET, self.kind)
            .put(PATTERN_ENTRY_SCHEMA_HASH_OFFSET, &self.schema_hash)
            .put(PATTERN_ENTRY_NAME_OFFSET, check_name(&self.name, PATTERN_ENTRY_NAME_BYTES)?);
        Ok(record)
    }

    fn of(record: &Record<WORDS>) -> Result<Self, TableError> {
        Ok(Pattern {
            type_id: record.u32(PATTERN_ENTRY_TYPE_ID_OFFSET),
            kind: record.u32(PATTERN_ENTRY_KIND_OFFSET),
            schema_hash: record.get(PATTERN_ENTRY_SCHEMA_HASH_OFFSET),
            name: name_of::<{ PATTERN_ENTRY_NAME_BYTES as usize }>(record.get(PATTERN_ENTRY_NAME_OFFSET))?,
        })
    }
}

/// The pattern cache, where it is written. An entry that is written stays.
#[derive(Debug)]
pub struct OwnPatterns {
    table: OwnTable<WORDS>,
    epochs: Arc<OwnEpochs>,
    late: Late,
    used: usize,
}

impl OwnPatterns {
    pub(in crate::native) fn new(words: OwnWords, epochs: Arc<OwnEpochs>, late: Late) -> Self {
        OwnPatterns { table: OwnTable::new(words, KEY), epochs, late, used: 0 }
    }

    /// Adds a type and raises the cache's epoch; says where it stands.
    ///
    /// # Errors
    /// [`TableError::Full`], [`TableError::Name`], [`TableError::Zero`] for type 0,
    /// [`TableError::Taken`] for one that is there, [`TableError::Memory`].
    pub fn add(&mut self, pattern: &Pattern) -> Result<usize, TableError> {
        if pattern.type_id == 0 {
            return Err(TableError::Zero);
        }
        let record = pattern.record()?;
        let is_same = |at: &usize| self.table.get(*at).u32(PATTERN_ENTRY_TYPE_ID_OFFSET) == pattern.type_id;
        if let Some(index) = (0..self.used).find(is_same) {
            return Err(TableError::Taken { index });
        }
        let index = self.used;
        if index == self.table.count() {
            return Err(TableError::Full { count: index });
        }
        self.late.allocate()?;
        self.table.set(index, &record);
        self.used += 1;
        self.epochs.raise(EPOCH_PATTERN);
        Ok(index)
    }
}

/// The pattern cache, where it is read.
#[derive(Debug)]
pub struct PeerPatterns {
    table: PeerTable<WORDS>,
    late: PeerLate,
}

impl PeerPatterns {
    pub(in crate::native) fn new(words: PeerWords, late: PeerLate) -> Self {
        PeerPatterns { table: PeerTable::new(words, KEY), late }
    }

    /// The entry of a type; of type 0, which no type is, none.
    ///
    /// # Errors
    /// [`TableError`] of that entry, or of one before it that can't be read.
    pub fn find(&self, type_id: u32) -> Result<Option<Pattern>, TableError> {
        if type_id == 0 || !self.late.is_there() {
            return Ok(None);
        }
        for index in 0..self.table.count() {
            let Some(record) = self.table.get(index)? else { return Ok(None) };
            if record.u32(PATTERN_ENTRY_TYPE_ID_OFFSET) == type_id {
                return Pattern::of(&record).map(Some);
            }
        }
        Ok(None)
    }
}
