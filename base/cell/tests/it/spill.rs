//! Data that the arena has no room for goes to sealed memory, then to disk.

use crate::common::both;
use ioi_cell::native::{PlaceError, Placed, Spill, Tier};
use ioi_shm::{FillError, LeaseError};
use std::io::Read;

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at as u32).wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect()
}

#[test]
fn data_go_to_the_arena_then_to_sealed_memory_then_to_disk_and_never_anywhere_else() {
    let (mut host, mut peer) = both(Tier::Light);
    let directory = std::env::temp_dir();
    let spill = Spill { sealed_bytes_max: 40 << 20, directory: Some(directory) };

    let small = bytes(1000);
    let Placed::Arena(handle) = spill.place(&mut host.lender, 1, &small).unwrap() else {
        panic!("not in the arena")
    };
    host.lender.hand_over(&handle).unwrap();
    assert_eq!(peer.borrower.take(&handle).unwrap().in_place(), Some(&small[..]));

    let large = bytes(35 << 20);
    let Placed::Sealed(sealed) = spill.place(&mut host.lender, 1, &large).unwrap() else {
        panic!("not sealed")
    };
    assert!(sealed.map().unwrap()[..] == large);

    let larger = bytes(41 << 20);
    let Placed::Disk(file) = spill.place(&mut host.lender, 1, &larger).unwrap() else {
        panic!("not on disk")
    };
    let mut read = Vec::new();
    std::fs::File::from(file).read_to_end(&mut read).unwrap();
    assert!(read == larger);

    let nowhere = Spill { sealed_bytes_max: 0, directory: None };
    assert!(matches!(nowhere.place(&mut host.lender, 1, &large).unwrap_err(), PlaceError::Arena(_)));
    assert!(matches!(spill.place(&mut host.lender, 1, &[]).unwrap_err(), PlaceError::Arena(_)));
    let missing = Spill { sealed_bytes_max: 0, directory: Some("/nonexistent".into()) };
    assert!(matches!(missing.place(&mut host.lender, 1, &large).unwrap_err(), PlaceError::Disk(_)));
}

#[test]
fn whoever_has_used_up_a_quota_gets_no_room_elsewhere() {
    let (mut host, _peer) = both(Tier::Light);
    let spill = Spill { sealed_bytes_max: 40 << 20, directory: Some(std::env::temp_dir()) };
    let held = host.lender.lease(29 << 20, 0).unwrap();
    // 30 MiB are the quota, more are the arena.
    let error = spill.place(&mut host.lender, 1, &bytes((1 << 20) + 1)).unwrap_err();
    assert!(matches!(error, PlaceError::Arena(FillError::Lease(LeaseError::Quota { .. }))), "{error}");
    host.lender.hand_over(&held).unwrap();
    host.lender.release(&held).unwrap();
    let placed = spill.place(&mut host.lender, 1, &bytes((1 << 20) + 1)).unwrap();
    assert!(matches!(placed, Placed::Arena(_)));
}

#[test]
fn a_file_that_took_what_memory_had_no_room_for_never_has_a_name_and_is_open_for_reading_only() {
    use rustix::fs::{AtFlags, CWD, fstat, linkat};
    use std::os::fd::AsRawFd;
    let (mut host, _peer) = both(Tier::Light);
    let directory = std::env::temp_dir().join(format!("ioi-spill-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let spill = Spill { sealed_bytes_max: 0, directory: Some(directory.clone()) };
    let Placed::Disk(file) = spill.place(&mut host.lender, 1, &bytes(33 << 20)).unwrap() else {
        panic!("not on disk")
    };
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
    assert!(rustix::io::write(&file, b"x").is_err());
    // Nobody reopens it for writing: root needs no mode, so it is the mode that is looked at.
    assert_eq!(fstat(&file).unwrap().st_mode & 0o7777, 0o400);
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let name = directory.join("name");
    assert!(linkat(CWD, path, CWD, &name, AtFlags::SYMLINK_FOLLOW).is_err(), "it has got a name");
    std::fs::remove_dir(&directory).unwrap();
}
