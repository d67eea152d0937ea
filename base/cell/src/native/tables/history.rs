//! The history: the last jobs that are done.

use super::super::epochs::OwnEpochs;
use super::super::table::{OwnTable, PeerTable};
use super::{Late, PeerLate, Record, TableError};
use crate::{
    EPOCH_HISTORY, HISTORY_ENTRY_BYTES, HISTORY_ENTRY_COUNT, HISTORY_ENTRY_DIGEST_OFFSET,
    HISTORY_ENTRY_FINISHED_OFFSET, HISTORY_ENTRY_HANDLE_OFFSET, HISTORY_ENTRY_JOB_OFFSET,
    HISTORY_ENTRY_NUMBER_OFFSET, HISTORY_ENTRY_STATUS_OFFSET, HISTORY_ENTRY_TYPE_ID_OFFSET,
};
use ioi_shm::{Handle, OwnWords, PeerWords};
use std::sync::Arc;

const WORDS: usize = HISTORY_ENTRY_BYTES as usize / 8;
/// No number comes twice.
const KEY: u32 = HISTORY_ENTRY_NUMBER_OFFSET;

/// A job that is done; its number is what [`OwnHistory::add`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The job.
    pub job: u64,
    /// The host's monotonic clock, in nanoseconds.
    pub finished_ns: u64,
    /// 0 for success.
    pub status: u32,
    /// What the result is.
    pub type_id: u32,
    /// Where the result lies.
    pub handle: Handle,
    /// Of the result's bytes.
    pub digest: [u8; 32],
}

impl HistoryEntry {
    fn record(&self, number: u64) -> Record<WORDS> {
        let mut record = Record::new();
        record
            .put_u64(HISTORY_ENTRY_NUMBER_OFFSET, number)
            .put_u64(HISTORY_ENTRY_JOB_OFFSET, self.job)
            .put_u64(HISTORY_ENTRY_FINISHED_OFFSET, self.finished_ns)
            .put_u32(HISTORY_ENTRY_STATUS_OFFSET, self.status)
            .put_u32(HISTORY_ENTRY_TYPE_ID_OFFSET, self.type_id)
            .put(HISTORY_ENTRY_HANDLE_OFFSET, &self.handle.to_bytes())
            .put(HISTORY_ENTRY_DIGEST_OFFSET, &self.digest);
        record
    }

    fn of(record: &Record<WORDS>) -> Self {
        HistoryEntry {
            job: record.u64(HISTORY_ENTRY_JOB_OFFSET),
            finished_ns: record.u64(HISTORY_ENTRY_FINISHED_OFFSET),
            status: record.u32(HISTORY_ENTRY_STATUS_OFFSET),
            type_id: record.u32(HISTORY_ENTRY_TYPE_ID_OFFSET),
            handle: Handle::from_bytes(&record.get(HISTORY_ENTRY_HANDLE_OFFSET)),
            digest: record.get(HISTORY_ENTRY_DIGEST_OFFSET),
        }
    }
}

/// The history, where it is written.
#[derive(Debug)]
pub struct OwnHistory {
    table: OwnTable<WORDS>,
    epochs: Arc<OwnEpochs>,
    late: Late,
    last: u64,
}

impl OwnHistory {
    pub(in crate::native) fn new(words: OwnWords, epochs: Arc<OwnEpochs>, late: Late) -> Self {
        OwnHistory { table: OwnTable::new(words, KEY), epochs, late, last: 0 }
    }

    /// Adds a finished job over the oldest one; says its number, which counts up from 1.
    ///
    /// # Errors
    /// [`TableError::Memory`].
    pub fn add(&mut self, entry: &HistoryEntry) -> Result<u64, TableError> {
        self.late.allocate()?;
        let number = self.last + 1;
        self.table.set(place_of(number), &entry.record(number));
        self.last = number;
        self.epochs.raise(EPOCH_HISTORY);
        Ok(number)
    }
}

/// The history, where it is read.
#[derive(Debug)]
pub struct PeerHistory {
    table: PeerTable<WORDS>,
    late: PeerLate,
}

impl PeerHistory {
    pub(in crate::native) fn new(words: PeerWords, late: PeerLate) -> Self {
        PeerHistory { table: PeerTable::new(words, KEY), late }
    }

    /// The job with that number, if it is still there.
    ///
    /// # Errors
    /// [`TableError::Unsteady`].
    pub fn get(&self, number: u64) -> Result<Option<HistoryEntry>, TableError> {
        if number == 0 || !self.late.is_there() {
            return Ok(None);
        }
        let record = self.table.get(place_of(number))?;
        let record = record.filter(|record| record.u64(HISTORY_ENTRY_NUMBER_OFFSET) == number);
        Ok(record.as_ref().map(HistoryEntry::of))
    }
}

/// Job *n* lies in entry (*n* − 1) modulo their count.
const fn place_of(number: u64) -> usize {
    ((number - 1) % HISTORY_ENTRY_COUNT as u64) as usize
}
