//! Receipts: accepted as they are, refused when changed, by both verifiers alike.

use crate::place::{Call, Place, skip};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

fn with_receipt() -> (Place, PathBuf) {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    let outcome = place.ask("Where does the heron nest?").outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let receipt = place.receipts().remove(0);
    (place, receipt)
}

/// The verifier that uses none of our programs, where the caller has a Python that can run it.
fn verify_py(place: &Place, receipt: &Path) -> Option<Call> {
    let script = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR")?).join("../../verify.py");
    let python = std::env::var_os("IOI_PYTHON")?;
    let mut call = place.other(Path::new(&python));
    call.command.arg("-I").arg(script).arg(receipt);
    Some(call)
}

/// Asserts the exit code of `ioi verify`, and that of the other verifier if it can be run.
#[track_caller]
fn assert_code(place: &Place, receipt: &Path, code: i32) -> String {
    let ours = place.ioi([OsStr::new("verify"), receipt.as_ref()]).outcome();
    assert_eq!(ours.code, Some(code), "{ours:?}");
    match verify_py(place, receipt) {
        Some(call) => {
            let theirs = call.outcome();
            assert_eq!(theirs.code, Some(code), "verify.py: {theirs:?}");
        }
        None => skip("verify.py: IOI_PYTHON is not set"),
    }
    ours.stdout + &ours.stderr
}

#[test]
fn both_verifiers_accept_a_receipt() {
    let (place, receipt) = with_receipt();
    let report = assert_code(&place, &receipt, 0);
    assert!(report.contains("2 of 2 recomputed"), "{report}");
}

#[test]
fn a_receipt_that_was_changed_cut_or_added_to_is_corrupt() {
    let (place, receipt) = with_receipt();
    let bytes = fs::read(&receipt).unwrap();
    let length = bytes.len();
    let changed = place.path("work/changed.json");
    // Places spread over the file; the unit tests of the format go through all bytes.
    for at in (0..length).step_by(length / 6) {
        for flip in [0x01, 0x80] {
            let mut other = bytes.clone();
            other[at] ^= flip;
            fs::write(&changed, other).unwrap();
            assert_code(&place, &changed, 4);
        }
    }
    let longer = [&bytes[..], b" "].concat();
    for other in [&bytes[..0], &bytes[..1], &bytes[..length / 2], &bytes[..length - 1], &longer] {
        fs::write(&changed, other).unwrap();
        assert_code(&place, &changed, 4);
    }
    fs::write(&changed, &bytes).unwrap();
    assert_code(&place, &changed, 0);
}

#[test]
fn a_receipt_of_another_guardian_is_not_verified_and_names_the_key() {
    let (place, receipt) = with_receipt();
    let (other, others_receipt) = with_receipt();
    let key = |place: &Place| {
        let event = place.ask("heron?").outcome().event("receipt");
        event["key"].as_str().unwrap().to_owned()
    };
    let (ours, theirs) = (key(&place), key(&other));
    assert_ne!(ours, theirs);
    let said = assert_code(&place, &others_receipt, 5);
    assert!(said.contains(&theirs), "{said}");
    assert_code(&other, &receipt, 5);
    // A home without any key trusts nobody.
    assert_code(&Place::new(), &receipt, 5);
    // The fingerprint, or the key file, makes it known.
    for trusted in [theirs.as_ref(), other.path("home/guardian.pub").as_os_str()] {
        let call = place.ioi([OsStr::new("verify"), "--key".as_ref(), trusted, others_receipt.as_ref()]);
        let verified = call.outcome();
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }
}

#[test]
fn what_is_no_receipt_is_refused_by_name() {
    let (place, _) = with_receipt();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        place.path("work/fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    for (name, code, word) in
        [("missing", 2, "missing"), ("fifo", 2, "regular"), (".", 2, "regular"), ("bin", 4, "corrupt")]
    {
        fs::write(place.path("work/bin"), [0xff; 64]).unwrap();
        place.ioi(["verify", name]).outcome().assert_fails(code, &[word]);
    }
}

#[test]
fn a_redacted_receipt_verifies_and_holds_no_removed_word() {
    let (place, receipt) = with_receipt();
    let shorter = place.path("work/shorter.json");
    let words =
        [OsStr::new("receipt"), "redact".as_ref(), "--remove".as_ref(), "all".as_ref(), "--output".as_ref()];
    let outcome = place.ioi(words).arguments([shorter.as_os_str(), receipt.as_ref()]).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(fs::read_to_string(&receipt).unwrap().contains("heron"));
    assert!(!fs::read_to_string(&shorter).unwrap().contains("heron"));
    assert_code(&place, &shorter, 0);
}

#[test]
fn the_receipt_is_copied_where_it_is_asked_for_and_a_place_that_is_none_is_said_before_anything_runs() {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    let copied = place.ask("heron?").arguments(["--receipt", "copy.json"]).outcome();
    assert_eq!(copied.code, Some(0), "{copied:?}");
    assert_eq!(fs::read(place.path("work/copy.json")).unwrap(), fs::read(&place.receipts()[0]).unwrap());
    let failed = place.ask("heron?").arguments(["--receipt", "no/such/folder.json"]).outcome();
    failed.assert_fails(2, &["no/such/folder.json"]);
    assert_eq!(place.receipts().len(), 1);
}
