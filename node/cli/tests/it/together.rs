//! Many runs at once on one home.

use crate::place::Place;
use std::fs;

#[test]
fn ten_runs_at_once_on_a_fresh_home_share_one_key_and_all_receipts_verify() {
    let place = Place::new();
    let runs: Vec<_> =
        (0..10).map(|number| place.run(["echo", &format!("number {number}")]).start()).collect();
    for (number, run) in runs.into_iter().enumerate() {
        let outcome = run.outcome();
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert_eq!(outcome.stdout, format!("number {number}\n"));
    }
    let names = |folder: &str| -> Vec<_> {
        fs::read_dir(place.path(folder)).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    assert_eq!(names("home/guardian/keys").len(), 1, "{:?}", names("home/guardian/keys"));
    let receipts = place.receipts();
    assert_eq!(receipts.len(), 10);
    receipts.iter().for_each(|receipt| place.assert_verifies(receipt));
    // Nothing half-written lies beside the public key.
    let mut home = names("home");
    home.sort();
    assert_eq!(home, ["guardian", "guardian.pub", "live", "runs"]);
    assert!(names("home/live").is_empty(), "a run that has ended is still listed: {:?}", names("home/live"));
}
