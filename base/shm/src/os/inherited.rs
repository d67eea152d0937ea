//! Descriptors that a process is born with, known by their numbers.

use rustix::io::{FdFlags, fcntl_setfd};
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

const NUMBERS: usize = 1024;

/// One bit a number: whether it was taken.
static TAKEN: [AtomicU64; NUMBERS / 64] = [const { AtomicU64::new(0) }; NUMBERS / 64];

/// Takes ownership of an inherited descriptor and marks it close-on-exec.
/// Each number can be taken once in the life of the process.
///
/// # Errors
/// `InvalidInput` for a number below 3 or above 1023, `AlreadyExists` for one
/// that was taken before, and what the kernel says of one that is not open.
pub fn inherited(number: RawFd) -> io::Result<OwnedFd> {
    let index = usize::try_from(number).ok().filter(|index| (3..NUMBERS).contains(index));
    let index = index.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("descriptor {number} is not one that is inherited"),
        )
    })?;
    let bit = 1 << (index % 64);
    if TAKEN[index / 64].fetch_or(bit, Ordering::AcqRel) & bit != 0 {
        let message = format!("descriptor {number} was taken before");
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
    }
    // SAFETY: the number is only looked at here, to learn whether it is open; a
    // number that is not open makes fcntl fail and nothing else.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl_setfd(borrowed, FdFlags::CLOEXEC)?;
    // SAFETY: it is open (the call above succeeded), and the bit in `TAKEN` makes
    // this the only owner that is ever made of this number here. That nothing
    // else in the process owns it rests on the caller, which calls this at its
    // start for numbers that its parent has promised.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::{AsRawFd, IntoRawFd};

    #[test]
    fn a_number_is_taken_once_and_only_if_it_is_open() {
        let number = std::fs::File::open("/dev/null").unwrap().into_raw_fd();
        let owned = inherited(number).unwrap();
        assert_eq!(owned.as_raw_fd(), number);
        assert_eq!(inherited(number).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(inherited(1023).is_err(), "not open");
        for bad in [-1, 0, 2, 1024, RawFd::MAX] {
            assert_eq!(inherited(bad).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }
}
