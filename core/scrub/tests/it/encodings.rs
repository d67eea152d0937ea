//! A finding in every spelling that is read, one inside of another, and at its place.

use crate::redact;
use crate::spell::{ALL, Spelling, spell};
use ioi_scrub::Kind;
use proptest::prelude::*;

const SAMPLES: &[(Kind, &str)] = &[
    (Kind::Email, "ann.lee@example.com"),
    (Kind::Card, "4111 1111 1111 1111"),
    (Kind::Iban, "GB29 NWBK 6016 1331 9268 19"),
    (Kind::Phone, "+44 20 7946 0958"),
    (Kind::FrNir, "2 55 08 14 168 025 38"),
    (Kind::ApiKey, concat!("gh", "p_0123456789abcdefghijABCDEFGHIJ012345")),
    (Kind::SeedPhrase, "legal winner thank year wave sausage worth useful legal winner thank yellow"),
    (Kind::Jwt, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UifQ.c2lnbmF0dXJl"),
];

/// The findings of one kind: their first and last place.
fn covered(text: &str, kind: Kind) -> Option<(usize, usize)> {
    let findings = redact(text.as_bytes()).findings;
    let mut places = findings.iter().filter(|found| found.kind == kind);
    let first = places.next()?;
    let last = places.next_back().unwrap_or(first);
    Some((first.start as usize, last.end as usize))
}

#[test]
fn every_kind_is_found_in_every_spelling_at_its_place() {
    for (kind, sample) in SAMPLES {
        for how in ALL {
            let spelled = spell(sample, *how);
            let text = format!("this is ({spelled}) here");
            let (start, end) = covered(&text, *kind).unwrap_or_else(|| panic!("{kind:?} as {how:?}: {text}"));
            // A byte or two at an edge may be shared with what stands beside it.
            assert!(
                start.abs_diff(9) <= 3 && end.abs_diff(9 + spelled.len()) <= 3,
                "{kind:?} as {how:?}: {text}"
            );
        }
    }
}

#[test]
fn a_spelling_inside_of_another_is_read_and_a_third_one_is_not() {
    let inner = [Spelling::Percent, Spelling::Json, Spelling::Base64, Spelling::Hex];
    let outer = [Spelling::Json, Spelling::Base64, Spelling::Base64Url, Spelling::Hex, Spelling::Percent];
    for (kind, sample) in SAMPLES {
        for (inner, outer) in inner.iter().flat_map(|inner| outer.map(|outer| (*inner, outer))) {
            let text = format!("({})", spell(&spell(sample, inner), outer));
            assert!(covered(&text, *kind).is_some(), "{kind:?} as {inner:?} in {outer:?}: {text}");
        }
    }
    let thrice = spell(&spell(&spell(SAMPLES[0].1, Spelling::Base64), Spelling::Hex), Spelling::Base64);
    assert_eq!(redact(thrice.as_bytes()).findings, []);
}

proptest! {
    #[test]
    fn a_value_is_found_in_base64_and_hexadecimal_whatever_stands_around_it(
        before in prop::collection::vec(any::<u8>(), 0..40), after in prop::collection::vec(any::<u8>(), 0..40), hex in any::<bool>(),
    ) {
        use base64::Engine;
        let bytes = [&before, b" ann.lee@example.com ".as_slice(), &after].concat();
        let text = match hex {
            true => ioi_types::hex::encode(&bytes),
            false => base64::engine::general_purpose::STANDARD.encode(&bytes),
        };
        let text = format!("x {text} y");
        prop_assert!(covered(&text, Kind::Email).is_some(), "{}", text);
        let left = redact(text.as_bytes()).bytes;
        prop_assert!(redact(&left).counts.of(Kind::Email) == 0, "{}", text);
    }

    #[test]
    fn random_bytes_in_base64_are_left_alone(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        use base64::Engine;
        let text = base64::engine::general_purpose::STANDARD.encode(&bytes);
        prop_assert_eq!(redact(text.as_bytes()).counts.total(), 0);
    }
}

#[test]
fn a_private_key_in_base64_takes_the_rest_of_it() {
    let pem =
        format!("kind: x\n-----BEGIN {}-----\n{}\n", ["PRIVATE", "KEY"].join(" "), "QUJD".repeat(40_000));
    let encoded = spell(&pem, Spelling::Base64);
    let text = format!("data: {encoded} and on");
    let outcome = redact(text.as_bytes());
    assert_eq!(outcome.counts.of(Kind::PrivateKey), 1);
    let found = outcome.findings[0];
    assert!(found.start < 20 && found.end as usize >= 6 + encoded.trim_end_matches('=').len(), "{found:?}");
    assert!(outcome.bytes.ends_with(b" and on"));
}

#[test]
fn a_private_key_in_json_is_found_to_its_last_line() {
    let key = ["PRIVATE", "KEY"].join(" ");
    let text = format!(r#"{{"key":"-----BEGIN {key}-----\nMIIEvQ==\n-----END {key}-----\n","user":"ann"}}"#);
    let outcome = redact(text.as_bytes());
    assert_eq!(outcome.bytes, br#"{"key":"<REDACTED:private_key>\n","user":"ann"}"#);
}
