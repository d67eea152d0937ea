//! Properties of the canonical encoding against serde_json as an independent reader.

use ioi_canon::{INTEGER_MAX, Limits, Value, parse};
use proptest::prelude::*;

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        (-INTEGER_MAX..=INTEGER_MAX).prop_map(Value::Integer),
        any::<String>().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
            prop::collection::btree_map("[ -~]{0,8}", inner, 0..8).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_round_trips_and_an_independent_reader_agrees(value in values()) {
        let bytes = value.to_bytes();
        prop_assert_eq!(parse(&bytes, Limits::default()), Ok(value));
        let foreign: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        // serde_json's map is sorted and it uses the same short escapes.
        prop_assert_eq!(serde_json::to_vec(&foreign).unwrap(), bytes);
    }

    #[test]
    fn accepted_bytes_are_exactly_the_canonical_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(value) = parse(&bytes, Limits::default()) {
            prop_assert_eq!(value.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_changed_byte_changes_the_value_or_is_refused(value in values(), index in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut bytes = value.to_bytes();
        let at = index.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert_ne!(parse(&bytes, Limits::default()), Ok(value));
    }
}
