//! Where data goes: the arena while it has room, then a sealed region of its own, then disk.

use ioi_shm::{
    FillError, Handle, LeaseError, Lender, REGION_BYTES_MAX, Region, RegionError, SealError, Sealed,
};
use rustix::fs::{Mode, OFlags, open};
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;

/// What is done with data that the arena has no room for.
#[derive(Clone, Debug)]
pub struct Spill {
    /// The most bytes of one sealed region; 0 for none.
    pub sealed_bytes_max: u64,
    /// Where files without a name are made; `None`: never on disk.
    pub directory: Option<PathBuf>,
}

/// Where data was put.
#[derive(Debug)]
pub enum Placed {
    /// In the arena: filled, not handed over yet.
    Arena(Handle),
    /// In a sealed region: send its descriptor.
    Sealed(Sealed),
    /// In a file without a name, which never gets one, open for reading only: send the
    /// descriptor. The other side reads it, and never maps it: a file can't be sealed, and
    /// whoever runs as the same user can change its mode and with that its contents.
    Disk(OwnedFd),
}

impl Spill {
    /// Puts `bytes` where there is room.
    ///
    /// Only what is too large for the arena as it is goes elsewhere. Whoever has used up
    /// its quota gets nothing: what lies outside the arena isn't counted in it.
    ///
    /// # Errors
    /// [`PlaceError`] when there is none anywhere, and when the quota is used up.
    pub fn place(&self, lender: &mut Lender, type_id: u32, bytes: &[u8]) -> Result<Placed, PlaceError> {
        let full = match lender.lease(bytes.len() as u64, type_id) {
            Ok(handle) => {
                lender.fill(&handle).map_err(PlaceError::Arena)?.copy_from_slice(bytes);
                return Ok(Placed::Arena(handle));
            }
            Err(error) => error,
        };
        if bytes.is_empty() || !is_full(&full) {
            return Err(PlaceError::Arena(full));
        }
        if bytes.len() as u64 <= self.sealed_bytes_max.min(REGION_BYTES_MAX) {
            match seal(bytes) {
                Err(PlaceError::Region(RegionError::NoMemory { .. })) => {}
                other => return other.map(Placed::Sealed),
            }
        }
        match &self.directory {
            Some(directory) => write_file(directory, bytes).map(Placed::Disk).map_err(PlaceError::Disk),
            None => Err(PlaceError::Arena(full)),
        }
    }
}

/// Whether it is the arena that has no room, and not its user who may have no more of it.
fn is_full(error: &FillError) -> bool {
    use LeaseError::{Full, Size};
    matches!(error, FillError::Lease(Full { .. } | Size { .. }) | FillError::Memory(_))
}

fn seal(bytes: &[u8]) -> Result<Sealed, PlaceError> {
    let mut region = Region::create(bytes.len() as u64).map_err(PlaceError::Region)?;
    region.map_writer().map_err(PlaceError::Region)?.copy_from_slice(bytes);
    region.seal().map_err(PlaceError::Seal)
}

/// A file that never had a name and can't be given one (that is what `EXCL` says here), opened once
/// more for reading. Its mode lets nobody reopen it for writing.
fn write_file(directory: &PathBuf, bytes: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::TMPFILE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
    let mut file = File::from(open(directory, flags, Mode::RUSR)?);
    file.write_all(bytes)?;
    let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    Ok(open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Data that could be put nowhere.
#[derive(Debug)]
#[non_exhaustive]
pub enum PlaceError {
    /// The arena has no room, and nothing else is allowed.
    Arena(FillError),
    /// A region could not be made.
    Region(RegionError),
    /// A region could not be sealed.
    Seal(SealError),
    /// The file could not be written.
    Disk(io::Error),
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arena(error) => error.fmt(f),
            Self::Region(error) => error.fmt(f),
            Self::Seal(error) => error.fmt(f),
            Self::Disk(error) => write!(f, "the file for data that memory has no room for: {error}"),
        }
    }
}

impl std::error::Error for PlaceError {}
