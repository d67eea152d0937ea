//! Statements and public keys: each has one encoding.

use ioi_audit::{encode_public_key, parse_public_key};
use ioi_crypto::statement::{STATEMENT_BYTES_MAX, Statement};
use ioi_crypto::{PublicKey, Signature};

/// What is decoded is written back to the same bytes, and no arbitrary bytes are a signature.
pub(crate) fn check(input: &[u8]) {
    if let Ok(statement) = Statement::decode(input) {
        assert_eq!(statement.encode(), input, "a statement has one encoding");
        assert!(input.len() <= STATEMENT_BYTES_MAX);
        assert_eq!(statement.counter == 1, statement.previous == [0; 32]);
    }
    if let Ok(key) = parse_public_key(input) {
        assert_eq!(encode_public_key(&key), input, "a key file has one encoding");
    }
    if let Ok(key) = PublicKey::from_bytes(input) {
        assert_eq!(key.to_bytes()[..], *input, "a key has one encoding");
    }
    if let Ok(signature) = Signature::from_bytes(input) {
        let statement = b"ioi/v1/audit-head\0\x01";
        let golden = crate::receipt::guardian_key();
        assert!(golden.verify("audit-head", statement, &signature).is_err(), "nobody signed this");
    }
}
