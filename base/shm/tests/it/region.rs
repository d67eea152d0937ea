//! Making, filling and sealing, with a writer who keeps to the order and with one who doesn't.

use crate::common::{PAGE, alone, copy, open_descriptors};
use ioi_shm::{PeerBuffer, REGION_BYTES_MAX, Region, RegionError, RejectError, SealError, Sealed};
use rustix::fs::{FallocateFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

const BYTES: u64 = 4 * PAGE;

fn filled_by_peer() -> (Region, OwnedFd) {
    let region = Region::create(BYTES).unwrap();
    let writer = region.writer_descriptor().unwrap();
    PeerBuffer::map(copy(&writer), BYTES).unwrap().fill(7);
    (region, writer)
}

fn refusal(region: Region) -> SealError {
    region.seal().map(|sealed| panic!("sealed: {sealed:?}")).unwrap_err()
}

#[test]
fn a_size_out_of_bounds_is_refused() {
    for bytes in [0, REGION_BYTES_MAX + 1, i64::MAX as u64, u64::MAX] {
        assert_eq!(
            Region::create(bytes).unwrap_err(),
            RegionError::Size { bytes, bytes_max: REGION_BYTES_MAX }
        );
    }
}

#[test]
fn all_of_a_region_is_allocated_before_anything_is_written() {
    let _alone = alone();
    for bytes in [1, PAGE - 1, PAGE, PAGE + 1, 40 << 20] {
        let region = Region::create(bytes).unwrap();
        let stat = rustix::fs::fstat(region.writer_descriptor().unwrap()).unwrap();
        assert_eq!(stat.st_size as u64, bytes);
        assert!(stat.st_blocks as u64 * 512 >= bytes, "{bytes}: only {} blocks", stat.st_blocks);
    }
}

#[test]
fn what_the_host_writes_is_what_a_reader_sees() {
    let _alone = alone();
    let mut region = Region::create(BYTES).unwrap();
    {
        let mut writer = region.map_writer().unwrap();
        assert_eq!((writer.len() as u64, writer.iter().all(|byte| *byte == 0)), (BYTES, true));
        writer[..5].copy_from_slice(b"first");
    }
    region.map_writer().unwrap()[5..10].copy_from_slice(b"again");
    region.shrink_to(10).unwrap();
    assert_eq!(region.bytes(), 10);
    assert_eq!(region.seal().unwrap().map().unwrap()[..], *b"firstagain");
}

#[test]
fn what_a_peer_writes_is_what_a_reader_sees() {
    let _alone = alone();
    let before = open_descriptors();
    let (mut region, writer) = filled_by_peer();
    region.shrink_to(BYTES - 1).unwrap();
    let sealed = region.seal().unwrap();
    let reader = Sealed::accept(sealed.reader_descriptor().unwrap(), BYTES).unwrap();
    assert_eq!(reader.map().unwrap()[..], vec![7; BYTES as usize - 1]);
    drop((sealed, reader, writer));
    assert_eq!(open_descriptors(), before);
}

#[test]
fn pages_that_were_never_touched_read_as_zeros_and_pass_the_receiver() {
    let _alone = alone();
    let mut region = Region::create(BYTES).unwrap();
    region.map_writer().unwrap()[3 * PAGE as usize] = 9;
    let reader = region.seal().unwrap().reader_descriptor().unwrap();
    let view = Sealed::accept(reader, BYTES).unwrap().map().unwrap();
    let touched: Vec<usize> =
        view.iter().enumerate().filter(|(_, byte)| **byte != 0).map(|(at, _)| at).collect();
    assert_eq!(touched, [3 * PAGE as usize]);
}

#[test]
fn a_region_that_a_peer_may_write_is_never_mapped_here() {
    let _alone = alone();
    let mut region = Region::create(BYTES).unwrap();
    drop(region.writer_descriptor().unwrap());
    assert_eq!(region.map_writer().unwrap_err(), RegionError::HandedOut);
}

#[test]
fn a_region_still_mapped_for_writing_is_not_sealed() {
    let _alone = alone();
    let region = Region::create(BYTES).unwrap();
    let buffer = PeerBuffer::map(region.writer_descriptor().unwrap(), BYTES).unwrap();
    assert_eq!(refusal(region), SealError::StillMapped);
    assert_eq!(buffer.len() as u64, BYTES);
}

#[test]
fn a_region_with_pages_held_in_a_pipe_is_not_sealed() {
    let _alone = alone();
    let region = Region::create(BYTES).unwrap();
    let mut buffer = PeerBuffer::map(region.writer_descriptor().unwrap(), BYTES).unwrap();
    buffer.fill(7);
    let (_read, write) = rustix::pipe::pipe().unwrap();
    let parts = [rustix::pipe::IoSliceRaw::from_slice(&buffer[..PAGE as usize])];
    // SAFETY: the pages are only read, and what the pipe shows is not looked at.
    unsafe { rustix::pipe::vmsplice(&write, &parts, rustix::pipe::SpliceFlags::empty()) }.unwrap();
    drop(buffer);
    assert_eq!(refusal(region), SealError::StillMapped);
}

#[test]
fn a_cut_out_of_bounds_is_refused_and_changes_nothing() {
    let _alone = alone();
    let mut region = Region::create(BYTES).unwrap();
    for used in [0, BYTES + 1, u64::MAX] {
        assert_eq!(region.shrink_to(used).unwrap_err(), RegionError::Size { bytes: used, bytes_max: BYTES });
    }
    assert_eq!((region.bytes(), region.seal().unwrap().bytes()), (BYTES, BYTES));
}

#[test]
fn a_peer_cannot_take_more_memory_with_a_region() {
    let _alone = alone();
    let (_region, writer) = filled_by_peer();
    assert_eq!(ftruncate(&writer, BYTES + 1), Err(Errno::PERM));
    for flags in [FallocateFlags::empty(), FallocateFlags::KEEP_SIZE] {
        assert_eq!(fallocate(&writer, flags, 0, BYTES + PAGE), Err(Errno::PERM));
    }
}

#[test]
fn a_peer_that_cuts_punches_or_seals_is_found_out() {
    let _alone = alone();
    let whole = |bytes| SealError::Rejected(RejectError::WrongSize { bytes, bytes_agreed: BYTES });
    let (region, writer) = filled_by_peer();
    ftruncate(&writer, 100).unwrap();
    assert_eq!(refusal(region), whole(100));

    let holes = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let (region, writer) = filled_by_peer();
    let Err(Errno::PERM) = fallocate(&writer, holes, PAGE, PAGE) else {
        panic!("FUTURE_WRITE, set by PeerBuffer, lets holes be punched");
    };
    drop(region);
    // A writer that maps it by other means can punch.
    let region = Region::create(BYTES).unwrap();
    fallocate(region.writer_descriptor().unwrap(), holes, PAGE, PAGE).unwrap();
    let sparse = RejectError::Sparse { bytes_present: BYTES - PAGE, bytes: BYTES };
    assert_eq!(refusal(region), SealError::Rejected(sparse));

    let (region, writer) = filled_by_peer();
    fcntl_add_seals(&writer, SealFlags::SEAL).unwrap();
    assert_eq!(refusal(region), SealError::SealedByPeer);

    let (mut region, writer) = filled_by_peer();
    fcntl_add_seals(&writer, SealFlags::SHRINK).unwrap();
    assert_eq!(region.shrink_to(1).unwrap_err(), RegionError::SealedByPeer);
}

#[test]
fn memory_is_mapped_for_writing_once_only_and_then_takes_no_other_writer() {
    let _alone = alone();
    let region = Region::create(BYTES).unwrap();
    let writer = region.writer_descriptor().unwrap();
    let mut buffer = PeerBuffer::map(copy(&writer), BYTES).unwrap();
    buffer[0] = 1;
    assert_eq!(PeerBuffer::map(copy(&writer), BYTES).unwrap_err(), RejectError::WriteSealed);
    assert_eq!(rustix::io::pwrite(&writer, b"X", 0), Err(Errno::PERM));
    assert_eq!(buffer[0], 1);
    drop(buffer);
    assert_eq!(PeerBuffer::map(writer, BYTES).unwrap_err(), RejectError::WriteSealed);
    assert!(region.seal().is_ok());
}

#[test]
fn a_buffer_of_another_size_or_mode_is_refused() {
    let _alone = alone();
    let before = open_descriptors();
    let region = Region::create(BYTES).unwrap();
    let writer = || region.writer_descriptor().unwrap();
    for bytes in [0, BYTES - 1, BYTES + 1, u64::MAX] {
        let wrong = RejectError::WrongSize { bytes: BYTES, bytes_agreed: bytes };
        assert_eq!(PeerBuffer::map(writer(), bytes).unwrap_err(), wrong);
    }
    let read_only =
        crate::common::reopen(std::os::fd::AsFd::as_fd(&writer()), rustix::fs::OFlags::RDONLY).unwrap();
    assert_eq!(PeerBuffer::map(read_only, BYTES).unwrap_err(), RejectError::NotWritable);
    let pipe = rustix::pipe::pipe().unwrap().1;
    assert_eq!(PeerBuffer::map(pipe, BYTES).unwrap_err(), RejectError::NotAFile("pipe"));
    let sealed = region.seal().unwrap().into_descriptor();
    assert_eq!(PeerBuffer::map(sealed, BYTES).unwrap_err(), RejectError::WriteSealed);
    assert_eq!(open_descriptors(), before);
}
