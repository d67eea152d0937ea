//! What a descriptor from somebody else really is.

use super::SystemError;
use rustix::fs::{FileType, OFlags, SealFlags, SeekFrom, fcntl_get_seals, fcntl_getfl, fstat, fstatfs, seek};
use std::fmt;
use std::ops::Range;
use std::os::fd::BorrowedFd;

/// `TMPFS_MAGIC` of `linux/magic.h`: the file system of memory files in ordinary
/// pages. Those in huge pages are on `hugetlbfs`, with other rules for seals and size.
const TMPFS_MAGIC: u64 = 0x0102_1994;

/// `st_blocks` counts in units of 512 bytes whatever the file system's block size is.
const STAT_BLOCK_BYTES: u64 = 512;

/// The seals without which memory can change under its reader.
pub(crate) const SEALS: SealFlags =
    SealFlags::WRITE.union(SealFlags::SHRINK).union(SealFlags::GROW).union(SealFlags::SEAL);

/// A descriptor that is not the memory it was said to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectError {
    /// A directory, socket, pipe, device or link; the word names it.
    NotAFile(&'static str),
    /// A file that is not memory in ordinary pages; the number is its file system's magic.
    NotMemory(u64),
    /// A descriptor that can't be read (`O_PATH` or write-only).
    NotReadable,
    /// A descriptor that can't be written, where it is to be filled.
    NotWritable,
    /// Some of the four seals are not there; they are named.
    SealsMissing(String),
    /// Memory to be filled that is sealed against writing, or is being filled already.
    WriteSealed,
    /// No bytes at all.
    Empty,
    /// More bytes than were allowed.
    TooBig {
        /// Its size.
        bytes: u64,
        /// The most that was allowed.
        bytes_max: u64,
    },
    /// Not the size that was agreed.
    WrongSize {
        /// Its size.
        bytes: u64,
        /// What was agreed.
        bytes_agreed: u64,
    },
    /// Memory that is not all there: reading it would allocate it.
    Sparse {
        /// How many bytes are allocated, or come before the first hole.
        bytes_present: u64,
        /// Its size.
        bytes: u64,
    },
    /// `/proc/self/fd` is not there or shows another file.
    NoProc,
    /// A system call failed.
    System(SystemError),
}

impl fmt::Display for RejectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAFile(kind) => write!(f, "the descriptor is a {kind}, not a memory file"),
            Self::NotMemory(magic) => {
                write!(f, "the file lies on a file system of type {magic:#x}, not in ordinary memory pages")
            }
            Self::NotReadable => f.write_str("the descriptor is not open for reading"),
            Self::NotWritable => f.write_str("the descriptor is not open for reading and writing"),
            Self::SealsMissing(names) => write!(f, "the memory lacks the seals {names}"),
            Self::WriteSealed => {
                f.write_str("the memory is sealed against writing or has been mapped before")
            }
            Self::Empty => f.write_str("the memory has a size of 0 bytes"),
            Self::TooBig { bytes, bytes_max } => {
                write!(f, "the memory has {bytes} bytes, more than the {bytes_max} allowed")
            }
            Self::WrongSize { bytes, bytes_agreed } => {
                write!(f, "the memory has {bytes} bytes, not the {bytes_agreed} agreed")
            }
            Self::Sparse { bytes_present, bytes } => {
                write!(f, "the memory has holes: only {bytes_present} of its {bytes} bytes are there")
            }
            Self::NoProc => f.write_str("/proc/self/fd does not show this process's descriptors"),
            Self::System(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RejectError {}

impl From<SystemError> for RejectError {
    fn from(error: SystemError) -> Self {
        Self::System(error)
    }
}

/// How many bytes of a file are allocated.
pub(crate) fn allocated(file: BorrowedFd<'_>) -> Result<u64, SystemError> {
    let stat = fstat(file).map_err(SystemError::of("fstat"))?;
    Ok((stat.st_blocks as u64).saturating_mul(STAT_BLOCK_BYTES))
}

/// What the kernel says about a memory file.
pub(crate) struct Facts {
    pub(crate) bytes: u64,
    pub(crate) bytes_allocated: u64,
    pub(crate) seals: SealFlags,
    pub(crate) writable: bool,
    /// Device and inode: the same for every descriptor of one file.
    pub(crate) identity: (u64, u64),
}

impl Facts {
    /// Refuses whatever is not a readable memory file in ordinary pages.
    ///
    /// The seals are read before the size, so that a size read under complete
    /// seals is final. The descriptor's own offset and mode may be the peer's to
    /// change; nothing here depends on them.
    pub(crate) fn of(file: BorrowedFd<'_>) -> Result<Facts, RejectError> {
        let kind = FileType::from_raw_mode(fstat(file).map_err(SystemError::of("fstat"))?.st_mode);
        if kind != FileType::RegularFile {
            return Err(RejectError::NotAFile(name_of(kind)));
        }
        let mode = fcntl_getfl(file).map_err(SystemError::of("fcntl(F_GETFL)"))?;
        if mode.contains(OFlags::PATH) || mode & OFlags::RWMODE == OFlags::WRONLY {
            return Err(RejectError::NotReadable);
        }
        let magic = fstatfs(file).map_err(SystemError::of("fstatfs"))?.f_type as u64;
        if magic != TMPFS_MAGIC {
            return Err(RejectError::NotMemory(magic));
        }
        let seals = fcntl_get_seals(file).map_err(SystemError::of("fcntl(F_GET_SEALS)"))?;
        let stat = fstat(file).map_err(SystemError::of("fstat"))?;
        Ok(Facts {
            bytes: stat.st_size as u64,
            bytes_allocated: (stat.st_blocks as u64).saturating_mul(STAT_BLOCK_BYTES),
            seals,
            writable: mode & OFlags::RWMODE == OFlags::RDWR,
            identity: (stat.st_dev, stat.st_ino),
        })
    }

    /// All four seals are there.
    pub(crate) fn check_seals(&self) -> Result<(), RejectError> {
        let missing = SEALS.difference(self.seals);
        if missing.is_empty() { Ok(()) } else { Err(RejectError::SealsMissing(names_of(missing))) }
    }

    /// The seals of memory that its one writer goes on writing are there.
    pub(crate) fn check_shared_seals(&self) -> Result<(), RejectError> {
        let is_closed = self.seals.intersects(SealFlags::WRITE | SealFlags::FUTURE_WRITE);
        let mut missing = SEALS.difference(self.seals).difference(SealFlags::WRITE);
        missing.set(SealFlags::FUTURE_WRITE, !is_closed);
        if missing.is_empty() { Ok(()) } else { Err(RejectError::SealsMissing(names_of(missing))) }
    }

    /// As many bytes are allocated as the file is long.
    pub(crate) fn check_allocated(&self) -> Result<(), RejectError> {
        let (bytes_present, bytes) = (self.bytes_allocated, self.bytes);
        if bytes_present < bytes { Err(RejectError::Sparse { bytes_present, bytes }) } else { Ok(()) }
    }
}

/// Where the first hole is; the size if there is none.
///
/// Allocated bytes alone prove nothing about a foreign file, which may have its
/// pages beyond its end (`FALLOC_FL_KEEP_SIZE`) and holes before it. Pages that
/// were allocated and never written count as holes here.
pub(crate) fn first_hole(file: BorrowedFd<'_>) -> Result<u64, SystemError> {
    seek(file, SeekFrom::Hole(0)).map_err(SystemError::of("lseek(SEEK_HOLE)"))
}

/// Every page of a range is there.
pub(crate) fn check_present(file: BorrowedFd<'_>, range: Range<u64>) -> Result<(), RejectError> {
    if range.is_empty() {
        return Ok(());
    }
    let hole = seek(file, SeekFrom::Hole(range.start)).map_err(SystemError::of("lseek(SEEK_HOLE)"))?;
    if hole < range.end {
        return Err(RejectError::Sparse { bytes_present: hole, bytes: range.end });
    }
    Ok(())
}

fn name_of(kind: FileType) -> &'static str {
    match kind {
        FileType::Directory => "directory",
        FileType::Socket => "socket",
        FileType::Fifo => "pipe",
        FileType::CharacterDevice => "character device",
        FileType::BlockDevice => "block device",
        FileType::Symlink => "symbolic link",
        // An eventfd, epoll, pidfd and the like have no type at all.
        _ => "descriptor without a file type",
    }
}

fn names_of(seals: SealFlags) -> String {
    let names = [
        (SealFlags::WRITE, "WRITE"),
        (SealFlags::SHRINK, "SHRINK"),
        (SealFlags::GROW, "GROW"),
        (SealFlags::SEAL, "SEAL"),
        (SealFlags::FUTURE_WRITE, "FUTURE_WRITE"),
    ];
    let missing: Vec<&str> =
        names.iter().filter(|(seal, _)| seals.contains(*seal)).map(|(_, name)| *name).collect();
    missing.join(", ")
}
