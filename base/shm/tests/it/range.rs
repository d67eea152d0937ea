//! Offsets and lengths that a peer names.

use crate::common::{ALL_SEALS, alone, memory_sealed};
use ioi_shm::{RangeError, Sealed, View};
use proptest::prelude::*;

const BYTES: u64 = 5000;

fn contents() -> Vec<u8> {
    (0..BYTES).map(|at| (at * 7 % 251) as u8).collect()
}

fn view() -> View {
    Sealed::accept(memory_sealed(&contents(), ALL_SEALS), BYTES).unwrap().map().unwrap()
}

#[test]
fn a_range_is_given_exactly_when_it_lies_within() {
    let _alone = alone();
    let (view, all) = (view(), contents());
    for (offset, length) in [
        (0, BYTES),
        (0, 0),
        (BYTES, 0),
        (BYTES - 1, 1),
        (4096, 904),
        (1, 16),
        (2, 16),
        (3, 8),
        (7, 8),
        (15, 64),
    ] {
        let expected = &all[offset as usize..(offset + length) as usize];
        assert_eq!(view.slice(offset, length), Ok(expected), "{offset}+{length}");
    }
    for (offset, length) in [
        (0, BYTES + 1),
        (BYTES, 1),
        (BYTES + 1, 0),
        (BYTES - 1, 2),
        (1, BYTES),
        (u64::MAX, 0),
        (u64::MAX, 1),
        (1, u64::MAX),
        (u64::MAX, u64::MAX),
        (1 << 63, 1 << 63),
        (u64::MAX - BYTES + 1, BYTES),
        (0, 1 << 32),
    ] {
        let error = view.slice(offset, length).unwrap_err();
        assert_eq!(error, RangeError { offset, length, bytes: BYTES });
        assert!(error.to_string().contains(&offset.to_string()), "{error}");
    }
}

#[test]
fn a_view_starts_at_a_page_so_that_offsets_have_the_alignment_of_addresses() {
    let _alone = alone();
    assert_eq!(view().as_ptr().align_offset(4096), 0);
}

fn near_a_bound() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0..2 * BYTES, (0..2 * BYTES).prop_map(|distance| u64::MAX - distance)]
}

proptest! {
    /// The oracle counts in 128 bits, where nothing wraps.
    #[test]
    fn ranges_agree_with_wide_arithmetic(ranges in proptest::collection::vec((near_a_bound(), near_a_bound()), 1..200)) {
        let _alone = alone();
        let (view, all) = (view(), contents());
        for (offset, length) in ranges {
            let end = u128::from(offset) + u128::from(length);
            let expected = (end <= u128::from(BYTES)).then(|| &all[offset as usize..end as usize]);
            prop_assert_eq!(view.slice(offset, length).ok(), expected);
        }
    }
}
