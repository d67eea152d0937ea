//! Memory that nobody can change any more.

use super::View;
use super::inspect::{Facts, RejectError, first_hole, reopen_for_reading};
use super::mapping::Mapping;
use std::os::fd::{AsFd, OwnedFd};

/// A memory file with complete seals and no holes: checked once, then final.
///
/// Whoever holds a descriptor of it, in whatever mode, can only read it.
#[derive(Debug)]
pub struct Sealed {
    file: OwnedFd,
    bytes: u64,
}

impl Sealed {
    /// Checks a descriptor that somebody else sent; on refusal it is closed.
    ///
    /// Nothing is mapped or read before every check has passed.
    ///
    /// # Errors
    /// [`RejectError`] unless it is a readable memory file in ordinary pages, with
    /// the seals WRITE, SHRINK, GROW and SEAL, of 1 to `bytes_max` bytes, all there.
    pub fn accept(file: OwnedFd, bytes_max: u64) -> Result<Sealed, RejectError> {
        let facts = Facts::of(file.as_fd())?;
        facts.check_seals()?;
        let bytes = facts.bytes;
        if bytes == 0 {
            return Err(RejectError::Empty);
        }
        if bytes > bytes_max {
            return Err(RejectError::TooBig { bytes, bytes_max });
        }
        facts.check_allocated()?;
        let bytes_present = first_hole(file.as_fd())?;
        if bytes_present < bytes {
            return Err(RejectError::Sparse { bytes_present, bytes });
        }
        Ok(Sealed { file, bytes })
    }

    /// How many bytes there are: at least 1.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Maps it for reading. Any number of views may exist, here and elsewhere.
    ///
    /// # Errors
    /// [`RejectError::System`] when there is no room for the mapping.
    pub fn map(&self) -> Result<View, RejectError> {
        let mapping = Mapping::for_reading(self.file.as_fd(), self.bytes)?;
        // SAFETY: `accept`, the only maker of a `Sealed`, found the seals complete and
        // read the size under them; the kernel never takes a seal off.
        Ok(unsafe { View::over_sealed(mapping) })
    }

    /// A descriptor of the same memory, open for reading only, to be handed on.
    ///
    /// The seals protect the memory in any mode; a read-only descriptor is a second
    /// wall, and kernels before 6.7 share its mapping where they would not another.
    /// It is reopened through `/proc/self/fd`. Where `/proc` is not mounted there is
    /// no other way to get one: hand on [`Sealed::into_descriptor`] instead.
    ///
    /// # Errors
    /// [`RejectError::NoProc`], or [`RejectError::System`] when descriptors run out.
    pub fn reader_descriptor(&self) -> Result<OwnedFd, RejectError> {
        reopen_for_reading(self.file.as_fd())
    }

    /// The descriptor it was accepted or made with, in whatever mode that had.
    #[must_use]
    pub fn into_descriptor(self) -> OwnedFd {
        self.file
    }
}

#[cfg(test)]
mod tests {
    use super::super::Region;
    use super::*;
    use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
    use rustix::thread::{UnshareFlags, unshare_unsafe};
    use std::os::fd::AsRawFd;

    /// This thread alone sees an empty file system in the place of `/proc`.
    fn without_proc() -> rustix::io::Result<()> {
        // SAFETY: a mount namespace of its own, and with it a working directory of its
        // own, changes nothing that other threads or open descriptors rely on.
        unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        mount("none", "/proc", "tmpfs", MountFlags::empty(), None)
    }

    #[test]
    fn without_the_real_proc_there_is_no_readers_descriptor_but_the_memory_is_as_good() {
        let thread = std::thread::spawn(|| match without_proc() {
            Err(errno) => eprintln!("skipped: no mount namespace ({errno})"),
            Ok(()) => {
                let sealed = Region::create(10).unwrap().seal().unwrap();
                assert_eq!(sealed.reader_descriptor().unwrap_err(), RejectError::NoProc);
                // Another file where the descriptor's entry should be.
                std::fs::create_dir_all("/proc/self/fd").unwrap();
                std::fs::write(format!("/proc/self/fd/{}", sealed.file.as_raw_fd()), [1; 10]).unwrap();
                assert_eq!(sealed.reader_descriptor().unwrap_err(), RejectError::NoProc);
                let again = Sealed::accept(sealed.into_descriptor(), 10).unwrap();
                assert_eq!(again.map().unwrap()[..], [0; 10]);
            }
        });
        thread.join().unwrap();
    }
}
