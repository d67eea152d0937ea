//! Every kind of descriptor that is not sealed memory is refused by its name, and closed.

use crate::common::{ALL_SEALS, PAGE, alone, copy, memory, memory_sealed, open_descriptors, reopen};
use ioi_shm::{RejectError, Sealed};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{
    FallocateFlags, MemfdFlags, Mode, OFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate, memfd_create,
    open,
};
use std::os::fd::{AsFd, OwnedFd};

const BYTES_MAX: u64 = 8 * PAGE;
const HUGETLBFS_MAGIC: u64 = 0x9584_58f6;

/// A descriptor, or why this machine can't make one.
type Made = Result<OwnedFd, &'static str>;

fn refusal(case: &str, made: OwnedFd) -> RejectError {
    match Sealed::accept(made, BYTES_MAX) {
        Ok(sealed) => panic!("{case} was accepted: {sealed:?}"),
        Err(error) => error,
    }
}

/// Runs one row: refused as named, and nothing stays open.
fn row(case: &str, make: impl Fn() -> Made, expected: impl Fn(&RejectError) -> bool) {
    let before = open_descriptors();
    match make() {
        Err(missing) => eprintln!("skipped: {missing}"),
        Ok(made) => {
            let error = refusal(case, made);
            assert!(expected(&error), "{case} was refused as {error:?}");
            assert!(error.to_string().len() > 20, "{case} is not explained");
        }
    }
    assert_eq!(open_descriptors(), before, "{case} leaked a descriptor");
}

#[test]
fn complete_seals_are_accepted_and_extra_ones_do_no_harm() {
    let _alone = alone();
    for seals in [ALL_SEALS, ALL_SEALS | SealFlags::FUTURE_WRITE] {
        let sealed = Sealed::accept(memory_sealed(&[7; 5000], seals), BYTES_MAX).unwrap();
        assert_eq!(sealed.bytes(), 5000);
        assert_eq!(sealed.map().unwrap()[..], [7; 5000]);
    }
    let exactly = memory_sealed(&vec![1; usize::try_from(BYTES_MAX).unwrap()], ALL_SEALS);
    assert_eq!(Sealed::accept(exactly, BYTES_MAX).unwrap().bytes(), BYTES_MAX);
}

#[test]
fn each_missing_seal_is_refused_by_name() {
    let _alone = alone();
    let lacks =
        |names: &'static str| move |error: &RejectError| *error == RejectError::SealsMissing(names.into());
    row("unsealed memory", || Ok(memory(&[1; 10])), lacks("WRITE, SHRINK, GROW, SEAL"));
    for (seal, name) in [
        (SealFlags::WRITE, "WRITE"),
        (SealFlags::SHRINK, "SHRINK"),
        (SealFlags::GROW, "GROW"),
        (SealFlags::SEAL, "SEAL"),
    ] {
        row(name, || Ok(memory_sealed(&[1; 10], ALL_SEALS.difference(seal))), lacks(name));
    }
    let future = ALL_SEALS.difference(SealFlags::WRITE) | SealFlags::FUTURE_WRITE;
    row("FUTURE_WRITE for WRITE", || Ok(memory_sealed(&[1; 10], future)), lacks("WRITE"));
    let unsealable = || Ok(memfd_create("test", MemfdFlags::CLOEXEC).unwrap());
    row("memory that can't be sealed", unsealable, lacks("WRITE, SHRINK, GROW"));
}

#[test]
fn memory_that_is_not_all_there_is_refused() {
    let _alone = alone();
    let sparse = |error: &RejectError| matches!(error, RejectError::Sparse { .. });
    let seal = |file: OwnedFd| {
        fcntl_add_seals(&file, ALL_SEALS).unwrap();
        Ok(file)
    };
    row(
        "memory never written",
        || {
            let file = memory(&[]);
            ftruncate(&file, 4 * PAGE).unwrap();
            seal(file)
        },
        sparse,
    );
    row(
        "memory with a hole in the middle",
        || {
            let file = memory(&vec![1; usize::try_from(4 * PAGE).unwrap()]);
            fallocate(&file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, PAGE, PAGE).unwrap();
            seal(file)
        },
        sparse,
    );
    // As many pages as its size needs, but beyond its end: `st_blocks` looks right.
    row(
        "memory with its pages beyond its end",
        || {
            let file = memory(&[]);
            ftruncate(&file, 2 * PAGE).unwrap();
            fallocate(&file, FallocateFlags::KEEP_SIZE, 2 * PAGE, 16 * PAGE).unwrap();
            assert!(rustix::fs::fstat(&file).unwrap().st_blocks as u64 * 512 >= 2 * PAGE);
            seal(file)
        },
        |error| *error == RejectError::Sparse { bytes_present: 0, bytes: 2 * PAGE },
    );
}

#[test]
fn a_wrong_size_is_refused() {
    let _alone = alone();
    row("empty memory", || Ok(memory_sealed(&[], ALL_SEALS)), |error| *error == RejectError::Empty);
    let one_more = vec![1; usize::try_from(BYTES_MAX).unwrap() + 1];
    row(
        "one byte too many",
        || Ok(memory_sealed(&one_more, ALL_SEALS)),
        |error| *error == RejectError::TooBig { bytes: BYTES_MAX + 1, bytes_max: BYTES_MAX },
    );
    row(
        "a sealed file of 8 EiB without a page",
        || {
            let file = memory(&[]);
            ftruncate(&file, i64::MAX as u64).unwrap();
            fcntl_add_seals(&file, ALL_SEALS).unwrap();
            Ok(file)
        },
        |error| *error == RejectError::TooBig { bytes: i64::MAX as u64, bytes_max: BYTES_MAX },
    );
}

#[test]
fn whatever_is_not_memory_is_refused() {
    let _alone = alone();
    let path =
        |path: &str, flags: OFlags| open(path, flags | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR).unwrap();
    let is = |kind: &'static str| move |error: &RejectError| *error == RejectError::NotAFile(kind);
    row("a directory", || Ok(path("/", OFlags::RDONLY)), is("directory"));
    row("/dev/zero", || Ok(path("/dev/zero", OFlags::RDWR)), is("character device"));
    row("a pipe", || Ok(rustix::pipe::pipe().unwrap().0), is("pipe"));
    row("a socket", || Ok(std::os::unix::net::UnixStream::pair().unwrap().0.into()), is("socket"));
    let event = || Ok(eventfd(0, EventfdFlags::CLOEXEC).unwrap());
    row("an eventfd", event, is("descriptor without a file type"));
    let this_binary = std::env::current_exe().unwrap();
    let on_disk = || Ok(path(this_binary.to_str().unwrap(), OFlags::RDONLY));
    row("a file on disk", on_disk, |error| {
        // Where the build directory is a tmpfs, it is the seals that are missing.
        matches!(error, RejectError::NotAMemoryFile | RejectError::SealsMissing(_))
    });
    let procfs = || Ok(path("/proc/self/maps", OFlags::RDONLY));
    row("a file of procfs", procfs, |error| *error == RejectError::NotAMemoryFile);
}

/// A file system of the peer's own, which answers what it must to have a file opened and
/// then never again.
#[test]
fn a_file_whose_file_system_never_answers_is_refused_without_asking_it() {
    let _alone = alone();
    let Ok(silent) = crate::silent::file() else {
        eprintln!("skipped: no FUSE");
        return;
    };
    let (sender, refused) = std::sync::mpsc::channel();
    let copy = copy(&silent.file);
    // Where it asks, it sleeps in the kernel until the file system is gone.
    let asking = std::thread::spawn(move || sender.send(Sealed::accept(copy, BYTES_MAX).err()));
    let answer = refused.recv_timeout(std::time::Duration::from_secs(10));
    drop(silent);
    asking.join().unwrap().ok();
    assert_eq!(answer.expect("it answers"), Some(RejectError::NotAMemoryFile));
}

#[test]
fn a_file_on_tmpfs_is_refused_for_its_seals() {
    let _alone = alone();
    let on_tmpfs = || {
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        let file = open("/dev/shm", flags, Mode::RUSR | Mode::WUSR).map_err(|_| "no tmpfs on /dev/shm")?;
        rustix::io::write(&file, &[1; 10]).unwrap();
        Ok(file)
    };
    row(
        "a file on tmpfs",
        on_tmpfs,
        |error| matches!(error, RejectError::SealsMissing(names) if names.starts_with("WRITE")),
    );
}

#[test]
fn memory_in_huge_pages_is_refused() {
    let _alone = alone();
    let huge = || {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | MemfdFlags::HUGETLB;
        let file = memfd_create("test", flags).map_err(|_| "no hugetlb")?;
        fcntl_add_seals(&file, ALL_SEALS).map_err(|_| "no seals on hugetlb")?;
        Ok(file)
    };
    row("memory in huge pages", huge, |error| *error == RejectError::NotMemory(HUGETLBFS_MAGIC));
}

#[test]
fn a_descriptor_that_cannot_be_read_is_refused() {
    let _alone = alone();
    let refused = |error: &RejectError| *error == RejectError::NotReadable;
    let in_mode = |flags: OFlags| {
        let file = memory(&[1; 10]);
        let other = reopen(file.as_fd(), flags).unwrap();
        fcntl_add_seals(&file, ALL_SEALS).unwrap();
        Ok(other)
    };
    row("a write-only descriptor", || in_mode(OFlags::WRONLY), refused);
    row("a descriptor of a path", || in_mode(OFlags::PATH), refused);
}

#[test]
fn refusal_does_not_touch_the_senders_own_descriptor() {
    let _alone = alone();
    let kept = memory(&[1; 10]);
    refusal("unsealed memory", copy(&kept));
    assert_eq!(crate::common::contents(kept.as_fd()), [1; 10]);
}
