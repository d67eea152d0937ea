//! The golden vectors, and a key and statements to test with.

use ioi_crypto::SecretKey;
use ioi_crypto::statement::{Body, Statement};
use ioi_types::{BootId, LogId, hex};

/// The bytes of a line of `tests/vectors/suite1.txt`.
pub(crate) fn vector(name: &str) -> Vec<u8> {
    let lines = include_str!("../vectors/suite1.txt").lines();
    let mut values = lines.filter_map(|line| line.split_once(' ')).filter(|(key, _)| *key == name);
    hex::decode(values.next().unwrap().1).unwrap()
}

pub(crate) fn fixed_key() -> SecretKey {
    SecretKey::from_bytes(&vector("secret_key")).unwrap()
}

pub(crate) const KIND: &str = "audit-head";

/// The first statement of the vectors, from its fields.
pub(crate) fn first_statement() -> Statement {
    Statement {
        log: LogId(std::array::from_fn(|index| 0x10 + index as u8)),
        counter: 1,
        previous: [0; 32],
        boot: BootId(std::array::from_fn(|index| 0x20 + index as u8)),
        body: Body::AuditHead { size: 5, root: std::array::from_fn(|index| 0x80 + index as u8) },
    }
}

/// The second statement of the vectors, which follows the first.
pub(crate) fn second_statement() -> Statement {
    let first = first_statement();
    let root = std::array::from_fn(|index| 0x9f - index as u8);
    let body = Body::AuditHead { size: 0x0102_0304_0506_0708, root };
    Statement { counter: 2, previous: first.digest(), body, ..first }
}
