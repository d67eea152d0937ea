//! What was written whole and has changed is refused, with the place; what was cut off is not.

use crate::model::{BOOT, LOG, leaf};
use ioi_guardian::{Log, RecoverError};
use ioi_types::LogId;
use proptest::prelude::*;

/// Six records, each its bytes.
fn records() -> Vec<Vec<u8>> {
    let (mut log, created) = Log::create(LOG, BOOT);
    let mut records = vec![created.bytes];
    for number in 0..2 {
        records.push(log.append(log.size(), &[leaf(number), leaf(number + 7)], number == 0).unwrap().0.bytes);
        records.push(log.head().unwrap().0.bytes);
    }
    records.push(log.append(log.size(), &[leaf(9)], false).unwrap().0.bytes);
    records
}

fn recover(journal: &[u8]) -> Result<(Log, u64), RecoverError> {
    Log::recover(LOG, BOOT, journal)
}

fn damaged(journal: &[u8], offset: usize) {
    assert_eq!(recover(journal), Err(RecoverError::Damaged { offset: offset as u64 }));
}

#[test]
fn every_flipped_bit_is_found_and_its_record_named() {
    let records = records();
    let journal = records.concat();
    let mut offset = 0;
    for record in &records {
        for bit in offset * 8..(offset + record.len()) * 8 {
            let mut changed = journal.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            damaged(&changed, offset);
            changed.extend([0; 512]);
            damaged(&changed, offset);
        }
        offset += record.len();
    }
}

#[test]
fn a_record_that_is_missing_repeated_or_out_of_place_is_found() {
    let records = records();
    let offset = |index: usize| records[..index].concat().len();
    for index in 0..records.len() - 1 {
        let missing = [records[..index].concat(), records[index + 1..].concat()].concat();
        damaged(&missing, offset(index));
        let repeated = [records[..=index].concat(), records[index..].concat()].concat();
        damaged(&repeated, offset(index + 1));
        let mut swapped = records.clone();
        swapped.swap(index, index + 1);
        damaged(&swapped.concat(), offset(index));
    }
    let other = Log::create(LogId([9; 16]), BOOT).1.bytes;
    let grafted = [&other[..], &records[1]].concat();
    let recovered = Log::recover(LogId([9; 16]), BOOT, &grafted);
    assert_eq!(recovered, Err(RecoverError::Damaged { offset: other.len() as u64 }));
}

#[test]
fn bytes_beyond_a_gap_of_zeros_are_damage() {
    let journal = records().concat();
    let beyond = [&journal[..], &[0; 100], &[1]].concat();
    damaged(&beyond, journal.len());
}

#[test]
fn a_journal_without_a_whole_record_was_never_answered_from() {
    let genesis = &records()[0];
    for length in 0..genesis.len() {
        assert_eq!(recover(&genesis[..length]), Err(RecoverError::Unborn));
        let padded = [&genesis[..length], &[0; 4096]].concat();
        assert_eq!(recover(&padded), Err(RecoverError::Unborn));
    }
}

#[test]
fn the_journal_of_another_log_is_refused_by_name() {
    let recovered = Log::recover(LogId([9; 16]), BOOT, &records().concat());
    assert_eq!(recovered, Err(RecoverError::OtherLog { found: LOG }));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_never_become_a_log(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(recover(&bytes).is_err());
    }

    #[test]
    fn arbitrary_bytes_after_whole_records_change_nothing_before_them(
        keep in 1..=6_usize, bytes in prop::collection::vec(any::<u8>(), 0..400)
    ) {
        let whole = records()[..keep].concat();
        let expected = recover(&whole).unwrap();
        match recover(&[&whole[..], &bytes].concat()) {
            Ok(recovered) => prop_assert_eq!(recovered, expected),
            Err(error) => prop_assert_eq!(error, RecoverError::Damaged { offset: whole.len() as u64 }),
        }
    }
}
