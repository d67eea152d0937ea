//! A folder's names, read once and given out by page.
//!
//! A folder may be as large as its owner likes, so what is kept of it is
//! counted while it is read, and over all folders at once.

use crate::Refused;
use crate::roots::{Facts, Kind, errno_refusal, refused};
use ioi_types::ErrorCode;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::BorrowedFd;

/// Entries read from one folder.
const FOLDER_ENTRIES_MAX: usize = 1_000_000;
const PAGE_ENTRIES: usize = 1024;
/// A page must fit into one answer of at most 64 KiB, as JSON, whatever the names are.
const PAGE_BYTES: usize = 60 * 1024;
/// An entry without its name: keys, kind, size, punctuation.
const ENTRY_BYTES: usize = 64;
/// What one byte of a name takes at most (`\u00xx`; hexadecimal takes two).
const ESCAPED_BYTES_MAX: usize = 6;
/// What the allocator adds to a name at most: its header, and rounding up.
const ALLOCATION_BYTES: usize = 32;

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its bytes.
    pub(crate) name: Vec<u8>,
    /// What it is, links not followed.
    pub(crate) kind: Kind,
    /// Bytes, for a file.
    pub(crate) size: u64,
}

impl Entry {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.name.len() + ALLOCATION_BYTES
    }
}

/// The names of one folder as they were when the first page was asked for.
pub(crate) struct Listing {
    /// In byte order.
    entries: Vec<Entry>,
    bytes: usize,
}

impl Listing {
    /// Reads a folder into at most `bytes_max` bytes.
    ///
    /// # Errors
    /// It is no folder, can't be read, or holds more than is listed.
    pub(crate) fn read(folder: BorrowedFd<'_>, facts: &Facts, bytes_max: usize) -> Result<Self, Refused> {
        if facts.kind != Kind::Folder {
            let kind = facts.kind.name();
            return Err(refused(ErrorCode::PathKind, format!("this is a {kind}, not a folder")));
        }
        let unreadable = |errno: Errno| errno_refusal(errno, &facts.path);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let readable = fs::openat(folder, ".", flags, Mode::empty()).map_err(unreadable)?;
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for item in fs::Dir::read_from(&readable).map_err(unreadable)? {
            let item = item.map_err(unreadable)?;
            let name = item.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            // An entry that vanished since is left out, as if it had never been there.
            let Ok(stat) = fs::statat(&readable, item.file_name(), AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            let kind = Kind::of(FileType::from_raw_mode(stat.st_mode));
            let size = u64::try_from(stat.st_size).unwrap_or(0);
            let entry = Entry { name: name.to_vec(), kind, size };
            bytes += entry.bytes();
            check(entries.len(), bytes, bytes_max)?;
            entries.push(entry);
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        entries.shrink_to_fit();
        Ok(Self { entries, bytes })
    }

    /// The memory that it holds.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The entries from `cursor` on that fit into one answer, and the next cursor (0 at the end).
    pub(crate) fn page(&self, cursor: u32) -> (Vec<Entry>, u32) {
        let from = usize::try_from(cursor).unwrap_or(usize::MAX).min(self.entries.len());
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            bytes += ENTRY_BYTES + ESCAPED_BYTES_MAX * entry.name.len();
            bytes <= PAGE_BYTES
        };
        let rest = self.entries[from..].iter();
        let page: Vec<Entry> = rest.take(PAGE_ENTRIES).take_while(fits).cloned().collect();
        let next = from + page.len();
        let next = if next == self.entries.len() { 0 } else { u32::try_from(next).unwrap_or(0) };
        (page, next)
    }
}

fn check(entries: usize, bytes: usize, bytes_max: usize) -> Result<(), Refused> {
    if entries == FOLDER_ENTRIES_MAX {
        let message = format!("the folder has more than {FOLDER_ENTRIES_MAX} entries");
        return Err(refused(ErrorCode::QuotaCalls, message));
    }
    if bytes > bytes_max {
        let message = format!(
            "the folder's names take more than the {bytes_max} bytes that are left for listings; \
             listings that were begun must be read to their end first"
        );
        return Err(refused(ErrorCode::QuotaMemory, message));
    }
    Ok(())
}
