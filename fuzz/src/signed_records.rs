//! Records that a guardian signed, whatever they say: what verifies is a whole session and nothing else.
//!
//! A signature proves who spoke, not that the words make sense. The input is a log; its lines are put
//! into a receipt with an honest head, so that the fuzzer is past the signatures.

use ioi_audit::{Entry, ReceiptWriter, Selector, Trust, VerifyFailure, recover, redact, verify};
use ioi_crypto::statement::{Body, Statement};
use ioi_crypto::{SECRET_KEY_BYTES, SecretKey, Signature};
use ioi_merkle::{Sha256Tree, root};
use ioi_types::{BootId, LogId};
use std::sync::OnceLock;

/// A key that signs whatever it is given.
fn key() -> &'static SecretKey {
    static KEY: OnceLock<SecretKey> = OnceLock::new();
    // Suite 1 and two seeds.
    let mut bytes = [7; SECRET_KEY_BYTES];
    bytes[0] = 1;
    KEY.get_or_init(|| SecretKey::from_bytes(&bytes).expect("a key from its seeds"))
}

/// The golden log, which this target must let through to mean anything.
const GOLDEN: &[u8] = include_bytes!("../../schema/vectors/receipts/records.jsonl");

/// Lines that are entries become leaves; others are left out.
pub(crate) fn check(input: &[u8]) {
    static GOLDEN_HOLDS: OnceLock<bool> = OnceLock::new();
    assert!(*GOLDEN_HOLDS.get_or_init(|| verifies(GOLDEN)), "the golden log verifies");
    verifies(input);
}

/// Whether a receipt of these lines verifies.
fn verifies(input: &[u8]) -> bool {
    let lines = input.split_inclusive(|byte| *byte == b'\n');
    let entries: Vec<Entry> =
        lines.filter_map(|line| Entry::parse_line(line).ok()).map(|read| read.0).collect();
    if entries.is_empty() {
        return false;
    }
    let log: Vec<u8> = entries.iter().flat_map(Entry::to_line).collect();
    let receipt = write(&entries);
    match verify(&receipt, &Trust::keys([key().public().id()])) {
        Ok(report) => {
            assert!(recover(&log).is_ok(), "a receipt holds a log that can be recovered");
            assert_eq!(report.leaves, entries.len() as u64);
            assert!(report.to_string().is_ascii(), "a report is shown on a terminal");
            if let Ok((redacted, _)) = redact(&receipt, &Selector::All) {
                assert!(verify(&redacted, &Trust::keys([key().public().id()])).is_ok());
            }
            true
        }
        Err(VerifyFailure::UnknownKey { .. }) => panic!("the key is trusted"),
        Err(failure) => {
            assert!(!failure.to_string().contains(char::is_control));
            false
        }
    }
}

fn write(entries: &[Entry]) -> Vec<u8> {
    let hashes: Vec<_> = entries.iter().map(|entry| entry.leaf_hash).collect();
    let body = Body::AuditHead { size: hashes.len() as u64, root: root::<Sha256Tree>(&hashes) };
    // The log of the golden records.
    let (log, boot) = (LogId([0xa0; 16]), BootId([0xb0; 16]));
    let head = Statement { log, counter: 1, previous: [0; 32], boot, body }.encode();
    let mut writer = ReceiptWriter::begin(Vec::new(), &head, &key().public()).expect("memory is written");
    entries.iter().for_each(|entry| writer.entry(entry).expect("memory is written"));
    writer.finish(&signature(&head)).expect("memory is written")
}

fn signature(head: &[u8]) -> Signature {
    key().sign("audit-head", head).expect("the head is a statement of this kind")
}
