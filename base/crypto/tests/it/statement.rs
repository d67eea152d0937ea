//! A statement has one encoding, and nothing else is read.

use crate::vectors::{first_statement, second_statement};
use ioi_crypto::statement::{Body, STATEMENT_BYTES_MAX, Statement, StatementError};
use ioi_types::{BootId, LogId};
use proptest::prelude::*;

fn statements() -> impl Strategy<Value = Statement> {
    let ids = any::<([u8; 16], [u8; 16])>();
    (ids, any::<u64>(), any::<[u8; 32]>(), any::<u64>(), any::<[u8; 32]>()).prop_map(
        |((log, boot), counter, previous, size, root)| {
            let counter = counter.max(1);
            let previous = if counter == 1 { [0; 32] } else { previous };
            let body = Body::AuditHead { size, root };
            Statement { log: LogId(log), counter, previous, boot: BootId(boot), body }
        },
    )
}

proptest! {
    #[test]
    fn every_statement_round_trips(statement in statements()) {
        prop_assert_eq!(Statement::decode(&statement.encode()), Ok(statement));
    }

    #[test]
    fn what_is_read_is_exactly_what_would_be_written(
        statement in statements(), index in 0..STATEMENT_BYTES_MAX, byte in any::<u8>()
    ) {
        let mut bytes = statement.encode();
        bytes[index] = byte;
        if let Ok(read) = Statement::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(Statement::decode(&bytes), Err(StatementError::Kind));
        let with_prefix = [b"ioi/v1/audit-head\0", &bytes[..]].concat();
        if let Ok(read) = Statement::decode(&with_prefix) {
            prop_assert_eq!(read.encode(), with_prefix);
        }
    }
}

#[test]
fn a_cut_or_lengthened_statement_is_refused() {
    let bytes = second_statement().encode();
    assert_eq!(bytes.len(), STATEMENT_BYTES_MAX);
    for length in 0..bytes.len() {
        assert!(Statement::decode(&bytes[..length]).is_err(), "{length} bytes");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(Statement::decode(&longer), Err(StatementError::Length { bytes: 136 }));
}

#[test]
fn a_field_that_does_not_fit_is_named() {
    let good = second_statement().encode();
    let with = |index: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[index] = byte;
        Statement::decode(&bytes)
    };
    assert_eq!(with(4, b'2'), Err(StatementError::Kind));
    assert_eq!(with(8, b'x'), Err(StatementError::Kind));
    assert_eq!(with(17, 1), Err(StatementError::Kind));
    assert_eq!(with(18, 2), Err(StatementError::Suite { suite: 2 }));
    assert_eq!(with(91, 41), Err(StatementError::Length { bytes: 135 }));
    assert_eq!(with(94, 1), Err(StatementError::Length { bytes: 135 }));
}

#[test]
fn a_counter_must_fit_the_predecessor() {
    let refused = |counter, previous| {
        let statement = Statement { counter, previous, ..first_statement() };
        assert_eq!(Statement::decode(&statement.encode()), Err(StatementError::Counter { counter }));
    };
    refused(0, [0; 32]);
    refused(0, [1; 32]);
    refused(1, [1; 32]);
    refused(2, [0; 32]);
}
