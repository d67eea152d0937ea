//! Data that the arena has no room for goes to sealed memory, then to disk.

use crate::common::both;
use ioi_cell::native::{PlaceError, Placed, Spill, Tier};
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
fn a_file_that_took_what_memory_had_no_room_for_has_no_name_and_can_be_read_only() {
    let (mut host, _peer) = both(Tier::Light);
    let directory = std::env::temp_dir().join(format!("ioi-spill-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let spill = Spill { sealed_bytes_max: 0, directory: Some(directory.clone()) };
    let Placed::Disk(file) = spill.place(&mut host.lender, 1, &bytes(33 << 20)).unwrap() else {
        panic!("not on disk")
    };
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
    assert!(rustix::io::write(&file, b"x").is_err());
    std::fs::remove_dir(&directory).unwrap();
}
