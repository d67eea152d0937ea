//! Memory that is being filled: by this process, or by one peer.

use super::inspect::{Facts, RejectError, SEALS, first_hole};
use super::mapping::{HUGE_PAGE_BYTES, Mapping};
use super::{Sealed, SystemError};
use rustix::fs::{
    FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate, memfd_create,
};
use rustix::io::{Errno, retry_on_intr};
use rustix::mm::{Advice, madvise};
use std::fmt;
use std::ops::{Deref, DerefMut, Range};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// The largest region: 1 GiB.
pub const REGION_BYTES_MAX: u64 = 1 << 30;

/// `fallocate` undoes itself when a signal arrives, so it is asked for so much at a time.
const ALLOCATE_BYTES: u64 = 16 << 20;

/// A memory file of fixed capacity, allocated to its last byte, not yet sealed.
///
/// It has no name, so it is gone with its last descriptor. Its order is: create,
/// fill ([`Region::map_writer`] here, or a peer with [`Region::writer_descriptor`]
/// and [`PeerBuffer`](crate::PeerBuffer)), cut to what was used, seal. It can't be
/// read before it is sealed, and it can never grow: a peer can't take more memory
/// with it than was allocated for it.
#[derive(Debug)]
pub struct Region {
    file: OwnedFd,
    bytes: u64,
    /// A peer may write it, so this process may not look at it.
    handed_out: AtomicBool,
}

impl Region {
    /// Makes a region and allocates all of it.
    ///
    /// # Errors
    /// [`RegionError::Size`] for 0 or more than [`REGION_BYTES_MAX`] bytes,
    /// [`RegionError::NoMemory`] when it can't be allocated, so that memory runs out
    /// here and never later as a SIGBUS.
    pub fn create(bytes: u64) -> Result<Region, RegionError> {
        if bytes == 0 || bytes > REGION_BYTES_MAX {
            return Err(RegionError::Size { bytes, bytes_max: REGION_BYTES_MAX });
        }
        let file = make_file("ioi-region")?;
        ftruncate(&file, bytes).map_err(SystemError::of("ftruncate"))?;
        allocate(&file, bytes)?;
        // Sealed against growing from the start, so that the pages allocated are
        // all the pages it ever has and `st_blocks` later tells the truth.
        fcntl_add_seals(&file, SealFlags::GROW).map_err(SystemError::of("fcntl(F_ADD_SEALS)"))?;
        Ok(Region { file, bytes, handed_out: AtomicBool::new(false) })
    }

    /// Its capacity, or what it was cut to.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A descriptor for the peer that fills it.
    ///
    /// From now on this process can't map it: a peer could write beneath the reference.
    ///
    /// # Errors
    /// [`RegionError::System`] when descriptors run out.
    pub fn writer_descriptor(&self) -> Result<OwnedFd, RegionError> {
        let copy =
            rustix::io::fcntl_dupfd_cloexec(&self.file, 0).map_err(SystemError::of("fcntl(F_DUPFD)"))?;
        self.handed_out.store(true, Ordering::Relaxed);
        Ok(copy)
    }

    /// Maps it for this process to fill.
    ///
    /// # Errors
    /// [`RegionError::HandedOut`] once a peer may write it; [`RegionError::System`]
    /// when there is no room for the mapping.
    pub fn map_writer(&mut self) -> Result<WriterMap<'_>, RegionError> {
        if *self.handed_out.get_mut() {
            return Err(RegionError::HandedOut);
        }
        let mapping = Mapping::for_writing(self.file.as_fd(), self.bytes)?;
        Ok(WriterMap { mapping, region: std::marker::PhantomData })
    }

    /// Cuts it to its first `used` bytes and frees the rest.
    ///
    /// # Errors
    /// [`RegionError::Size`] for 0 or more than there are,
    /// [`RegionError::SealedByPeer`] when a peer has sealed it against shrinking.
    pub fn shrink_to(&mut self, used: u64) -> Result<(), RegionError> {
        if used == 0 || used > self.bytes {
            return Err(RegionError::Size { bytes: used, bytes_max: self.bytes });
        }
        ftruncate(&self.file, used).map_err(|errno| match errno {
            Errno::PERM => RegionError::SealedByPeer,
            errno => SystemError { call: "ftruncate", errno }.into(),
        })?;
        self.bytes = used;
        Ok(())
    }

    /// Makes it immutable for everyone, then checks that it is whole.
    ///
    /// The kernel waits up to about 150 ms for pages that somebody's input or output
    /// still holds, so a hostile peer can delay the answer by as much.
    ///
    /// # Errors
    /// [`SealError::StillMapped`] while anybody maps it writable,
    /// [`SealError::SealedByPeer`] when a peer has forbidden further seals,
    /// [`SealError::Rejected`] when a peer has cut it or punched holes. The region is
    /// gone then: its writer did not keep to the order.
    pub fn seal(self) -> Result<Sealed, SealError> {
        fcntl_add_seals(&self.file, SEALS).map_err(|errno| match errno {
            Errno::BUSY => SealError::StillMapped,
            Errno::PERM => SealError::SealedByPeer,
            errno => SealError::Rejected(SystemError { call: "fcntl(F_ADD_SEALS)", errno }.into()),
        })?;
        self.check_whole()?;
        Ok(Sealed::accept(self.file, self.bytes)?)
    }

    /// Its size is ours, its pages are all there, and each has contents.
    fn check_whole(&self) -> Result<(), RejectError> {
        let facts = Facts::of(self.file.as_fd())?;
        if facts.bytes != self.bytes {
            return Err(RejectError::WrongSize { bytes: facts.bytes, bytes_agreed: self.bytes });
        }
        facts.check_allocated()?;
        if first_hole(self.file.as_fd())? < self.bytes { self.clear_untouched() } else { Ok(()) }
    }

    /// Pages that were allocated and never touched get their zeros now.
    ///
    /// Until then the kernel reports them as holes, which a receiver can't tell from
    /// pages that are missing. This needs no new memory: they were all allocated.
    fn clear_untouched(&self) -> Result<(), RejectError> {
        let mapping = Mapping::for_reading(self.file.as_fd(), self.bytes)?;
        let start = mapping.start().as_ptr().cast();
        // SAFETY: the range is exactly one live mapping, and this advice only reads it.
        let populated =
            retry_on_intr(|| unsafe { madvise(start, mapping.bytes(), Advice::LinuxPopulateRead) });
        Ok(populated.map_err(SystemError::of("madvise(MADV_POPULATE_READ)"))?)
    }
}

/// A memory file; the name is what `/proc` shows of it.
pub(super) fn make_file(name: &str) -> Result<OwnedFd, SystemError> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 do not know NOEXEC_SEAL and answer EINVAL.
    let made = match memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => memfd_create(name, flags),
        other => other,
    };
    made.map_err(SystemError::of("memfd_create"))
}

/// Allocates all of a file.
fn allocate(file: &OwnedFd, bytes: u64) -> Result<(), RegionError> {
    if bytes >= HUGE_PAGE_BYTES as u64
        && let Ok(mapping) = Mapping::for_writing(file.as_fd(), bytes)
    {
        mapping.prefer_huge_pages(file.as_fd(), 0..bytes);
    }
    allocate_range(file, 0..bytes)
}

/// Allocates part of a file that is mapped, and touches it.
pub(super) fn allocate_mapped(
    file: &OwnedFd,
    mapping: &Mapping,
    range: Range<u64>,
) -> Result<(), RegionError> {
    mapping.prefer_huge_pages(file.as_fd(), range.clone());
    allocate_range(file, range.clone())?;
    Ok(mapping.populate(range)?)
}

/// Allocates part of a file.
fn allocate_range(file: &OwnedFd, range: Range<u64>) -> Result<(), RegionError> {
    let Range { start: mut done, end } = range;
    let bytes = end.saturating_sub(done);
    while done < end {
        let length = ALLOCATE_BYTES.min(end - done);
        retry_on_intr(|| fallocate(file, FallocateFlags::empty(), done, length)).map_err(
            |errno| match errno {
                Errno::NOMEM | Errno::NOSPC => RegionError::NoMemory { bytes },
                errno => SystemError { call: "fallocate", errno }.into(),
            },
        )?;
        done += length;
    }
    Ok(())
}

/// A region mapped for this process to fill; unmapped when dropped.
///
/// New bytes are 0. It borrows the region, so there is one at a time and none while
/// the region is cut, handed out or sealed.
pub struct WriterMap<'region> {
    mapping: Mapping,
    region: std::marker::PhantomData<&'region mut Region>,
}

impl Deref for WriterMap<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: as in `deref_mut`.
        unsafe { std::slice::from_raw_parts(self.mapping.start().as_ptr(), self.mapping.bytes()) }
    }
}

impl DerefMut for WriterMap<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the file has no name, its one descriptor is private to the `Region`,
        // none was handed out, and the `Region` is borrowed mutably, so nobody else
        // maps, writes or cuts it. All of it is allocated.
        unsafe { std::slice::from_raw_parts_mut(self.mapping.start().as_ptr(), self.mapping.bytes()) }
    }
}

impl fmt::Debug for WriterMap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriterMap").field("bytes", &self.len()).finish()
    }
}

/// A region that can't be made, mapped or cut.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegionError {
    /// A size of 0, or more than there may be.
    Size {
        /// The size asked for.
        bytes: u64,
        /// The most it may be.
        bytes_max: u64,
    },
    /// The machine, or this process's group, does not have so much memory.
    NoMemory {
        /// The size asked for.
        bytes: u64,
    },
    /// A peer may write it, so this process can't map it.
    HandedOut,
    /// A peer added a seal of its own.
    SealedByPeer,
    /// A system call failed.
    System(SystemError),
}

impl fmt::Display for RegionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { bytes, bytes_max } => {
                write!(f, "a region of 1 to {bytes_max} bytes can't have {bytes}")
            }
            Self::NoMemory { bytes } => write!(f, "there is not enough memory for {bytes} bytes"),
            Self::HandedOut => f.write_str("the region was handed to a writer and can't be mapped here"),
            Self::SealedByPeer => f.write_str("the region's writer added a seal of its own"),
            Self::System(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RegionError {}

impl From<SystemError> for RegionError {
    fn from(error: SystemError) -> Self {
        Self::System(error)
    }
}

/// A region that can't be sealed. Except for `Region`, its writer is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// Somebody still maps it writable, or the kernel still holds pages for their input or output.
    StillMapped,
    /// A peer has forbidden further seals.
    SealedByPeer,
    /// It is not whole: a peer has cut it or punched holes.
    Rejected(RejectError),
    /// It could not be cut before.
    Region(RegionError),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StillMapped => f.write_str("the region is still mapped for writing, so it can't be sealed"),
            Self::SealedByPeer => f.write_str("the region's writer has forbidden further seals"),
            Self::Rejected(error) => write!(f, "the region is not whole: {error}"),
            Self::Region(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SealError {}

impl From<RejectError> for SealError {
    fn from(error: RejectError) -> Self {
        Self::Rejected(error)
    }
}

impl From<RegionError> for SealError {
    fn from(error: RegionError) -> Self {
        Self::Region(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{Mode, OFlags, open};
    use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
    use rustix::thread::{UnshareFlags, unshare_unsafe};

    /// A file on a file system of 1 MiB that only this thread sees.
    fn on_a_small_file_system() -> rustix::io::Result<OwnedFd> {
        // SAFETY: a mount namespace of its own, and with it a working directory of its
        // own, changes nothing that other threads or open descriptors rely on.
        unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        mount("none", "/tmp", "tmpfs", MountFlags::empty(), c"size=1m")?;
        open("/tmp/file", OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR)
    }

    #[test]
    fn memory_that_runs_out_is_named_when_allocating() {
        let thread = std::thread::spawn(|| match on_a_small_file_system() {
            Err(errno) => eprintln!("skipped: no mount namespace ({errno})"),
            Ok(file) => {
                assert_eq!(allocate(&file, 1 << 20), Ok(()));
                assert_eq!(allocate(&file, 64 << 20), Err(RegionError::NoMemory { bytes: 64 << 20 }));
                let rest = allocate_range(&file, 1 << 20..64 << 20);
                assert_eq!(rest, Err(RegionError::NoMemory { bytes: 63 << 20 }), "what was asked for");
            }
        });
        thread.join().unwrap();
    }
}
