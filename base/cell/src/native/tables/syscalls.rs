//! The syscall table: the peer's calls in flight.

use super::super::epochs::OwnEpochs;
use super::super::table::{OwnTable, PeerTable};
use super::{Record, TableError, check, next_change};
use crate::{
    EPOCH_SYSCALL, SYSCALL_ENTRY_BYTES, SYSCALL_ENTRY_CALL_OFFSET, SYSCALL_ENTRY_DEADLINE_OFFSET,
    SYSCALL_ENTRY_HANDLE_OFFSET, SYSCALL_ENTRY_METHOD_OFFSET, SYSCALL_ENTRY_MODULE_OFFSET,
    SYSCALL_ENTRY_RESERVED_OFFSET, SYSCALL_ENTRY_STATE_OFFSET,
};
use ioi_shm::{Handle, OwnWords, PeerWords};
use std::sync::Arc;

const WORDS: usize = SYSCALL_ENTRY_BYTES as usize / 8;
/// Counts the changes of one entry: a call that changes its state keeps its number, so the number alone
/// is no key. It is the upper half of its word.
const CHANGES: u32 = SYSCALL_ENTRY_RESERVED_OFFSET;
const KEY: u32 = SYSCALL_ENTRY_MODULE_OFFSET;
const _: () = assert!(CHANGES == KEY + 4 && KEY.is_multiple_of(8), "module and changes are one word");

/// A call in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syscall {
    /// Its number, not 0, never used twice.
    pub call: u64,
    /// What is asked.
    pub method: u32,
    /// One of the `SYSCALL_STATE_…` numbers.
    pub state: u32,
    /// Who asks.
    pub module: u32,
    /// The caller's monotonic clock, in nanoseconds.
    pub deadline_ns: u64,
    /// Its arguments.
    pub handle: Handle,
}

impl Syscall {
    fn record(&self, changes: u32) -> Record<WORDS> {
        let mut record = Record::new();
        record
            .put_u64(SYSCALL_ENTRY_CALL_OFFSET, self.call)
            .put_u32(SYSCALL_ENTRY_METHOD_OFFSET, self.method)
            .put_u32(SYSCALL_ENTRY_STATE_OFFSET, self.state)
            .put_u32(SYSCALL_ENTRY_MODULE_OFFSET, self.module)
            .put_u32(CHANGES, changes)
            .put_u64(SYSCALL_ENTRY_DEADLINE_OFFSET, self.deadline_ns)
            .put(SYSCALL_ENTRY_HANDLE_OFFSET, &self.handle.to_bytes());
        record
    }

    fn of(record: &Record<WORDS>) -> Self {
        Syscall {
            call: record.u64(SYSCALL_ENTRY_CALL_OFFSET),
            method: record.u32(SYSCALL_ENTRY_METHOD_OFFSET),
            state: record.u32(SYSCALL_ENTRY_STATE_OFFSET),
            module: record.u32(SYSCALL_ENTRY_MODULE_OFFSET),
            deadline_ns: record.u64(SYSCALL_ENTRY_DEADLINE_OFFSET),
            handle: Handle::from_bytes(&record.get(SYSCALL_ENTRY_HANDLE_OFFSET)),
        }
    }
}

/// The syscall table, where it is written: by the caller.
#[derive(Debug)]
pub struct OwnSyscalls {
    table: OwnTable<WORDS>,
    epochs: Arc<OwnEpochs>,
}

impl OwnSyscalls {
    pub(in crate::native) fn new(words: OwnWords, epochs: Arc<OwnEpochs>) -> Self {
        OwnSyscalls { table: OwnTable::new(words, KEY), epochs }
    }

    /// Writes a call where the entry of its number is, or else into a free one; says which.
    ///
    /// # Errors
    /// [`TableError::Full`], [`TableError::Zero`].
    pub fn set(&self, call: &Syscall) -> Result<usize, TableError> {
        if call.call == 0 {
            return Err(TableError::Zero);
        }
        let holds =
            |number: u64| self.table.position(|record| record.u64(SYSCALL_ENTRY_CALL_OFFSET) == number);
        let full = TableError::Full { count: self.table.count() };
        let index = holds(call.call).or_else(|| holds(0)).ok_or(full)?;
        self.write(index, |changes| call.record(changes));
        Ok(index)
    }

    /// Takes a call out that is over.
    ///
    /// # Errors
    /// [`TableError::Index`].
    pub fn remove(&self, index: usize) -> Result<(), TableError> {
        check(index, self.table.count())?;
        self.write(index, |changes| *Record::new().put_u32(CHANGES, changes));
        Ok(())
    }

    fn write(&self, index: usize, record: impl FnOnce(u32) -> Record<WORDS>) {
        let changes = next_change(self.table.get(index).u32(CHANGES));
        self.table.set(index, &record(changes));
        self.epochs.raise(EPOCH_SYSCALL);
    }
}

/// The syscall table, where it is read.
#[derive(Debug)]
pub struct PeerSyscalls(PeerTable<WORDS>);

impl PeerSyscalls {
    pub(in crate::native) fn new(words: PeerWords) -> Self {
        PeerSyscalls(PeerTable::new(words, KEY))
    }

    /// Call `index`, if one is there.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn get(&self, index: usize) -> Result<Option<Syscall>, TableError> {
        check(index, self.0.count())?;
        Ok(self.0.get(index)?.as_ref().map(Syscall::of).filter(|call| call.call != 0))
    }

    /// All calls that are there.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn all(&self) -> Result<Vec<Syscall>, TableError> {
        (0..self.0.count()).filter_map(|index| self.get(index).transpose()).collect()
    }
}
