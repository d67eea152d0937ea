//! The registry: the host's modules.

use super::super::epochs::OwnEpochs;
use super::super::table::{OwnTable, PeerTable};
use super::{Record, TableError, check, check_name, name_of, next_change};
use crate::{
    EPOCH_REGISTRY, REGISTRY_ENTRY_BYTES, REGISTRY_ENTRY_CAPABILITIES_OFFSET, REGISTRY_ENTRY_EPOCH_OFFSET,
    REGISTRY_ENTRY_MODULE_OFFSET, REGISTRY_ENTRY_NAME_BYTES, REGISTRY_ENTRY_NAME_OFFSET,
    REGISTRY_ENTRY_RESERVED_OFFSET, REGISTRY_ENTRY_SCHEMA_HASH_OFFSET, REGISTRY_ENTRY_STATE_OFFSET,
    REGISTRY_ENTRY_VERSION_OFFSET,
};
use ioi_shm::{OwnWords, PeerWords};
use std::sync::Arc;

const WORDS: usize = REGISTRY_ENTRY_BYTES as usize / 8;
/// Counts the changes of one entry, so that no two contents of it share a key.
const KEY: u32 = REGISTRY_ENTRY_RESERVED_OFFSET;

/// A module and what it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryEntry {
    /// At most 32 bytes.
    pub name: String,
    /// Its number, not 0.
    pub module: u32,
    /// Its version.
    pub version: u32,
    /// One bit a capability.
    pub capabilities: u64,
    /// As in a health line.
    pub state: u32,
    /// The epoch that it raises.
    pub epoch: u32,
    /// What its messages are laid out by.
    pub schema_hash: [u8; 32],
}

impl RegistryEntry {
    fn record(&self, changes: u32) -> Result<Record<WORDS>, TableError> {
        let mut record = Record::new();
        record
            .put(REGISTRY_ENTRY_NAME_OFFSET, check_name(&self.name, REGISTRY_ENTRY_NAME_BYTES)?)
            .put_u32(REGISTRY_ENTRY_MODULE_OFFSET, self.module)
            .put_u32(REGISTRY_ENTRY_VERSION_OFFSET, self.version)
            .put_u64(REGISTRY_ENTRY_CAPABILITIES_OFFSET, self.capabilities)
            .put_u32(REGISTRY_ENTRY_STATE_OFFSET, self.state)
            .put_u32(REGISTRY_ENTRY_EPOCH_OFFSET, self.epoch)
            .put(REGISTRY_ENTRY_SCHEMA_HASH_OFFSET, &self.schema_hash)
            .put_u32(KEY, changes);
        Ok(record)
    }

    fn of(record: &Record<WORDS>) -> Result<Self, TableError> {
        Ok(RegistryEntry {
            name: name_of::<{ REGISTRY_ENTRY_NAME_BYTES as usize }>(record.get(REGISTRY_ENTRY_NAME_OFFSET))?,
            module: record.u32(REGISTRY_ENTRY_MODULE_OFFSET),
            version: record.u32(REGISTRY_ENTRY_VERSION_OFFSET),
            capabilities: record.u64(REGISTRY_ENTRY_CAPABILITIES_OFFSET),
            state: record.u32(REGISTRY_ENTRY_STATE_OFFSET),
            epoch: record.u32(REGISTRY_ENTRY_EPOCH_OFFSET),
            schema_hash: record.get(REGISTRY_ENTRY_SCHEMA_HASH_OFFSET),
        })
    }
}

/// The registry, where it is written.
#[derive(Debug)]
pub struct OwnRegistry {
    table: OwnTable<WORDS>,
    epochs: Arc<OwnEpochs>,
}

impl OwnRegistry {
    pub(in crate::native) fn new(words: OwnWords, epochs: Arc<OwnEpochs>) -> Self {
        OwnRegistry { table: OwnTable::new(words, KEY), epochs }
    }

    /// Writes entry `index` and raises the registry's epoch.
    ///
    /// # Errors
    /// [`TableError::Index`], [`TableError::Name`], [`TableError::Zero`] for module 0,
    /// [`TableError::Taken`] for a module that another entry has.
    pub fn set(&self, index: usize, entry: &RegistryEntry) -> Result<(), TableError> {
        check(index, self.table.count())?;
        if entry.module == 0 {
            return Err(TableError::Zero);
        }
        let is_same = |record: &Record<WORDS>| record.u32(REGISTRY_ENTRY_MODULE_OFFSET) == entry.module;
        if let Some(other) = self.table.position(is_same).filter(|other| *other != index) {
            return Err(TableError::Taken { index: other });
        }
        let changes = next_change(self.table.get(index).u32(KEY));
        self.table.set(index, &entry.record(changes)?);
        self.epochs.raise(EPOCH_REGISTRY);
        Ok(())
    }

    /// Takes entry `index` out and raises the registry's epoch.
    ///
    /// # Errors
    /// [`TableError::Index`].
    pub fn remove(&self, index: usize) -> Result<(), TableError> {
        check(index, self.table.count())?;
        // Its key goes on counting, so an entry that comes here later is another one.
        let changes = next_change(self.table.get(index).u32(KEY));
        self.table.set(index, Record::new().put_u32(KEY, changes));
        self.epochs.raise(EPOCH_REGISTRY);
        Ok(())
    }
}

/// The registry, where it is read.
#[derive(Debug)]
pub struct PeerRegistry(PeerTable<WORDS>);

impl PeerRegistry {
    pub(in crate::native) fn new(words: PeerWords) -> Self {
        PeerRegistry(PeerTable::new(words, KEY))
    }

    /// Entry `index`, if a module is there.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn get(&self, index: usize) -> Result<Option<RegistryEntry>, TableError> {
        check(index, self.0.count())?;
        let record = self.0.get(index)?.filter(|record| record.u32(REGISTRY_ENTRY_MODULE_OFFSET) != 0);
        record.as_ref().map(RegistryEntry::of).transpose()
    }

    /// The first entry of that name.
    ///
    /// # Errors
    /// [`TableError`] of an entry before it.
    pub fn find(&self, name: &str) -> Result<Option<RegistryEntry>, TableError> {
        for index in 0..self.0.count() {
            if let Some(entry) = self.get(index)?.filter(|entry| entry.name == name) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }
}
