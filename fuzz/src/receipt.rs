//! Receipts: no bytes verify but the golden receipt, whole or with whole openings taken away.

use ioi_audit::{Selector, Trust, VerifyFailure, parse_public_key, redact, verify};
use ioi_canon::{Limits, Map, Value, parse_file};
use ioi_crypto::PublicKey;
use std::sync::OnceLock;

/// The golden receipt of `schema/vectors`.
pub(crate) const GOLDEN: &[u8] = include_bytes!("../../schema/vectors/receipts/good.json");
const KEY: &[u8] = include_bytes!("../../schema/vectors/receipts/guardian.pub");

/// The key that signed the golden receipt.
pub(crate) fn guardian_key() -> &'static PublicKey {
    static PARSED: OnceLock<PublicKey> = OnceLock::new();
    PARSED.get_or_init(|| parse_public_key(KEY).expect("the golden key"))
}

/// The golden receipt as a value.
pub(crate) fn golden() -> &'static Map {
    static PARSED: OnceLock<Value> = OnceLock::new();
    let limits = Limits { bytes_max: GOLDEN.len(), depth_max: 64 };
    let value = PARSED.get_or_init(|| parse_file(GOLDEN, limits).expect("the golden receipt is canonical"));
    value.as_map().expect("the golden receipt is an object")
}

/// Somebody who trusts the golden key alone is shown the input.
pub(crate) fn check(input: &[u8]) {
    // If the golden receipt did not verify, nothing would, and this target could not fail.
    static GOLDEN_HOLDS: OnceLock<bool> = OnceLock::new();
    let trust = Trust::keys([guardian_key().id()]);
    assert!(*GOLDEN_HOLDS.get_or_init(|| verify(GOLDEN, &trust).is_ok()), "the golden receipt verifies");
    match verify(input, &trust) {
        Ok(report) => {
            assert!(is_golden(input), "something else than the golden receipt verifies");
            let _ = (report.to_string(), report.to_value().to_bytes());
            check_redacted(input);
        }
        Err(VerifyFailure::UnknownKey { report }) => {
            assert_ne!(report.key, guardian_key().id());
            let _ = report.to_string();
        }
        Err(failure) => assert!(!failure.to_string().contains(char::is_control), "{failure}"),
    }
}

/// Without all its openings it still verifies.
fn check_redacted(receipt: &[u8]) {
    if let Ok((redacted, removed)) = redact(receipt, &Selector::All) {
        assert!(removed > 0 && redacted.len() < receipt.len());
        let trust = Trust::keys([guardian_key().id()]);
        assert!(verify(&redacted, &trust).is_ok(), "a redacted receipt verifies");
    }
}

/// Whether these are the golden bytes, with any openings left out: written by another way than the
/// verifier reads them.
fn is_golden(receipt: &[u8]) -> bool {
    let Ok(value) = parse_file(receipt, Limits { bytes_max: GOLDEN.len(), depth_max: 64 }) else {
        return false;
    };
    let Some(map) = value.as_map() else { return false };
    let openings = |map: &Map| map.get("openings").and_then(Value::as_map).cloned().unwrap_or_default();
    let known = openings(golden());
    let given = openings(map);
    let mut whole = map.clone();
    whole.insert("openings".into(), Value::Map(known.clone()));
    whole == *golden() && given.iter().all(|(name, opening)| known.get(name) == Some(opening))
}
