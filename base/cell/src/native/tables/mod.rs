//! The tables of the map: who is there, what is asked, which types were seen, what is done.

mod history;
mod patterns;
mod registry;
mod supervisor;
mod syscalls;

pub use history::{HistoryEntry, OwnHistory, PeerHistory};
pub use patterns::{OwnPatterns, Pattern, PeerPatterns};
pub use registry::{OwnRegistry, PeerRegistry, RegistryEntry};
pub use supervisor::{PeerSupervisor, SupervisorEntry};
pub use syscalls::{OwnSyscalls, PeerSyscalls, Syscall};

pub(super) use supervisor::write_supervisor;

use super::record::Record;
use super::table::Unsteady;
use ioi_shm::{OwnMemory, PeerMemory, RegionError};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

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
    /// Another entry has that module or type already.
    Taken {
        /// Which entry.
        index: usize,
    },
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
            Self::Taken { index } => write!(f, "entry {index} has that number already; remove it first"),
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

/// A name that fits its field, to be padded with zeros.
fn check_name(name: &str, bytes_max: u32) -> Result<&[u8], TableError> {
    let bytes_max = bytes_max as usize;
    if name.is_empty() || name.len() > bytes_max || name.contains('\0') {
        return Err(TableError::Name { bytes_max });
    }
    Ok(name.as_bytes())
}

/// A name up to its first zero; what follows must be zero too.
fn name_of<const BYTES: usize>(bytes: [u8; BYTES]) -> Result<String, TableError> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(BYTES);
    if end == 0 || bytes[end..].iter().any(|byte| *byte != 0) {
        return Err(TableError::NotUtf8);
    }
    String::from_utf8(bytes[..end].to_vec()).map_err(|_| TableError::NotUtf8)
}

fn check(index: usize, count: usize) -> Result<(), TableError> {
    if index < count { Ok(()) } else { Err(TableError::Index { index, count }) }
}

/// The next number of changes of an entry; never 0, so that no key is.
fn next_change(changes: u32) -> u32 {
    changes.wrapping_add(1).max(1)
}

/// A section that is allocated with its first entry.
#[derive(Debug)]
pub(in crate::native) struct Late {
    pub(in crate::native) memory: Arc<OwnMemory>,
    pub(in crate::native) range: Range<u64>,
    pub(in crate::native) is_there: bool,
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
pub(in crate::native) struct PeerLate {
    pub(in crate::native) memory: Arc<PeerMemory>,
    pub(in crate::native) range: Range<u64>,
}

impl PeerLate {
    fn is_there(&self) -> bool {
        self.memory.check_present(self.range.clone()).is_ok()
    }
}
