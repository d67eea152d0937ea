//! No way that the kernel offers changes sealed bytes; each way changes unsealed ones.

use crate::common::{ALL_SEALS, PAGE, alone, contents, memory, memory_sealed, open_descriptors, reopen};
use ioi_shm::Sealed;
use rustix::fs::{FallocateFlags, Mode, OFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate, open};
use rustix::io::{Errno, Result};
use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap, mprotect, munmap};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::null_mut;

const BYTES: usize = 4 * PAGE as usize;

/// One way to change a file: done, or refused by the kernel.
type Attack = fn(BorrowedFd<'_>) -> Result<()>;

const ATTACKS: &[(&str, Attack)] = &[
    ("write", |file| rustix::io::pwrite(file, b"X", 0).map(drop)),
    ("write at the end", |file| rustix::io::pwrite(file, b"X", BYTES as u64).map(drop)),
    ("cut", |file| ftruncate(file, 1)),
    ("grow", |file| ftruncate(file, 2 * BYTES as u64)),
    ("punch a hole", |file| fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 0, PAGE)),
    ("allocate beyond the end", |file| fallocate(file, FallocateFlags::empty(), BYTES as u64, PAGE)),
    ("map for writing", |file| mapped(file, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, poke)),
    ("map, then mprotect", |file| {
        mapped(file, ProtFlags::READ, MapFlags::SHARED, |start| {
            // SAFETY: the range is one live mapping with no references into it.
            unsafe { mprotect(start.cast(), BYTES, MprotectFlags::READ | MprotectFlags::WRITE) }?;
            poke(start)
        })
    }),
    ("map, then remove pages", |file| {
        let writable = mapped(file, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, remove);
        if writable.is_ok() { writable } else { mapped(file, ProtFlags::READ, MapFlags::SHARED, remove) }
    }),
    ("reopen for writing", |file| rustix::io::pwrite(reopen(file, OFlags::RDWR)?, b"X", 0).map(drop)),
    ("reopen and append", |file| {
        rustix::io::write(reopen(file, OFlags::WRONLY | OFlags::APPEND)?, b"X").map(drop)
    }),
    ("reopen and cut", |file| {
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        open(path, OFlags::WRONLY | OFlags::TRUNC | OFlags::CLOEXEC, Mode::empty()).map(drop)
    }),
    ("splice from a pipe", |file| {
        let (read, write) = rustix::pipe::pipe()?;
        rustix::io::write(&write, b"XXXX")?;
        let flags = rustix::pipe::SpliceFlags::empty();
        rustix::pipe::splice(&read, None, file, Some(&mut 0), 4, flags).map(drop)
    }),
    ("copy from another file", |file| {
        let other = memory(b"XXXX");
        rustix::fs::copy_file_range(&other, Some(&mut 0), file, Some(&mut 0), 4).map(drop)
    }),
    ("write through /proc/self/mem", |file| {
        mapped(file, ProtFlags::READ, MapFlags::SHARED, |start| {
            let own_memory = open("/proc/self/mem", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
            rustix::io::pwrite(&own_memory, b"X", start as u64).map(drop)
        })
    }),
];

fn mapped(
    file: BorrowedFd<'_>,
    prot: ProtFlags,
    flags: MapFlags,
    act: impl Fn(*mut u8) -> Result<()>,
) -> Result<()> {
    // SAFETY: a new mapping at an address of the kernel's choice.
    let start = unsafe { mmap(null_mut(), BYTES, prot, flags, file, 0) }?;
    let done = act(start.cast());
    // SAFETY: exactly the mapping made above; no reference into it was made.
    unsafe { munmap(start, BYTES) }.unwrap();
    done
}

#[allow(clippy::unnecessary_wraps)] // It has the signature of an attack.
fn poke(start: *mut u8) -> Result<()> {
    // SAFETY: the callers map at least one byte writable there.
    unsafe { start.write_volatile(b'X') };
    Ok(())
}

fn remove(start: *mut u8) -> Result<()> {
    // SAFETY: the range is one live mapping with no references into it.
    unsafe { madvise(start.cast(), BYTES, Advice::LinuxRemove) }
}

fn original() -> Vec<u8> {
    (0..BYTES).map(|at| b'a' + (at % 23) as u8).collect()
}

/// The attacks that a file of these seals does not withstand.
fn successes(seals: SealFlags) -> Vec<&'static str> {
    let changed = |attack: &Attack| {
        let file = memory_sealed(&original(), seals);
        let _ = attack(file.as_fd());
        contents(file.as_fd()) != original()
    };
    ATTACKS.iter().filter(|(_, attack)| changed(attack)).map(|(name, _)| *name).collect()
}

#[test]
fn every_attack_changes_memory_that_is_not_sealed() {
    let _alone = alone();
    let all: Vec<&str> = ATTACKS.iter().map(|(name, _)| *name).collect();
    // The kernel writes through a read-only mapping for nobody, sealed or not.
    let expected: Vec<&str> =
        all.into_iter().filter(|name| *name != "write through /proc/self/mem").collect();
    assert_eq!(successes(SealFlags::empty()), expected);
}

#[test]
fn size_seals_alone_stop_neither_writes_nor_holes() {
    let _alone = alone();
    let got_in = successes(SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL);
    for name in ["write", "punch a hole", "map for writing", "reopen for writing", "map, then remove pages"] {
        assert!(got_in.contains(&name), "{name} was stopped");
    }
    for name in ["cut", "grow"] {
        assert!(!got_in.contains(&name), "{name} got in");
    }
}

#[test]
fn no_attack_changes_sealed_memory_by_any_descriptor_of_it() {
    let _alone = alone();
    let before = open_descriptors();
    let writer = memory(&original());
    fcntl_add_seals(&writer, ALL_SEALS).unwrap();
    let sealed = Sealed::accept(crate::common::copy(&writer), BYTES as u64).unwrap();
    let view = sealed.map().unwrap();
    let descriptors: [(&str, OwnedFd); 3] = [
        ("the writer's descriptor", crate::common::copy(&writer)),
        ("the reader's descriptor", sealed.reader_descriptor().unwrap()),
        ("one reopened for writing", reopen(writer.as_fd(), OFlags::RDWR).unwrap()),
    ];
    for (whose, file) in &descriptors {
        for (name, attack) in ATTACKS {
            let answer = attack(file.as_fd());
            assert!(answer.is_err(), "{name} by {whose} was not refused");
            assert_eq!(view[..], original(), "{name} by {whose} changed the bytes");
        }
    }
    drop((descriptors, view, sealed, writer));
    assert_eq!(open_descriptors(), before);
}

#[test]
fn a_private_writable_mapping_changes_only_its_own_copy() {
    let _alone = alone();
    let sealed = Sealed::accept(memory_sealed(&original(), ALL_SEALS), BYTES as u64).unwrap();
    let view = sealed.map().unwrap();
    let file = sealed.reader_descriptor().unwrap();
    mapped(file.as_fd(), ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE, poke).unwrap();
    assert_eq!(view[..], original());
}

#[test]
fn no_seal_can_be_taken_off_or_added() {
    let _alone = alone();
    let file = memory_sealed(&original(), ALL_SEALS);
    for seals in [SealFlags::empty(), SealFlags::FUTURE_WRITE, SealFlags::WRITE] {
        assert_eq!(fcntl_add_seals(&file, seals), Err(Errno::PERM));
    }
    assert_eq!(rustix::fs::fcntl_get_seals(&file).unwrap(), ALL_SEALS);
}

#[test]
fn the_readers_descriptor_is_of_the_same_memory_and_read_only() {
    let _alone = alone();
    let sealed = Sealed::accept(memory_sealed(&original(), ALL_SEALS), BYTES as u64).unwrap();
    let reader = sealed.reader_descriptor().unwrap();
    assert_eq!(rustix::fs::fcntl_getfl(&reader).unwrap() & OFlags::RWMODE, OFlags::RDONLY);
    assert_eq!(rustix::io::fcntl_getfd(&reader).unwrap(), rustix::io::FdFlags::CLOEXEC);
    let (one, other) =
        (rustix::fs::fstat(&reader).unwrap(), rustix::fs::fstat(sealed.into_descriptor()).unwrap());
    assert_eq!((one.st_dev, one.st_ino), (other.st_dev, other.st_ino));
    assert_eq!(Sealed::accept(reader, BYTES as u64).unwrap().map().unwrap()[..], original());
}

#[test]
fn a_view_outlives_every_descriptor() {
    let _alone = alone();
    let view = Sealed::accept(memory_sealed(&original(), ALL_SEALS), BYTES as u64).unwrap().map().unwrap();
    let elsewhere = std::thread::spawn(move || view[..] == original());
    assert!(elsewhere.join().unwrap());
}
