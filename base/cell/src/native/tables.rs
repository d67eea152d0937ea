//! The tables of the map: who is there, what is asked, which types were seen, what is done.

use super::epochs::OwnEpochs;
use super::table::{OwnTable, PeerTable, Unsteady};
use crate::{
    EPOCH_HISTORY, EPOCH_PATTERN, EPOCH_REGISTRY, EPOCH_SYSCALL, HISTORY_ENTRY_COUNT,
    PATTERN_ENTRY_NAME_BYTES, REGISTRY_ENTRY_NAME_BYTES,
};
use ioi_shm::{Handle, OwnMemory, OwnWords, PeerMemory, PeerWords, RegionError};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

const REGISTRY_WORDS: usize = 12;
/// Counts the changes of one entry, so that no two contents of it share a key.
const REGISTRY_KEY: usize = 11;
const SYSCALL_WORDS: usize = 8;
const PATTERN_WORDS: usize = 8;
const HISTORY_WORDS: usize = 16;
const SUPERVISOR_WORDS: usize = 2;

/// A table that can't be read or written as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableError {
    /// There is no such entry.
    Index {
        /// The entry asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// Every entry is in use.
    Full {
        /// How many there are.
        count: usize,
    },
    /// The other side is writing the entry all the time.
    Unsteady,
    /// A name is longer than its field, or holds a zero byte.
    Name {
        /// The field's length in bytes.
        bytes_max: usize,
    },
    /// What the other side wrote is no UTF-8 name.
    NotUtf8,
    /// 0 stands for an empty entry and can't be written.
    Zero,
    /// There is no memory for the table.
    Memory(RegionError),
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index { index, count } => write!(f, "there is no entry {index} among {count}"),
            Self::Full { count } => write!(f, "all {count} entries are in use"),
            Self::Unsteady => f.write_str("the entry is being written all the time"),
            Self::Name { bytes_max } => write!(f, "a name has 1 to {bytes_max} bytes, none of them zero"),
            Self::NotUtf8 => f.write_str("the entry's name is not UTF-8"),
            Self::Zero => f.write_str("0 stands for an empty entry"),
            Self::Memory(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TableError {}

impl From<Unsteady> for TableError {
    fn from(_: Unsteady) -> Self {
        Self::Unsteady
    }
}

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

/// A job that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Counts up from 1.
    pub number: u64,
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

const fn pair(low: u32, high: u32) -> u64 {
    low as u64 | (high as u64) << 32
}

const fn halves(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}

fn words_of<const N: usize>(bytes: &[u8]) -> [u64; N] {
    std::array::from_fn(|at| {
        let byte = |i: usize| bytes.get(at * 8 + i).copied().unwrap_or(0);
        u64::from_le_bytes(std::array::from_fn(byte))
    })
}

fn bytes_of<const N: usize>(words: &[u64]) -> [u8; N] {
    std::array::from_fn(|at| words[at / 8].to_le_bytes()[at % 8])
}

fn name_words<const N: usize>(name: &str, bytes_max: u32) -> Result<[u64; N], TableError> {
    let bytes_max = bytes_max as usize;
    if name.is_empty() || name.len() > bytes_max || name.contains('\0') {
        return Err(TableError::Name { bytes_max });
    }
    Ok(words_of(name.as_bytes()))
}

/// A name up to its first zero; what follows must be zero too.
fn name_of<const N: usize>(words: &[u64]) -> Result<String, TableError> {
    let bytes: [u8; N] = bytes_of(words);
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(N);
    if end == 0 || bytes[end..].iter().any(|byte| *byte != 0) {
        return Err(TableError::NotUtf8);
    }
    String::from_utf8(bytes[..end].to_vec()).map_err(|_| TableError::NotUtf8)
}

fn handle_of(words: &[u64]) -> Handle {
    Handle::from_bytes(&bytes_of(words))
}

fn check(index: usize, count: usize) -> Result<(), TableError> {
    if index < count { Ok(()) } else { Err(TableError::Index { index, count }) }
}

/// The registry, where it is written.
#[derive(Debug)]
pub struct OwnRegistry {
    table: OwnTable<REGISTRY_WORDS>,
    epochs: Arc<OwnEpochs>,
}

impl OwnRegistry {
    pub(super) fn new(words: OwnWords, epochs: Arc<OwnEpochs>) -> Self {
        OwnRegistry { table: OwnTable::new(words, REGISTRY_KEY), epochs }
    }

    /// Writes entry `index` and raises the registry's epoch.
    ///
    /// # Errors
    /// [`TableError::Index`], [`TableError::Name`], [`TableError::Zero`] for module 0.
    pub fn set(&self, index: usize, entry: &RegistryEntry) -> Result<(), TableError> {
        check(index, self.table.count())?;
        if entry.module == 0 {
            return Err(TableError::Zero);
        }
        let name: [u64; 4] = name_words(&entry.name, REGISTRY_ENTRY_NAME_BYTES)?;
        let hash: [u64; 4] = words_of(&entry.schema_hash);
        let changes = self.table.get(index)[REGISTRY_KEY].wrapping_add(1).max(1);
        let mut words = [0; REGISTRY_WORDS];
        words[..4].copy_from_slice(&name);
        words[4] = pair(entry.module, entry.version);
        words[5] = entry.capabilities;
        words[6] = pair(entry.state, entry.epoch);
        words[7..11].copy_from_slice(&hash);
        words[REGISTRY_KEY] = changes;
        self.table.set(index, &words);
        self.epochs.raise(EPOCH_REGISTRY);
        Ok(())
    }

    /// Takes entry `index` out and raises the registry's epoch.
    ///
    /// # Errors
    /// [`TableError::Index`].
    pub fn remove(&self, index: usize) -> Result<(), TableError> {
        check(index, self.table.count())?;
        let mut words = self.table.get(index);
        // Its key goes on counting, so an entry that comes here later is another one.
        words[4] = 0;
        words[REGISTRY_KEY] = words[REGISTRY_KEY].wrapping_add(1).max(1);
        self.table.set(index, &words);
        self.epochs.raise(EPOCH_REGISTRY);
        Ok(())
    }
}

/// The registry, where it is read.
#[derive(Debug)]
pub struct PeerRegistry(pub(super) PeerTable<REGISTRY_WORDS>);

impl PeerRegistry {
    pub(super) fn new(words: PeerWords) -> Self {
        PeerRegistry(PeerTable::new(words, REGISTRY_KEY))
    }

    /// Entry `index`, if a module is there.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn get(&self, index: usize) -> Result<Option<RegistryEntry>, TableError> {
        check(index, self.0.count())?;
        let Some(words) = self.0.get(index)? else { return Ok(None) };
        let ((module, version), (state, epoch)) = (halves(words[4]), halves(words[6]));
        if module == 0 {
            return Ok(None);
        }
        let name = name_of::<{ REGISTRY_ENTRY_NAME_BYTES as usize }>(&words[..4])?;
        let schema_hash = bytes_of(&words[7..11]);
        Ok(Some(RegistryEntry { name, module, version, capabilities: words[5], state, epoch, schema_hash }))
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

/// The table of the map's parts, where it is read. The host writes it once, before the peer is there.
#[derive(Debug)]
pub struct PeerSupervisor(pub(super) PeerWords);

pub(super) fn write_supervisor(words: &OwnWords, entries: &[SupervisorEntry]) {
    for (at, entry) in entries.iter().enumerate() {
        let words = &words.u64s()[at * SUPERVISOR_WORDS..];
        words[0].store(pair(entry.section, entry.flags), ioi_shm::sync::Ordering::Relaxed);
        words[1].store(pair(entry.offset, entry.bytes), ioi_shm::sync::Ordering::Release);
    }
}

impl PeerSupervisor {
    /// The entries, in the order of the map.
    #[must_use]
    pub fn entries(&self) -> Vec<SupervisorEntry> {
        let words = self.0.u64s();
        let load = |at| words.load(at, ioi_shm::sync::Ordering::Acquire);
        let entry = |at: usize| {
            let ((section, flags), (offset, bytes)) = (halves(load(at * 2)), halves(load(at * 2 + 1)));
            SupervisorEntry { section, flags, offset, bytes }
        };
        (0..words.count() / SUPERVISOR_WORDS).map(entry).collect()
    }
}

/// The syscall table, where it is written: by the caller.
#[derive(Debug)]
pub struct OwnSyscalls {
    table: OwnTable<SYSCALL_WORDS>,
    epochs: Arc<OwnEpochs>,
}

impl OwnSyscalls {
    pub(super) fn new(words: OwnWords, epochs: Arc<OwnEpochs>) -> Self {
        OwnSyscalls { table: OwnTable::new(words, 0), epochs }
    }

    /// Writes a call where the entry of its number is, or else into a free one; says which.
    ///
    /// # Errors
    /// [`TableError::Full`], [`TableError::Zero`].
    pub fn set(&self, call: &Syscall) -> Result<usize, TableError> {
        if call.call == 0 {
            return Err(TableError::Zero);
        }
        let count = self.table.count();
        let holds = |number: u64| (0..count).find(|at| self.table.get(*at)[0] == number);
        let index = holds(call.call).or_else(|| holds(0)).ok_or(TableError::Full { count })?;
        let handle: [u64; 4] = words_of(&call.handle.to_bytes());
        let (asked, module) = (pair(call.method, call.state), pair(call.module, 0));
        let [h0, h1, h2, h3] = handle;
        self.table.set(index, &[call.call, asked, module, call.deadline_ns, h0, h1, h2, h3]);
        self.epochs.raise(EPOCH_SYSCALL);
        Ok(index)
    }

    /// Takes a call out that is over.
    ///
    /// # Errors
    /// [`TableError::Index`].
    pub fn remove(&self, index: usize) -> Result<(), TableError> {
        check(index, self.table.count())?;
        self.table.clear(index);
        self.epochs.raise(EPOCH_SYSCALL);
        Ok(())
    }
}

/// The syscall table, where it is read.
#[derive(Debug)]
pub struct PeerSyscalls(PeerTable<SYSCALL_WORDS>);

impl PeerSyscalls {
    pub(super) fn new(words: PeerWords) -> Self {
        PeerSyscalls(PeerTable::new(words, 0))
    }

    /// Call `index`, if one is there.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn get(&self, index: usize) -> Result<Option<Syscall>, TableError> {
        check(index, self.0.count())?;
        Ok(self.0.get(index)?.map(|words| {
            let ((method, state), (module, _)) = (halves(words[1]), halves(words[2]));
            Syscall {
                call: words[0],
                method,
                state,
                module,
                deadline_ns: words[3],
                handle: handle_of(&words[4..]),
            }
        }))
    }

    /// All calls that are there.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn all(&self) -> Result<Vec<Syscall>, TableError> {
        (0..self.0.count()).filter_map(|index| self.get(index).transpose()).collect()
    }
}

/// A section that is allocated with its first entry.
#[derive(Debug)]
pub(super) struct Late {
    pub(super) memory: Arc<OwnMemory>,
    pub(super) range: Range<u64>,
    pub(super) is_there: bool,
}

impl Late {
    fn allocate(&mut self) -> Result<(), TableError> {
        if !self.is_there {
            self.memory.allocate(self.range.clone()).map_err(TableError::Memory)?;
            self.is_there = true;
        }
        Ok(())
    }
}

/// A section of the other side that may not be there yet.
#[derive(Debug)]
pub(super) struct PeerLate {
    pub(super) memory: Arc<PeerMemory>,
    pub(super) range: Range<u64>,
}

impl PeerLate {
    fn is_there(&self) -> bool {
        self.memory.check_present(self.range.clone()).is_ok()
    }
}

/// The pattern cache, where it is written. An entry that is written stays.
#[derive(Debug)]
pub struct OwnPatterns {
    table: OwnTable<PATTERN_WORDS>,
    epochs: Arc<OwnEpochs>,
    late: Late,
    used: usize,
}

impl OwnPatterns {
    pub(super) fn new(words: OwnWords, epochs: Arc<OwnEpochs>, late: Late) -> Self {
        OwnPatterns { table: OwnTable::new(words, 0), epochs, late, used: 0 }
    }

    /// Adds a type and raises the cache's epoch; says where it stands.
    ///
    /// # Errors
    /// [`TableError::Full`], [`TableError::Name`], [`TableError::Zero`] for type 0,
    /// [`TableError::Memory`].
    pub fn add(&mut self, pattern: &Pattern) -> Result<usize, TableError> {
        if pattern.type_id == 0 {
            return Err(TableError::Zero);
        }
        let name: [u64; 3] = name_words(&pattern.name, PATTERN_ENTRY_NAME_BYTES)?;
        let index = self.used;
        if index == self.table.count() {
            return Err(TableError::Full { count: index });
        }
        self.late.allocate()?;
        let [h0, h1, h2, h3] = words_of(&pattern.schema_hash);
        let first = pair(pattern.type_id, pattern.kind);
        self.table.set(index, &[first, h0, h1, h2, h3, name[0], name[1], name[2]]);
        self.used += 1;
        self.epochs.raise(EPOCH_PATTERN);
        Ok(index)
    }
}

/// The pattern cache, where it is read.
#[derive(Debug)]
pub struct PeerPatterns {
    table: PeerTable<PATTERN_WORDS>,
    late: PeerLate,
}

impl PeerPatterns {
    pub(super) fn new(words: PeerWords, late: PeerLate) -> Self {
        PeerPatterns { table: PeerTable::new(words, 0), late }
    }

    /// The entry of a type.
    ///
    /// # Errors
    /// [`TableError`] of that entry, or of one before it that can't be read.
    pub fn find(&self, type_id: u32) -> Result<Option<Pattern>, TableError> {
        if !self.late.is_there() {
            return Ok(None);
        }
        for index in 0..self.table.count() {
            let Some(words) = self.table.get(index)? else { return Ok(None) };
            let (found, kind) = halves(words[0]);
            if found == type_id {
                let name = name_of::<{ PATTERN_ENTRY_NAME_BYTES as usize }>(&words[5..])?;
                return Ok(Some(Pattern { type_id, kind, schema_hash: bytes_of(&words[1..5]), name }));
            }
        }
        Ok(None)
    }
}

/// The history, where it is written.
#[derive(Debug)]
pub struct OwnHistory {
    table: OwnTable<HISTORY_WORDS>,
    epochs: Arc<OwnEpochs>,
    late: Late,
    last: u64,
}

impl OwnHistory {
    pub(super) fn new(words: OwnWords, epochs: Arc<OwnEpochs>, late: Late) -> Self {
        OwnHistory { table: OwnTable::new(words, 0), epochs, late, last: 0 }
    }

    /// Adds a finished job over the oldest one, whatever number `entry` has; says its number.
    ///
    /// # Errors
    /// [`TableError::Memory`].
    pub fn add(&mut self, entry: &HistoryEntry) -> Result<u64, TableError> {
        self.late.allocate()?;
        let number = self.last + 1;
        let mut words = [0; HISTORY_WORDS];
        words[0] = number;
        words[1] = entry.job;
        words[2] = entry.finished_ns;
        words[3] = pair(entry.status, entry.type_id);
        words[4..8].copy_from_slice(&words_of::<4>(&entry.handle.to_bytes()));
        words[8..12].copy_from_slice(&words_of::<4>(&entry.digest));
        self.table.set(place_of(number), &words);
        self.last = number;
        self.epochs.raise(EPOCH_HISTORY);
        Ok(number)
    }
}

/// The history, where it is read.
#[derive(Debug)]
pub struct PeerHistory {
    table: PeerTable<HISTORY_WORDS>,
    late: PeerLate,
}

impl PeerHistory {
    pub(super) fn new(words: PeerWords, late: PeerLate) -> Self {
        PeerHistory { table: PeerTable::new(words, 0), late }
    }

    /// The job with that number, if it is still there.
    ///
    /// # Errors
    /// [`TableError::Unsteady`].
    pub fn get(&self, number: u64) -> Result<Option<HistoryEntry>, TableError> {
        if number == 0 || !self.late.is_there() {
            return Ok(None);
        }
        let words = self.table.get(place_of(number))?.filter(|words| words[0] == number);
        Ok(words.map(|words| {
            let (status, type_id) = halves(words[3]);
            let (handle, digest) = (handle_of(&words[4..8]), bytes_of(&words[8..12]));
            HistoryEntry { number, job: words[1], finished_ns: words[2], status, type_id, handle, digest }
        }))
    }
}

/// Job *n* lies in entry (*n* − 1) modulo their count.
const fn place_of(number: u64) -> usize {
    ((number - 1) % HISTORY_ENTRY_COUNT as u64) as usize
}
