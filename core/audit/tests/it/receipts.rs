//! The table of bad receipts, through both verifiers.

use crate::forge::{GUARDIAN, Signer};
use crate::python::{Python, scratch};
use crate::{sample, table};
use ioi_audit::{Trust, VerifyFailure, verify};

fn trusted() -> Trust {
    Trust::keys([Signer::new(GUARDIAN).fingerprint().parse().unwrap()])
}

fn exit_code(receipt: &[u8]) -> (u8, String) {
    match verify(receipt, &trusted()) {
        Ok(_) => (0, "verified".into()),
        Err(failure) => (failure.exit_code(), failure.to_string()),
    }
}

#[test]
fn every_row_of_the_table_has_its_exit_code() {
    let rows = table::rows(&sample::receipt());
    let distinct: std::collections::BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(distinct.len(), rows.len(), "two rows have one name");
    let mut wrong = Vec::new();
    for row in &rows {
        let (code, why) = exit_code(&row.bytes);
        if code != row.expected {
            wrong.push(format!("{}: {code} instead of {} ({why})", row.name, row.expected));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn every_row_of_the_table_has_its_exit_code_in_verify_py() {
    let Some(python) = Python::find() else { return };
    let rows = table::rows(&sample::receipt());
    let files: Vec<_> = rows.iter().map(|_| scratch("row.json")).collect();
    for (row, file) in rows.iter().zip(&files) {
        std::fs::write(file, &row.bytes).unwrap();
    }
    let codes = python.exit_codes(&files, &Signer::new(GUARDIAN).fingerprint(), "with");
    assert_eq!(codes.len(), rows.len());
    let wrong: Vec<String> = rows
        .iter()
        .zip(&codes)
        .filter(|(row, code)| **code != row.python.to_string())
        .map(|(row, code)| format!("{}: {code} instead of {}", row.name, row.python))
        .collect();
    files.iter().for_each(|file| drop(std::fs::remove_file(file)));
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn without_the_library_verify_py_never_says_verified() {
    let Some(python) = Python::find() else { return };
    let files = [scratch("good.json"), scratch("bad.json")];
    let good = sample::receipt();
    std::fs::write(&files[0], &good).unwrap();
    std::fs::write(&files[1], &good[1..]).unwrap();
    let codes = python.exit_codes(&files, &Signer::new(GUARDIAN).fingerprint(), "without");
    assert_eq!(codes, ["5", "4"]);
}

#[test]
fn verify_py_finds_the_key_where_it_should() {
    let Some(python) = Python::find() else { return };
    let (receipt, empty, home) = (scratch("good.json"), scratch("empty"), scratch("home"));
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(&receipt, sample::receipt()).unwrap();
    let key = ioi_audit::encode_public_key(&sample::key().public());
    std::fs::write(home.join("guardian.pub"), &key).unwrap();
    let (receipt, home_text) = (receipt.to_str().unwrap(), home.to_str().unwrap());
    let file = home.join("guardian.pub");
    let file = file.to_str().unwrap();
    let fingerprint = Signer::new(GUARDIAN).fingerprint();
    let stranger = format!("sha256:{}", "0".repeat(64));

    let (code, out, _) = python.run(&[receipt], &home);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("not recomputed"), "{out}");
    assert_eq!(python.run(&[receipt, "--key", file], &empty).0, 0);
    assert_eq!(python.run(&[receipt, "--key", &fingerprint], &empty).0, 0);
    let (code, out, _) = python.run(&[receipt, "--json"], &empty);
    assert!(code == 5 && out.contains(&fingerprint), "{out}");
    assert_eq!(python.run(&[receipt, "--key", &stranger], &home).0, 5);
    for arguments in [
        &[][..],
        &[receipt, "--key", receipt],
        &[receipt, "--key", "/nonexistent"],
        &[receipt, "--key", "sha256:ab"],
        &["/nonexistent"],
        &[home_text],
        &[receipt, "--zone"],
    ] {
        let (code, _, errors) = python.run(arguments, &home);
        assert!(code == 2 && !errors.contains("Traceback"), "{arguments:?}: {code} {errors}");
    }
    std::fs::write(home.join("guardian.pub"), &key[1..]).unwrap();
    assert_eq!(python.run(&[receipt], &home).0, 2, "a damaged default key is not silently left out");
}

#[test]
fn verify_py_is_short_enough_to_be_read() {
    let script = std::fs::read_to_string(Python::script()).unwrap();
    assert!(script.lines().count() <= 300);
    assert!(script.lines().all(|line| line.len() <= 120));
}

#[test]
fn an_unknown_key_is_named_by_its_fingerprint() {
    let failure = verify(&sample::receipt(), &Trust::default()).unwrap_err();
    assert_eq!(failure.exit_code(), 5);
    assert!(failure.to_string().contains(&Signer::new(GUARDIAN).fingerprint()), "{failure}");
    assert!(matches!(failure, VerifyFailure::UnknownKey { .. }));
}

/// Every single byte, not a sample: some minutes without optimisation.
#[test]
#[ignore = "slow: cargo test --release -p ioi-audit -- --ignored"]
fn no_byte_of_a_receipt_can_be_changed_or_removed() {
    let good = sample::receipt();
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 1;
        assert_eq!(exit_code(&changed).0, 4, "byte {at} changed");
        changed.remove(at);
        assert_eq!(exit_code(&changed).0, 4, "byte {at} removed");
    }
}

#[test]
fn nothing_that_is_read_can_stop_the_verifier() {
    let good = sample::receipt();
    let mut random = table::Random(7);
    // Pieces of the receipt in another order, so that much of it is well-formed.
    for round in 0..2_000 {
        let mut bytes = Vec::new();
        for _ in 0..1 + random.below(4) {
            let start = random.below(good.len());
            let end = start + random.below(good.len() - start);
            bytes.extend_from_slice(&good[start..=end.min(good.len() - 1)]);
        }
        assert_eq!(exit_code(&bytes).0, 4, "seed 7, round {round}");
    }
}
