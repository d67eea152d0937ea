//! Memory files made by hand, and a count of what is left open.

use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags, fcntl_add_seals, memfd_create, open};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) const PAGE: u64 = 4096;

pub(crate) const ALL_SEALS: SealFlags =
    SealFlags::WRITE.union(SealFlags::SHRINK).union(SealFlags::GROW).union(SealFlags::SEAL);

/// Tests that count the descriptors of this process run one after the other.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every open descriptor with what it shows.
pub(crate) fn open_descriptors() -> Vec<(i32, String)> {
    let mut open: Vec<(i32, String)> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| {
            let number = path.file_name()?.to_str()?.parse().ok()?;
            // The directory that is being listed is closed by now.
            Some((number, std::fs::read_link(&path).ok()?.to_string_lossy().into_owned()))
        })
        .filter(|(_, shown)| !shown.ends_with("/fd"))
        .collect();
    open.sort();
    open
}

/// A memory file with `contents`, not sealed.
pub(crate) fn memory(contents: &[u8]) -> OwnedFd {
    let file = memfd_create("test", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
    let mut rest = contents;
    while !rest.is_empty() {
        rest = &rest[rustix::io::write(&file, rest).unwrap()..];
    }
    file
}

/// A memory file with `contents` and `seals`.
pub(crate) fn memory_sealed(contents: &[u8], seals: SealFlags) -> OwnedFd {
    let file = memory(contents);
    fcntl_add_seals(&file, seals).unwrap();
    file
}

/// The same file once more, opened in another mode through `/proc`.
pub(crate) fn reopen(file: BorrowedFd<'_>, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    open(format!("/proc/self/fd/{}", file.as_raw_fd()), flags | OFlags::CLOEXEC, Mode::empty())
}

/// A copy of the descriptor.
pub(crate) fn copy(file: &OwnedFd) -> OwnedFd {
    file.as_fd().try_clone_to_owned().unwrap()
}

/// The file's bytes, through `pread`, whatever is mapped.
pub(crate) fn contents(file: BorrowedFd<'_>) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(rustix::fs::fstat(file).unwrap().st_size).unwrap()];
    let mut done = 0;
    while done < bytes.len() {
        let read = rustix::io::pread(file, &mut bytes[done..], done as u64).unwrap();
        assert!(read > 0, "the file ended early");
        done += read;
    }
    bytes
}
